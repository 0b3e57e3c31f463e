#include "io/tls_probe.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <functional>
#include <sys/socket.h>
#include <thread>

#include <gmock/gmock.h>

#include "io/openssl_handles.hpp"
#include "support/self_signed.hpp"

namespace sluice::io {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

SteadyTime soon() {
  return std::chrono::steady_clock::now() + 10s;
}

// Accepts one connection on loopback and does something with it.
class OneConnection {
 public:
  explicit OneConnection(std::function<void(int socket)> serve)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::signal(SIGPIPE, SIG_IGN);  // as the server does
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(listener_.get(), 1);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, serve = std::move(serve)] {
      const Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (socket.is_open()) serve(socket.get());
    });
  }
  ~OneConnection() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  OneConnection(const OneConnection&) = delete;
  OneConnection& operator=(const OneConnection&) = delete;

  [[nodiscard]] Descriptor connected() const {
    const auto addresses = resolve("localhost", std::to_string(port_), soon());
    if (addresses) {
      for (const auto& address : *addresses) {
        if (auto socket = connect_to(Caller::Connection, address, soon()))
          return std::move(*socket);
      }
    }
    ADD_FAILURE() << "nobody accepts on localhost";
    return {};
  }

 private:
  Descriptor listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// A TLS server that answers each request with itself; `wants_client`: only to who has a certificate
// that it knows, which nobody has.
std::function<void(int)> echo_over_tls(const test::SelfSigned& identity, bool wants_client) {
  return [identity, wants_client](int socket) {
    const TlsContextPtr context(SSL_CTX_new(TLS_server_method()));
    const auto bio = bio_of(identity.certificate_pem);
    SSL_CTX_use_certificate(context.get(), next_certificate(bio.get()).get());
    SSL_CTX_use_PrivateKey(context.get(), key_of(identity.key_pem, "").get());
    if (wants_client)
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    const TlsPtr tls(SSL_new(context.get()));
    SSL_set_fd(tls.get(), socket);
    char buffer[64];
    if (SSL_accept(tls.get()) != 1) return;
    const int size = SSL_read(tls.get(), buffer, sizeof buffer);
    if (size > 0) SSL_write(tls.get(), buffer, size);
  };
}

TEST(TlsProbe, SaysWhomItMetAndAsks) {
  const auto server = test::make_self_signed();
  const OneConnection connection(echo_over_tls(server, false));

  auto probe = TlsProbe::open(connection.connected(), "localhost",
                              {.ca_pem = server.certificate_pem}, soon());

  ASSERT_TRUE(probe) << probe.error().detail;
  EXPECT_THAT(probe->summary(), HasSubstr("CN=localhost, valid until 20"));
  const auto answer = probe->ask("hello", 5, soon());
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(*answer, "hello");
}

TEST(TlsProbe, TrustsOnlyWhomItIsTold) {
  const auto server = test::make_self_signed();
  const OneConnection connection(echo_over_tls(server, false));

  const auto probe = TlsProbe::open(connection.connected(), "localhost",
                                    {.ca_pem = test::make_self_signed().certificate_pem}, soon());

  ASSERT_FALSE(probe);
  EXPECT_EQ(probe.error().code, Errc::NotAuthorized);
  EXPECT_THAT(probe.error().detail, HasSubstr("CN=localhost"));
}

TEST(TlsProbe, SaysThatTheCertificateIsForSomebodyElse) {
  const auto server = test::make_self_signed();
  const OneConnection connection(echo_over_tls(server, false));

  const auto probe = TlsProbe::open(connection.connected(), "kafka.example",
                                    {.ca_pem = server.certificate_pem}, soon());

  ASSERT_FALSE(probe);
  EXPECT_THAT(probe.error().detail, HasSubstr("is not for kafka.example"));
}

TEST(TlsProbe, FindsOutThatAnotherClientIsWanted) {
  const auto server = test::make_self_signed();
  const OneConnection connection(echo_over_tls(server, true));

  auto probe = TlsProbe::open(connection.connected(), "localhost",
                              {.ca_pem = server.certificate_pem}, soon());
  const auto failure = probe ? probe->ask("hello", 5, soon()).error() : probe.error();

  EXPECT_EQ(failure.code, Errc::Unavailable);
  EXPECT_THAT(failure.detail, HasSubstr("certificate"));
}

TEST(TlsProbe, EndsWhenTheOtherSideSpeaksNoTls) {
  const OneConnection connection([](int socket) {
    constexpr std::string_view kText = "this is no TLS at all\r\n";
    EXPECT_EQ(::send(socket, kText.data(), kText.size(), MSG_NOSIGNAL), ssize_t{kText.size()});
  });

  const auto probe = TlsProbe::open(connection.connected(), "localhost", {}, soon());

  ASSERT_FALSE(probe);
  EXPECT_EQ(probe.error().code, Errc::Unavailable);
}

TEST(TlsProbe, WaitsNoLongerThanItIsTold) {
  const OneConnection connection([](int socket) {
    char byte = 0;
    while (::recv(socket, &byte, 1, 0) > 0) {
    }
  });

  const auto probe = TlsProbe::open(connection.connected(), "localhost", {},
                                    std::chrono::steady_clock::now() + 50ms);

  ASSERT_FALSE(probe);
  EXPECT_EQ(probe.error().code, Errc::Timeout);
}

TEST(Resolve, SaysThatANameHasNoAddress) {
  const auto found = resolve("no-such-host.invalid", "1", soon());

  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::Unavailable);
}

}  // namespace
}  // namespace sluice::io
