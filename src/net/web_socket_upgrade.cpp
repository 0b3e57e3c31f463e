#include "net/web_socket_upgrade.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <openssl/evp.h>

#include "base/base64.hpp"

namespace sluice::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

using Request = http::request<http::empty_body>;

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::string_view kProtocol = "mqtt";
constexpr std::size_t kKeyText = 24;  // 16 bytes in base64

UpgradeAnswer refuse(std::string_view status, std::string reason, std::string_view headers = {}) {
  UpgradeAnswer answer;
  answer.response.append("HTTP/1.1 ").append(status).append("\r\n").append(headers);
  answer.response += "Content-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
                     std::to_string(reason.size() + 1) + "\r\n\r\n" + reason + "\n";
  answer.reason = std::move(reason);
  return answer;
}

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

bool has_token(const Request& request, http::field name, beast::string_view token) {
  return http::token_list(request[name]).exists(token);
}

bool is_key(std::string_view text) {
  std::array<unsigned char, kKeyText> decoded{};
  return text.size() == kKeyText && text.ends_with("==") &&
         EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                         static_cast<int>(text.size())) == 18;
}

// RFC 6455 4.2.2
std::string accept_of(std::string_view key) {
  const std::string text = std::string(key).append(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    return {};
  return base64({reinterpret_cast<const char*>(digest.data()), size});
}

// [MQTT-6.0.0-3] Case matters.
bool offers_mqtt(const Request& request) {
  for (const auto& field : request) {
    if (field.name() != http::field::sec_websocket_protocol) continue;
    for (const auto& name : http::token_list(field.value()))
      if (view(name) == kProtocol) return true;
  }
  return false;
}

bool is_address(std::string_view host) {
  const bool in_brackets = host.starts_with('[');
  const auto end = in_brackets ? host.find(']') : host.find(':');
  const std::string name(host.substr(in_brackets ? 1 : 0, in_brackets ? end - 1 : end));
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return name == "localhost" ||
         ::inet_pton(in_brackets ? AF_INET6 : AF_INET, name.c_str(), bytes.data()) == 1;
}

// A browser says from where the page came that wants to connect; other clients need not. A page
// from this very place may: but a name of plain HTTP proves no place, as whoever owns it makes it
// lead here for the page's next request.
bool is_allowed_origin(const Request& request, const WebSocketServing& serving) {
  const auto origin = request[http::field::origin];
  if (origin.empty()) return request.count(http::field::origin) == 0;
  for (const auto& allowed : serving.origins)
    if (allowed == "*" || beast::iequals(allowed, origin)) return true;
  const auto host = request[http::field::host];
  const auto scheme = view(origin).find("://");
  if (scheme == std::string_view::npos || !beast::iequals(origin.substr(scheme + 3), host))
    return false;
  return serving.is_encrypted || is_address(view(host));
}

std::string_view path_of(const Request& request) {
  const auto target = view(request.target());
  return target.substr(0, target.find('?'));
}

UpgradeAnswer answer(const Request& request, const WebSocketServing& serving) {
  if (path_of(request) != serving.path)
    return refuse("404 Not Found", "MQTT is served at " + serving.path);
  if (request.method() != http::verb::get || request.version() < 11)
    return refuse("400 Bad Request", "a WebSocket begins with GET of HTTP/1.1");
  for (const auto once : {http::field::host, http::field::sec_websocket_key,
                          http::field::sec_websocket_version, http::field::origin}) {
    if (request.count(once) > 1)
      return refuse("400 Bad Request", "a header is given twice that may be given once");
  }
  if (!request.count(http::field::host)) return refuse("400 Bad Request", "Host is missing");
  if (!has_token(request, http::field::connection, "upgrade") ||
      !has_token(request, http::field::upgrade, "websocket"))
    return refuse("426 Upgrade Required", "this is MQTT over WebSocket",
                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  if (view(request[http::field::sec_websocket_version]) != "13")
    return refuse("426 Upgrade Required", "version 13 of WebSocket is spoken",
                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  const auto key = view(request[http::field::sec_websocket_key]);
  if (!is_key(key)) return refuse("400 Bad Request", "Sec-WebSocket-Key must be 16 bytes, base64");
  if (!offers_mqtt(request))
    return refuse("400 Bad Request", "Sec-WebSocket-Protocol must offer `mqtt`");
  if (!is_allowed_origin(request, serving))
    return refuse("403 Forbidden",
                  "pages of this origin may not connect; `origins` of the listener admits them");
  UpgradeAnswer accepted;
  accepted.is_accepted = true;
  accepted.response =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_of(key) + "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";  // [MQTT-6.0.0-4]
  return accepted;
}

}  // namespace

UpgradeAnswer answer_upgrade(std::string_view request, const WebSocketServing& serving) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaximumUpgrade);
  beast::error_code error;
  parser.put(boost::asio::buffer(request.data(), request.size()), error);
  if (error || !parser.is_done())
    return refuse("400 Bad Request", "the request is not one of HTTP without a body");
  return answer(parser.get(), serving);
}

UpgradeAnswer refuse_long_upgrade() {
  return refuse("431 Request Header Fields Too Large", "the request is longer than 8 KiB");
}

UpgradeAnswer refuse_other_protocol() {
  return refuse("400 Bad Request", "a WebSocket begins with GET of HTTP/1.1");
}

}  // namespace sluice::net
