#include "admin/console.hpp"

#include <algorithm>
#include <charconv>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "broker/access/secrets.hpp"

namespace sluice::admin {
namespace {

constexpr std::string_view kMagic = "sluice-console 1";
constexpr std::string_view kIndex = "index.html";
constexpr std::string_view kHashed = "assets/";  // names that change with the contents
constexpr std::string_view kNonce = "%NONCE%";
constexpr std::string_view kBase = "%BASE%";
constexpr std::size_t kNonceBytes = 16;

std::string_view take_until(std::string_view& text, char end) {
  const auto at = text.find(end);
  SL_CHECK(at != std::string_view::npos);  // we packed it
  const auto taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

bool lists(std::string_view header, std::string_view wanted) {
  return ascii_lower(header).find(wanted) != std::string::npos;
}

// A browser that follows an address; scripts and programs ask for something else.
bool wants_page(const Request& request) {
  return lists(request.accept, "text/html");
}

bool belongs_to_others(std::string_view path) {
  const auto first = path.substr(0, path.find('/'));
  return first == "api" || first == "metrics" || first == "health";
}

bool is_name_character(char character) {
  return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
         character == '.' || character == '-';
}

// Its WebSocket client reaches the listeners of the machine that the page came from, at any port.
// Nothing for what a policy cannot name, such as an IPv6 address.
std::string web_sockets_at(const Request& request) {
  const auto host = ascii_lower(request.host.substr(0, request.host.find(':')));
  if (host.empty() || !std::all_of(host.begin(), host.end(), is_name_character)) return {};
  return " ws://" + host + ":* wss://" + host + ":*";
}

// Scripts and connections from here alone. Styles may also stand in the page where they carry its
// nonce, which nobody can guess: the components make theirs while they run.
std::string content_policy(std::string_view nonce, const Request& request) {
  return "default-src 'self'; connect-src 'self'" + web_sockets_at(request) +
         "; style-src 'self' 'nonce-" + std::string(nonce) +
         "'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
         "frame-ancestors 'none'";
}

void add_guards(Response& response, std::string_view nonce, const Request& request) {
  response.headers.emplace_back("Content-Security-Policy", content_policy(nonce, request));
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("X-Frame-Options", "DENY");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
}

Response no_console() {
  return {.status = 200,
          .content_type = "text/plain; charset=utf-8",
          .body =
              "This sluice was built without its web console: `./dev build release` builds one "
              "with it. The REST API is under /api/v1.\n"};
}

}  // namespace

Console::Console(std::string_view pack) {
  if (pack.empty()) return;
  SL_CHECK(take_until(pack, '\n') == kMagic);
  auto head = pack.substr(0, pack.find("\n\n") + 1);
  auto bodies = pack.substr(head.size() + 1);
  while (!head.empty()) {
    auto line = take_until(head, '\n');
    File file;
    file.etag = '"' + std::string(take_until(line, ' ')) + '"';
    file.is_compressed = take_until(line, ' ') == "gzip";
    const auto size_text = take_until(line, ' ');
    std::size_t size = 0;
    std::from_chars(size_text.data(), size_text.data() + size_text.size(), size);
    SL_CHECK(size <= bodies.size());
    file.body = bodies.substr(0, size);
    bodies.remove_prefix(size);
    const auto path = take_until(line, ' ');
    file.content_type = line;
    files_.emplace(path, std::move(file));
  }
  SL_CHECK(files_.contains(kIndex));
}

std::optional<Response> Console::answer(const Request& request) const {
  if (request.method != Method::Get || !request.target.starts_with('/')) return std::nullopt;
  auto path = std::string_view(request.target).substr(1);
  path = path.substr(0, path.find('?'));
  if (belongs_to_others(path)) return std::nullopt;
  if (files_.empty()) return path.empty() ? std::optional(no_console()) : std::nullopt;
  const auto found = files_.find(path);
  if (found != files_.end() && path != kIndex)
    return file(found->second, request, path.starts_with(kHashed));
  const bool is_start = path.empty() || path == kIndex;
  if (!is_start && (path.starts_with(kHashed) || !wants_page(request))) return std::nullopt;
  return page(path, request);
}

Response Console::file(const File& file, const Request& request, bool is_hashed) {
  Response response{.content_type = file.content_type, .body = {}};
  add_guards(response, broker::random_hex(kNonceBytes), request);
  response.headers.emplace_back("ETag", file.etag);
  response.headers.emplace_back("Cache-Control",
                                is_hashed ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (lists(request.if_none_match, file.etag)) {
    response.status = 304;
    return response;
  }
  if (file.is_compressed && !lists(request.accept_encoding, "gzip"))
    return problem_response(Problem{.status = 406,
                                    .code = "not_acceptable",
                                    .detail = "this file is kept compressed alone",
                                    .hint = "send Accept-Encoding: gzip"});
  if (file.is_compressed) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = file.body;
  return response;
}

// Its addresses are relative to where the console begins, so that it may do so under any prefix of
// a proxy: so many steps up from the page that was asked for.
Response Console::page(std::string_view path, const Request& request) const {
  const auto depth = std::count(path.begin(), path.end(), '/');
  std::string base = depth == 0 ? "./" : "";
  for (auto i = depth; i > 0; --i) base += "../";
  const auto nonce = broker::random_hex(kNonceBytes);
  const auto& index = files_.find(kIndex)->second;
  Response response{.content_type = index.content_type, .body = std::string(index.body)};
  replace_all(response.body, kNonce, nonce);
  replace_all(response.body, kBase, base);
  add_guards(response, nonce, request);
  return response;
}

}  // namespace sluice::admin
