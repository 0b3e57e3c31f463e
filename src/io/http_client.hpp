#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace sluice::io {

// The parts of `http://host:port/path?query`.
struct Url {
  std::string host;  // without brackets
  std::uint16_t port = 80;
  std::string target = "/";
  bool is_tls = false;  // https
};
// http only. Refuses user names, control characters and spaces.
[[nodiscard]] Result<Url> parse_http_url(std::string_view text);
// The same for http and https.
[[nodiscard]] Result<Url> parse_web_url(std::string_view text);

// For a query or a form: all but letters, digits and -._~ as %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  HttpHeaders headers = {};
  std::string body = {};
  std::chrono::milliseconds timeout{30'000};  // for all of it: resolve, connect, send, receive
  std::uint64_t maximum_body_bytes = std::uint64_t{64} << 20;  // of the answer
};

struct HttpResponse {
  unsigned status = 0;
  HttpHeaders headers;
  std::string body;

  // The first header of this name, in any case; empty: there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// The request as it goes over the wire, to a server that may keep the connection open.
// Errors: InvalidArgument (method or header).
[[nodiscard]] Result<std::string> request_bytes(const HttpRequest& request, const Url& url);

// One request over one connection; follows no redirects. Blocks: never on an event loop.
// Errors: InvalidArgument (url, method or header), Unavailable (no connection), Timeout, Overloaded
// (the answer is too large), IoFailed (the connection broke, or it was no HTTP).
[[nodiscard]] Result<HttpResponse> send(const HttpRequest& request);

}  // namespace sluice::io
