// A WebSocket from its request to its end.
#include "net/web_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/net/client_frames.hpp"

namespace sluice::net {
namespace {

using test::frame;
using test::Kind;
using testing::HasSubstr;
using testing::StartsWith;

// The example of RFC 6455 1.3, for MQTT.
struct Request {
  std::string line = "GET /mqtt HTTP/1.1";
  std::string host = "Host: server.example.org:8083\r\n";
  std::string upgrade = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n";
  std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  std::string version = "Sec-WebSocket-Version: 13\r\n";
  std::string protocol = "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n";
  std::string more = {};

  [[nodiscard]] std::string text() const {
    return line + "\r\n" + host + upgrade + key + version + protocol + more + "\r\n";
  }
};

struct Served {
  explicit Served(WebSocketServing serving = {})
      : socket(std::make_shared<const WebSocketServing>(std::move(serving))) {}

  Served& take(std::string bytes) {
    const auto size = socket.take(bytes, answer);
    carried.append(bytes, 0, size);
    return *this;
  }

  WebSocket socket;
  std::string carried;
  std::string answer;
};

std::string status_of(const Request& request, WebSocketServing serving = {}) {
  Served served(std::move(serving));
  served.take(request.text());
  const bool is_open = served.socket.state() == WebSocket::State::Open;
  const auto status = served.answer.substr(0, 12);
  EXPECT_EQ(is_open, status == "HTTP/1.1 101") << served.answer;
  EXPECT_EQ(is_open, served.socket.failure().empty());
  return status.substr(9);
}

TEST(WebSocket, IsOpenedAsTheStandardSays) {
  Served served;

  served.take(Request().text());

  EXPECT_EQ(served.socket.state(), WebSocket::State::Open);
  EXPECT_EQ(served.answer,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Sec-WebSocket-Protocol: mqtt\r\n\r\n");  // [MQTT-6.0.0-4]
}

TEST(WebSocket, TakesARequestInAnyPiecesAndFramesBehindIt) {
  const auto bytes = Request().text() + frame(Kind::Binary, "packet");
  Served whole;
  Served pieces;

  whole.take(bytes);
  for (const char byte : bytes) pieces.take(std::string(1, byte));

  EXPECT_EQ(whole.carried, "packet");
  EXPECT_EQ(pieces.carried, "packet");
  EXPECT_EQ(whole.answer, pieces.answer);
}

TEST(WebSocket, RefusesWhatIsNoRequestForIt) {
  EXPECT_EQ(status_of({}), "101");
  EXPECT_EQ(status_of({.line = "GET /mqtt?a=b HTTP/1.1"}), "101");
  EXPECT_EQ(status_of({.line = "GET / HTTP/1.1"}), "404");
  EXPECT_EQ(status_of({.line = "GET /MQTT HTTP/1.1"}), "404");
  EXPECT_EQ(status_of({.line = "GET /mqtt HTTP/1.0"}), "400");
  EXPECT_EQ(status_of({.line = "POST /mqtt HTTP/1.1"}), "400");
  EXPECT_EQ(status_of({.line = "GET /mqtt"}), "400");
  EXPECT_EQ(status_of({.host = ""}), "400");
  EXPECT_EQ(status_of({.host = "Host: a\r\nHost: b\r\n"}), "400");
  EXPECT_EQ(status_of({.upgrade = ""}), "426");
  EXPECT_EQ(status_of({.upgrade = "Upgrade: h2c\r\nConnection: Upgrade\r\n"}), "426");
  EXPECT_EQ(status_of({.version = "Sec-WebSocket-Version: 8\r\n"}), "426");
  EXPECT_EQ(status_of({.version = ""}), "426");
  EXPECT_EQ(status_of({.key = ""}), "400");
  EXPECT_EQ(status_of({.key = "Sec-WebSocket-Key: c2hvcnQ=\r\n"}), "400");
  EXPECT_EQ(status_of({.protocol = ""}), "400");
  EXPECT_EQ(status_of({.protocol = "Sec-WebSocket-Protocol: MQTT\r\n"}), "400");
  EXPECT_EQ(status_of({.more = "Content-Length: 5\r\n"}), "400");
  EXPECT_EQ(status_of({.more = "Transfer-Encoding: chunked\r\n"}), "400");
  EXPECT_EQ(status_of({.more = "no colon\r\n"}), "400");
}

TEST(WebSocket, RefusesARequestWithoutAnEnd) {
  Served served;

  served.take("GET /mqtt HTTP/1.1\r\nX: ");
  for (int i = 0; i < 9; ++i) served.take(std::string(1000, 'x'));

  EXPECT_EQ(served.socket.state(), WebSocket::State::Failed);
  EXPECT_THAT(served.answer, StartsWith("HTTP/1.1 431 "));
}

TEST(WebSocket, RefusesAnotherProtocolAtItsFirstByte) {
  Served served;

  served.take("\x10");

  EXPECT_EQ(served.socket.state(), WebSocket::State::Failed);
  EXPECT_THAT(served.answer, StartsWith("HTTP/1.1 400 "));
}

TEST(WebSocket, LetsPagesInThatAreNamed) {
  const Request page{.more = "Origin: https://app.example.org\r\n"};

  EXPECT_EQ(status_of(page), "403");
  EXPECT_EQ(status_of(page, {.origins = {"https://app.example.org"}}), "101");
  EXPECT_EQ(status_of(page, {.origins = {"https://APP.example.org"}}), "101");
  EXPECT_EQ(status_of(page, {.origins = {"http://app.example.org", "https://example.org"}}), "403");
  EXPECT_EQ(status_of(page, {.origins = {"*"}}), "101");
  EXPECT_EQ(status_of({.more = "Origin: null\r\n"}), "403");
  EXPECT_EQ(status_of({.more = "Origin:\r\n"}), "403");
}

// The name of a page proves its place only where it is an address, or a certificate vouches for it.
TEST(WebSocket, LetsPagesInThatCameFromHere) {
  for (const auto* host : {"127.0.0.1:8083", "localhost:8083", "[::1]:8083", "10.0.0.1"}) {
    const Request page{.host = std::string("Host: ") + host + "\r\n",
                       .more = std::string("Origin: http://") + host + "\r\n"};
    EXPECT_EQ(status_of(page), "101") << host;
  }
  const Request named{.more = "Origin: http://server.example.org:8083\r\n"};
  EXPECT_EQ(status_of(named), "403");
  EXPECT_EQ(status_of(named, {.is_encrypted = true}), "101");
  EXPECT_EQ(
      status_of({.host = "Host: 127.0.0.1:8083\r\n", .more = "Origin: http://127.0.0.1:9999\r\n"}),
      "403");
}

TEST(WebSocket, EndsAsTheClientEndsIt) {
  Served served;
  served.take(Request().text());

  served.take(frame(Kind::Close, std::string("\x0F\xA0"
                                             "bye",
                                             5)));
  std::string wire;
  served.socket.finish(wire);

  EXPECT_EQ(served.socket.state(), WebSocket::State::Ended);
  EXPECT_EQ(wire, std::string("\x88\x02\x0F\xA0", 4));
}

TEST(WebSocket, SaysWhyItEndsItself) {
  Served served;
  served.take(Request().text());

  served.take(frame(Kind::Text, "hello"));
  std::string wire;
  served.socket.finish(wire);

  EXPECT_EQ(served.socket.state(), WebSocket::State::Failed);
  EXPECT_THAT(served.socket.failure(), HasSubstr("text"));
  EXPECT_EQ(wire, std::string("\x88\x02\x03\xEB", 4));
}

}  // namespace
}  // namespace sluice::net
