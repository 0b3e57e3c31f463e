#include "admin/http_request.hpp"

namespace sluice::admin {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
    case http::verb::head:
      return Method::Get;
    case http::verb::post:
      return Method::Post;
    case http::verb::put:
      return Method::Put;
    case http::verb::patch:
      return Method::Patch;
    case http::verb::delete_:
      return Method::Delete;
    default:  // the many verbs of other protocols
      return Method::Other;
  }
}

std::string text(beast::string_view view) {
  return {view.data(), view.size()};
}

}  // namespace

void set_bounds(RequestParser& parser, const Options& options) {
  parser.header_limit(options.maximum_header_bytes);
  parser.body_limit(options.maximum_body_bytes);
}

Request request_of(const RequestMessage& message) {
  const auto header = [&](auto name) { return text(message[name]); };
  return {.method = method_of(message.method()),
          .target = text(message.target()),
          .host = header(http::field::host),
          .has_host = message.count(http::field::host) > 0 || message.version() >= 11,
          .origin = header(http::field::origin),
          .fetch_site = header("Sec-Fetch-Site"),
          .content_type = header(http::field::content_type),
          .authorization = header(http::field::authorization),
          .cookie = header(http::field::cookie),
          .if_match = header(http::field::if_match),
          .origins = std::string(message["Sluice-Origins"]),
          .if_none_match = header(http::field::if_none_match),
          .accept = header(http::field::accept),
          .accept_encoding = header(http::field::accept_encoding),
          .last_event_id = header("Last-Event-ID"),
          .body = message.body(),
          .remote_address = {},
          .local_address = {}};
}

}  // namespace sluice::admin
