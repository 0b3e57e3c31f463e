// TLS without sockets: OpenSSL's own client against ours, the wire cut into any pieces.
#include "net/tls_session.hpp"

#include <filesystem>
#include <random>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace sluice::net {
namespace {

using testing::HasSubstr;
using TlsState = TlsSession::State;

// A key and a certificate of its own, made for this run.
class Files {
 public:
  Files() {
    std::filesystem::create_directories(folder_);
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    auto* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("server"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    BIO* out = BIO_new_file(this->certificate().c_str(), "w");
    PEM_write_bio_X509(out, certificate);
    BIO_free(out);
    out = BIO_new_file(this->key().c_str(), "w");
    PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    BIO_free(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Files() { std::filesystem::remove_all(folder_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  [[nodiscard]] std::string certificate() const { return folder_ / "certificate.pem"; }
  [[nodiscard]] std::string key() const { return folder_ / "key.pem"; }

 private:
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("sluice-tls-test-" + std::to_string(::getpid()));
};

std::shared_ptr<const io::TlsContext> context() {
  static const auto kLoaded = [] {
    const Files files;
    io::TlsOptions options;
    options.certificates.push_back({"", files.certificate(), files.key()});
    options.protocol = "mqtt";
    return io::TlsContext::load(options);
  }();
  EXPECT_TRUE(kLoaded.has_value()) << kLoaded.error().detail;
  return *kLoaded;
}

class Client {
 public:
  explicit Client(int version) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_, version);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
  }
  ~Client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ERR_clear_error();
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // What it has to say next.
  std::string say() {
    SSL_do_handshake(ssl_);
    std::string wire(static_cast<std::size_t>(BIO_pending(SSL_get_wbio(ssl_))), '\0');
    if (!wire.empty()) BIO_read(SSL_get_wbio(ssl_), wire.data(), static_cast<int>(wire.size()));
    return wire;
  }
  void hear(const std::string& wire) {
    if (!wire.empty()) BIO_write(SSL_get_rbio(ssl_), wire.data(), static_cast<int>(wire.size()));
  }
  void write(const std::string& bytes) {
    SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string read() {
    std::string bytes;
    char piece[20000];
    int count = 0;
    while ((count = SSL_read(ssl_, piece, sizeof piece)) > 0)
      bytes.append(piece, static_cast<std::size_t>(count));
    return bytes;
  }
  void close() { SSL_shutdown(ssl_); }
  [[nodiscard]] bool was_closed() const {
    return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

 private:
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

// A session of ours that is given the wire in pieces.
struct Server {
  TlsSession session{context(), UserFrom::Nothing};
  std::string plain = {};
  std::string answer = {};

  void take(std::string_view wire, std::size_t piece) {
    while (!wire.empty()) {
      const auto part = wire.substr(0, piece);
      const std::unique_ptr<char[]> into(new char[part.size() + TlsSession::kRoom]);
      const auto size = session.take(part, into.get(), answer);
      plain.append(into.get(), size);
      wire.remove_prefix(part.size());
    }
  }
  void give(std::string_view bytes) { session.give(bytes, answer); }
  std::string take_answer() { return std::exchange(answer, {}); }
};

void shake_hands(Client& client, Server& server, std::size_t piece) {
  for (int i = 0; i < 4; ++i) {
    server.take(client.say(), piece);
    client.hear(server.take_answer());
  }
  ASSERT_EQ(server.session.state(), TlsState::Open) << server.session.failure();
}

TEST(TlsSession, CarriesBytesHoweverTheWireIsCut) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t piece : {1UL, 1000UL, 1000000UL}) {
      Client client(version);
      Server server;
      shake_hands(client, server, piece);
      const std::string large(piece == 1 ? 2'000 : 100'000, 'x');

      client.write("hello ");
      client.write(large);
      server.take(client.say(), piece);
      server.give(large + "bye");
      client.hear(server.take_answer());

      EXPECT_EQ(server.plain, "hello " + large);
      EXPECT_EQ(client.read(), large + "bye");
    }
  }
}

TEST(TlsSession, SaysFarewellAndHearsIt) {
  Client client(TLS1_3_VERSION);
  Server server;
  shake_hands(client, server, 1000);

  client.write("last");
  client.close();
  server.take(client.say(), 1000000);
  EXPECT_EQ(server.plain, "last");
  EXPECT_EQ(server.session.state(), TlsState::Ended);
  EXPECT_EQ(server.session.failure(), "");

  server.session.finish(server.answer);
  client.hear(server.take_answer());
  EXPECT_EQ(client.read(), "");
  EXPECT_TRUE(client.was_closed());
}

TEST(TlsSession, FailsWithAReasonOnWhatIsNoTls) {
  Server server;

  server.take(std::string("\x10\x0C\x00\x04MQTT and more", 17), 1000);

  EXPECT_EQ(server.session.state(), TlsState::Failed);
  EXPECT_NE(server.session.failure(), "");
  EXPECT_EQ(server.plain, "");
}

TEST(TlsSession, FailsOnAChangedRecordAndTellsThePeer) {
  Client client(TLS1_3_VERSION);
  Server server;
  shake_hands(client, server, 1000);
  client.write("intact");
  auto wire = client.say();
  wire.back() = static_cast<char>(wire.back() ^ 1);

  server.take(wire, 1000);

  EXPECT_EQ(server.session.state(), TlsState::Failed);
  EXPECT_THAT(server.session.failure(), HasSubstr("mac"));
  EXPECT_EQ(server.plain, "");
  EXPECT_FALSE(server.answer.empty());
}

// Under the sanitizers: whatever comes, nothing is read or written outside.
TEST(TlsSession, OutlivesDamagedHandshakes) {
  std::mt19937 random(7);  // the same every time
  for (int round = 0; round < 100; ++round) {
    Client client(round % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
    Server server;
    const int damaged = static_cast<int>(random() % 3);
    for (int i = 0; i < 3; ++i) {
      auto wire = client.say();
      if (i == damaged && !wire.empty())
        wire[random() % wire.size()] ^= static_cast<char>(random());
      server.take(wire, 1 + random() % 500);
      client.hear(server.take_answer());
    }
    server.session.finish(server.answer);
    EXPECT_EQ(server.plain, "");
  }
}

}  // namespace
}  // namespace sluice::net
