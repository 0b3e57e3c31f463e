// Whatever comes as an HTTP request: it is read to its end within its bounds or refused, is from
// one place only, and a message that is taken out of it is one that MQTT can carry.
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>

#include "admin/message_json.hpp"
#include "admin/origin.hpp"
#include "admin/server.hpp"
#include "base/check.hpp"
#include "mqtt/codec.hpp"

namespace {

using namespace sluice::admin;  // a fuzzer has no other names
namespace http = boost::beast::http;
namespace json = boost::json;

constexpr std::size_t kDepth = 32;

void check_message(std::string_view body) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kDepth;
  const auto parsed = json::parse(body, error, {}, options);
  if (error || !parsed.is_object()) return;
  const auto message = parse_message(parsed.get_object());
  if (!message) {
    SL_CHECK(!message.error().detail.empty());
    return;
  }
  std::string packet;
  sluice::mqtt::encode(packet, sluice::mqtt::Version::V5,
                       sluice::mqtt::Publish{.topic = message->topic,
                                             .payload = message->payload,
                                             .properties = sluice::mqtt::Properties::from_checked(
                                                 message->properties)});
  const auto frame = sluice::mqtt::next_frame(packet, 1 << 28);
  SL_CHECK(frame && *frame);
  SL_CHECK(sluice::mqtt::decode_publish(sluice::mqtt::Version::V5, sluice::mqtt::Sender::Server,
                                        (*frame)->flags, (*frame)->body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Options kOptions;
  http::request_parser<http::string_body> parser;
  parser.header_limit(kOptions.maximum_header_bytes);
  parser.body_limit(kOptions.maximum_body_bytes);
  parser.eager(true);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(data, size), error);
  if (error || !parser.is_header_done()) return 0;
  const auto& message = parser.get();
  const auto header = [&](auto name) { return std::string(message[name]); };
  Request request;
  request.host = header(http::field::host);
  request.has_host = message.count(http::field::host) > 0;
  request.origin = header(http::field::origin);
  request.fetch_site = header("Sec-Fetch-Site");
  request.local_address = "127.0.0.1";
  (void)is_known_host(request, {"sluice.example.org"});
  SL_CHECK(!is_same_origin(request) || !is_cross_origin(request));
  if (parser.is_done()) check_message(message.body());
  return 0;
}
