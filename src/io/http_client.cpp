#include "io/http_client.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "io/http_answer.hpp"

namespace sluice::io {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint32_t kMaximumHeaderBytes = 64 * 1024;

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '_';
  });
}

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

Error not_reached(const Url& url, error_code error) {
  const auto errc = error == beast::error::timeout ? Errc::Timeout : Errc::Unavailable;
  return {.code = errc,
          .detail =
              "cannot reach " + url.host + ":" + std::to_string(url.port) + ": " + error.message()};
}

Error broke(const Url& url, error_code error) {
  Errc errc = Errc::IoFailed;
  if (error == beast::error::timeout) errc = Errc::Timeout;
  if (error == http::error::body_limit) errc = Errc::Overloaded;
  return {.code = errc,
          .detail = "the exchange with " + url.host + ":" + std::to_string(url.port) +
                    " failed: " + error.message()};
}

std::string host_header(const Url& url) {
  const bool is_v6 = url.host.find(':') != std::string::npos;
  const auto host = is_v6 ? "[" + url.host + "]" : url.host;
  return url.port == (url.is_tls ? 443 : 80) ? host : host + ":" + std::to_string(url.port);
}

// One exchange: every step runs the loop until it is done or the deadline has passed.
class Exchange {
 public:
  Exchange(const Url& url, std::chrono::milliseconds timeout)
      : url_(url), stream_(loop_), deadline_(std::chrono::steady_clock::now() + timeout) {}

  Result<void> connect() {
    tcp::resolver resolver(loop_);
    error_code error = beast::error::timeout;
    tcp::resolver::results_type found;
    resolver.async_resolve(url_.host, std::to_string(url_.port),
                           [&](error_code outcome, tcp::resolver::results_type results) {
                             error = outcome;
                             found = std::move(results);
                           });
    run();
    if (const auto failed = error) {  // out of time, whatever the resolver says while it ends
      resolver.cancel();
      finish();
      return tl::unexpected(not_reached(url_, failed));
    }
    stream_.expires_at(deadline_);
    stream_.async_connect(found,
                          [&](error_code outcome, const tcp::endpoint&) { error = outcome; });
    finish();
    if (error) return tl::unexpected(not_reached(url_, error));
    return {};
  }

  Result<void> send(const http::request<http::string_body>& message) {
    error_code error;
    http::async_write(stream_, message, [&](error_code outcome, std::size_t) { error = outcome; });
    finish();
    if (error) return tl::unexpected(broke(url_, error));
    return {};
  }

  Result<HttpResponse> receive(bool is_head, std::uint64_t maximum_body_bytes) {
    beast::flat_buffer buffer(kMaximumHeaderBytes + 64 * 1024);
    AnswerReader answer;
    for (;;) {
      http::response_parser<http::string_body> parser;
      parser.header_limit(kMaximumHeaderBytes);
      parser.body_limit(maximum_body_bytes);
      parser.skip(is_head);
      error_code error;
      http::async_read(stream_, buffer, parser,
                       [&](error_code outcome, std::size_t) { error = outcome; });
      finish();
      if (error) return tl::unexpected(broke(url_, error));
      SL_TRY(response, answer.take(parser.release()));
      if (response) return std::move(*response);
    }
  }

 private:
  void run() {
    loop_.restart();
    loop_.run_until(deadline_);
  }
  // The stream's own deadline ends what is under way.
  void finish() {
    loop_.restart();
    loop_.run();
  }

  const Url& url_;
  asio::io_context loop_{1};
  beast::tcp_stream stream_;
  std::chrono::steady_clock::time_point deadline_;
};

Result<http::request<http::string_body>> message_of(const HttpRequest& request, const Url& url) {
  if (!is_token(request.method)) return fail(Errc::InvalidArgument, "the method is no word");
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(url.target);
  message.set(http::field::host, host_header(url));
  message.set(http::field::user_agent, "sluice");
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || !is_one_line(value)) {
      return fail(Errc::InvalidArgument, "the header " + name + " holds what no header may");
    }
    message.set(name, value);
  }
  message.keep_alive(false);
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& header) {
    return beast::iequals(header.first, name);
  });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

Result<std::string> request_bytes(const HttpRequest& request, const Url& url) {
  SL_TRY(message, message_of(request, url));
  message.keep_alive(true);
  std::ostringstream text;
  text << message.base();
  return std::move(text).str() + message.body();
}

Result<HttpResponse> send(const HttpRequest& request) {
  SL_TRY(url, parse_http_url(request.url));
  SL_TRY(message, message_of(request, url));
  Exchange exchange(url, request.timeout);
  SL_TRY_VOID(exchange.connect());
  SL_TRY_VOID(exchange.send(message));
  return exchange.receive(request.method == "HEAD", request.maximum_body_bytes);
}

}  // namespace sluice::io
