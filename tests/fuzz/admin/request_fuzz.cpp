// Whatever comes as the bytes of a connection: the requests in it are the same however they are cut
// into reads, each is within its bounds and from one place only, its answer is one that can be
// sent, and a message that is taken out of it is one that MQTT can carry.
//
// The first byte says how the rest is cut, and whether who asks is an administrator.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/json/parse.hpp>

#include "admin/api.hpp"
#include "admin/http_request.hpp"
#include "admin/message_json.hpp"
#include "admin/origin.hpp"
#include "base/check.hpp"
#include "mqtt/codec.hpp"
#include "support/memory_queues.hpp"
#include "support/memory_store.hpp"

namespace {

using namespace sluice;  // a fuzzer has no other names
using namespace sluice::admin;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace json = boost::json;

constexpr std::size_t kDepth = 32;
constexpr std::size_t kRequests = 20'000;  // answered by one server: what they make stays bounded

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
  mqtt::encode(packet, mqtt::Version::V5,
               mqtt::Publish{.topic = message->topic,
                             .payload = message->payload,
                             .properties = mqtt::Properties::from_checked(message->properties)});
  const auto frame = mqtt::next_frame(packet, 1 << 28);
  SL_CHECK(frame && *frame);
  SL_CHECK(mqtt::decode_publish(mqtt::Version::V5, mqtt::Sender::Server, (*frame)->flags,
                                (*frame)->body));
}

// All that stand in the bytes, until one cannot be read.
std::vector<Request> read_all(std::string_view bytes, std::size_t piece) {
  static const Options kOptions;
  std::vector<Request> found;
  beast::flat_buffer buffer;
  auto parser = std::make_unique<RequestParser>();
  set_bounds(*parser, kOptions);
  parser->eager(true);
  while (true) {
    beast::error_code error;
    const auto used = buffer.size() == 0 ? 0 : parser->put(buffer.data(), error);
    buffer.consume(used);
    if (error && error != beast::http::error::need_more) return found;
    if (parser->is_done()) {
      SL_CHECK(parser->get().body().size() <= kOptions.maximum_body_bytes);
      found.push_back(request_of(parser->get()));
      parser = std::make_unique<RequestParser>();
      set_bounds(*parser, kOptions);
      parser->eager(true);
      continue;
    }
    if (used > 0 && buffer.size() > 0) continue;
    if (bytes.empty()) return found;
    const auto part = bytes.substr(0, piece);
    buffer.commit(asio::buffer_copy(buffer.prepare(part.size()), asio::buffer(part)));
    bytes.remove_prefix(part.size());
  }
}

bool is_same(const Request& one, const Request& other) {
  return one.method == other.method && one.target == other.target && one.host == other.host &&
         one.has_host == other.has_host && one.origin == other.origin &&
         one.fetch_site == other.fetch_site && one.content_type == other.content_type &&
         one.authorization == other.authorization && one.cookie == other.cookie &&
         one.if_match == other.if_match && one.accept == other.accept && one.body == other.body;
}

// A server without sockets, clients and connectors.
struct World {
  World() {
    SL_CHECK(access.load() && api.load());
    token = api.create_local_token();
  }

  test::MemoryStore store;
  SystemClock clock;
  metrics::Registry metrics;
  connect::Registry connectors;
  test::MemoryQueues queues{store};
  broker::AccessControl access{store, clock, {}};
  connect::Service integration{store, queues, connectors, clock, metrics, {}};
  AdministratorAccounts accounts{store, clock};
  Api api{{.store = store,
           .access = access,
           .integration = integration,
           .connectors = connectors,
           .metrics = metrics,
           .clock = clock},
          accounts,
          {.audit_records = 100, .event_records = 100}};
  std::string token;
};

// Each would hash a password, which takes long on purpose.
bool hashes(const Request& request) {
  for (const auto* part : {"ession", "sers", "dministrators", "essages"})
    if (request.method != Method::Get && request.target.find(part) != std::string::npos)
      return true;
  return request.authorization.starts_with("B") && request.authorization.find("asic") == 1;
}

void check_answer(Request request, bool is_administrator) {
  static std::unique_ptr<World> world;
  static std::size_t answered = 0;
  if (hashes(request)) return;
  if (!world || ++answered % kRequests == 0) {
    world.reset();
    world = std::make_unique<World>();
  }
  request.local_address = request.remote_address = "127.0.0.1";
  if (is_administrator) {
    request.host = "127.0.0.1";
    request.authorization = "Bearer " + world->token;
  }
  const auto response = world->api.answer(request);
  SL_CHECK(response.status >= 200 && response.status < 600 && response.status != 500);
  for (const auto& [name, value] : response.headers)
    SL_CHECK(value.find_first_of("\r\n") == std::string::npos);
  if (response.status < 400) return;
  const auto problem = json::parse(response.body);
  SL_CHECK(problem.at("status") == response.status);
  SL_CHECK(!problem.at("code").get_string().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read_all(bytes, bytes.size());
  const auto pieces = read_all(bytes, 1 + data[0] / 2);
  SL_CHECK(std::ranges::equal(whole, pieces, is_same));
  for (auto request : whole) {
    request.local_address = "127.0.0.1";
    static_cast<void>(is_known_host(request, {"sluice.example.org"}));
    SL_CHECK(!is_same_origin(request) || !is_cross_origin(request));
    check_message(request.body);
    check_answer(request, data[0] % 2 == 1);
  }
  return 0;
}
