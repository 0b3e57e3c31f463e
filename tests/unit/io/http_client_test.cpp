#include "io/http_client.hpp"

#include <sys/socket.h>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::HasSubstr;

// Takes one connection, remembers what it was sent, and answers `answer`; nothing when it is empty.
class OneShotServer {
 public:
  explicit OneShotServer(std::string answer, bool stays_open = false)
      : acceptor_(loop_, {asio::ip::make_address("127.0.0.1"), 0}),
        thread_([this, answer = std::move(answer), stays_open] { run(answer, stays_open); }) {}
  ~OneShotServer() {
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // where nobody has come
    thread_.join();
  }

  std::string url(std::string_view path = "/") {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) +
           std::string(path);
  }
  const std::string& received() const { return received_; }

 private:
  void run(const std::string& answer, bool stays_open) {
    boost::system::error_code error;
    tcp::socket socket(loop_);
    acceptor_.accept(socket, error);
    char bytes[4096];
    while (!error && received_.find("\r\n\r\n") == std::string::npos) {
      const auto count = socket.read_some(asio::buffer(bytes), error);
      received_.append(bytes, count);
    }
    asio::write(socket, asio::buffer(answer), error);
    while (stays_open && !error) socket.read_some(asio::buffer(bytes), error);
  }

  asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::string received_;
  std::thread thread_;
};

TEST(HttpClient, ReceivesStatusHeadersAndBody) {
  OneShotServer server("HTTP/1.1 418 Teapot\r\nX-Kind: short\r\nContent-Length: 5\r\n\r\nstout");

  const auto answer = send({.method = "DELETE", .url = server.url("/a?b=c")});

  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_EQ(answer->status, 418U);
  EXPECT_EQ(answer->header("x-kind"), "short");
  EXPECT_EQ(answer->header("x-other"), "");
  EXPECT_EQ(answer->body, "stout");
  EXPECT_THAT(server.received(), testing::StartsWith("DELETE /a?b=c HTTP/1.1\r\n"));
  EXPECT_THAT(server.received(), HasSubstr("Host: 127.0.0.1:"));
}

TEST(HttpClient, SendsHeadersAndBody) {
  OneShotServer server("HTTP/1.1 204 No Content\r\n\r\n");

  const auto answer = send({.method = "POST",
                            .url = server.url(),
                            .headers = {{"Content-Type", "application/json"}},
                            .body = "{}"});

  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_THAT(server.received(), HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(server.received(), HasSubstr("Content-Length: 2\r\n"));
}

TEST(HttpClient, ReadsOverWhatComesBeforeTheAnswer) {
  OneShotServer server(
      "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstout");

  const auto answer = send({.url = server.url()});

  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_EQ(answer->status, 200U);
  EXPECT_EQ(answer->body, "stout");
}

TEST(HttpClient, GivesUpOnAnAnswerThatIsOnlyAnnounced) {
  std::string hints;
  for (int i = 0; i < 20; ++i) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
  OneShotServer server(hints);

  const auto answer = send({.url = server.url()});

  ASSERT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().detail, HasSubstr("announces"));
}

TEST(HttpClient, GivesUpOnAServerThatDoesNotAnswer) {
  OneShotServer server("", true);

  const auto answer = send({.url = server.url(), .timeout = std::chrono::milliseconds(1000)});

  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::Timeout);
}

TEST(HttpClient, GivesUpOnAnAnswerThatNeverEnds) {
  OneShotServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx", true);

  const auto answer = send({.url = server.url(), .timeout = std::chrono::milliseconds(1000)});

  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::Timeout);
}

TEST(HttpClient, BoundsTheAnswer) {
  OneShotServer server("HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x'));

  const auto answer = send({.url = server.url(), .maximum_body_bytes = 4096});

  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::Overloaded);
}

TEST(HttpClient, SaysWhoIsAway) {
  std::string url;
  {
    asio::io_context loop;
    tcp::acceptor closed(loop, {asio::ip::make_address("127.0.0.1"), 0});
    url = "http://127.0.0.1:" + std::to_string(closed.local_endpoint().port());
  }

  const auto answer = send({.url = url});

  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::Unavailable);
  EXPECT_THAT(answer.error().detail, HasSubstr("127.0.0.1"));
}

TEST(HttpClient, ReportsABrokenAnswer) {
  OneShotServer server("SSH-2.0-nothing\r\n");

  const auto answer = send({.url = server.url()});

  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::IoFailed);
}

TEST(HttpClient, RefusesHeadersThatWouldBecomeTwo) {
  const auto with = [](std::string name, std::string value) {
    return send({.url = "http://127.0.0.1:1/", .headers = {{std::move(name), std::move(value)}}});
  };

  EXPECT_EQ(with("X", "a\r\nY: b").error().code, Errc::InvalidArgument);
  EXPECT_EQ(with("X: a\r\nY", "b").error().code, Errc::InvalidArgument);
  EXPECT_EQ(with("", "b").error().code, Errc::InvalidArgument);
  EXPECT_EQ(send({.method = "GET / HTTP/1.1\r\n", .url = "http://127.0.0.1:1/"}).error().code,
            Errc::InvalidArgument);
}

TEST(Url, HasParts) {
  const auto plain = parse_http_url("http://example.org");
  EXPECT_EQ(plain->host, "example.org");
  EXPECT_EQ(plain->port, 80);
  EXPECT_EQ(plain->target, "/");
  const auto v6 = parse_http_url("http://[::1]:8080/a/b?c=d#e");
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 8080);
  EXPECT_EQ(v6->target, "/a/b?c=d");
  EXPECT_EQ(parse_http_url("http://h?x")->target, "/?x");
}

TEST(Url, IsRefusedWhenItIsNone) {
  for (const auto* text : {"", "example.org", "https://example.org", "http://", "http://:80",
                           "http://h:0", "http://h:99999", "http://h:x", "http://[::1",
                           "http://[::1]8080", "http://a@h", "http://h/ x", "http://h/\r\nX: y"}) {
    EXPECT_FALSE(parse_http_url(text).has_value()) << text;
  }
}

TEST(HttpClient, KnowsWhatIsSecureOnlyWhereThatIsAskedFor) {
  EXPECT_FALSE(parse_http_url("https://example.com/"));
  const auto secure = parse_web_url("https://example.com/in?a=b");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->is_tls);
  EXPECT_EQ(secure->port, 443);
  EXPECT_EQ(secure->target, "/in?a=b");
  EXPECT_FALSE(parse_web_url("http://[::1]:8080")->is_tls);
  for (const std::string_view text : {"ftp://x/", "https://", "https://u:p@x/", "https://x:0/"})
    EXPECT_FALSE(parse_web_url(text)) << text;
}

}  // namespace
}  // namespace sluice::io
