// What an HTTP connection and an HTTP sink may say. Validation, form and reference page are made
// from this.
#include "connectors/http/http.hpp"
#include "connectors/http/http_settings.hpp"
#include "connectors/http/http_sink.hpp"

namespace sluice::connectors {
namespace {

namespace json = boost::json;
using schema::Type;

constexpr std::int64_t kLongestPem = 1 << 20;

schema::Fields http_connection_fields() {
  return {
      {.name = "url",
       .help = "Where requests go: http:// or https://. Redirects are not followed.",
       .required = true,
       .minimum = 1,
       .maximum = 2048},
      {.name = "headers",
       .type = Type::Map,
       .help = "Further headers of every request. Their values are secrets.",
       .fallback = json::object(),
       .maximum = 32},
      {.name = "username", .help = "For basic authentication.", .fallback = "", .maximum = 1024},
      {.name = "password",
       .help = "For basic authentication.",
       .fallback = "",
       .secret = true,
       .maximum = 4096},
      {.name = "token",
       .help = "A bearer token, instead of user name and password.",
       .fallback = "",
       .secret = true,
       .maximum = 16384},
      {.name = "ca_pem",
       .help =
           "Certificates (PEM) of those who sign the server's. Empty: those the machine trusts.",
       .fallback = "",
       .secret = true,
       .maximum = kLongestPem},
      {.name = "certificate_pem",
       .help = "This client's certificate (PEM), where the server asks for one.",
       .fallback = "",
       .secret = true,
       .maximum = kLongestPem},
      {.name = "key_pem",
       .help = "The key of certificate_pem (PEM).",
       .fallback = "",
       .secret = true,
       .maximum = kLongestPem},
      {.name = "timeout",
       .type = Type::Duration,
       .help = "For a request and its answer.",
       .fallback = "10s",
       .minimum = 100,
       .maximum = 20'000},
  };
}

schema::Fields http_sink_fields() {
  return {
      {.name = "method",
       .type = Type::Choice,
       .help = "Of the request.",
       .fallback = "POST",
       .choices = {"POST", "PUT"}},
      {.name = "format",
       .type = Type::Choice,
       .help = "The body is a JSON array of whole `record`s, or the `value` of one record alone.",
       .fallback = "record",
       .choices = {"record", "value"}},
      {.name = "content_type",
       .help = "With the format `value`: what the body is.",
       .fallback = "application/octet-stream",
       .minimum = 1,
       .maximum = 256},
      {.name = "batch_records",
       .type = Type::Integer,
       .help = "The most records of a request. A request waits for no others.",
       .fallback = 1,
       .minimum = 1,
       .maximum = 1000},
      {.name = "batch_bytes",
       .type = Type::Bytes,
       .help = "A request ends when its body has so many bytes.",
       .fallback = 1 << 20,
       .minimum = 1024,
       .maximum = 64 << 20},
  };
}

std::string http_bound_resource(const json::object& settings) {
  return std::string(settings.at("url").as_string());
}

}  // namespace

void register_http(connect::Registry& registry) {
  connect::Connector connector;
  connector.name = "http";
  connector.summary = "Sends records to an HTTP server, one or many in a request.";
  connector.notes_origins = true;  // the other side may be a server like this one
  connector.connection_fields = http_connection_fields();
  connector.sink_fields = http_sink_fields();
  connector.check_connection = http::check_settings;
  connector.check_change = http::check_change;
  connector.check_sink = http::check_sink;
  connector.mask_settings = http::mask_headers;
  connector.bound_resource = http_bound_resource;
  connector.verify = http::verify;
  connector.place = http::place;
  connector.make_sink = http::HttpSink::make;
  registry.add(std::move(connector));
}

}  // namespace sluice::connectors
