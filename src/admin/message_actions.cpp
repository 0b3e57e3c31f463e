#include <charconv>

#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/message_json.hpp"
#include "admin/page.hpp"
#include "connect/origins.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"
#include "store/find.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using store::FindRequest;
using store::Position;

// A request goes on looking while its page is empty or not full, but not longer than this.
constexpr std::chrono::milliseconds kLookFor{200};
constexpr std::size_t kMostBytes = 4 << 20;  // of messages in a page

tl::unexpected<Response> unfit(std::string_view name, std::string_view rule) {
  return tl::unexpected(wrong_parameter(name, rule));
}

tl::expected<std::optional<std::int64_t>, Response> time_in(const Call& call,
                                                            const std::string& name) {
  const auto text = call.parameter(name);
  if (!text) return std::nullopt;
  std::int64_t wall_ms = 0;
  if (!connect::parse_rfc3339(*text, wall_ms)) {
    return unfit(name, "must be a time as in 2026-03-01T12:00:00Z");
  }
  return wall_ms;
}

// `n` or `o`, then the position: a page of one order means nothing in the other.
std::string page_text(const FindRequest& request, Position next) {
  return encode_page((request.newest_first ? 'n' : 'o') + std::to_string(next.get()));
}

bool read_page(std::string_view text, FindRequest& request) {
  if (text.size() < 2 || text.front() != (request.newest_first ? 'n' : 'o')) return false;
  std::uint64_t position = 0;
  const auto* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data() + 1, end, position);
  request.beyond = Position(position);
  return error == std::errc() && parsed == end && position > 0;
}

// What the query asks for; `filter` outlives it.
tl::expected<FindRequest, Response> find_request(const Call& call, const std::string& filter) {
  FindRequest request{.filter = filter};
  const bool is_filter =
      filter.empty() || (mqtt::is_valid_utf8(filter) && mqtt::is_valid_topic_filter(filter));
  if (!is_filter || (filter.empty() && call.query.contains("filter"))) {
    return unfit("filter", "must be a topic filter as in plant/+/state or plant/#");
  }
  if (filter.starts_with("$share/")) {
    return unfit("filter", "must be the filter alone, without $share/ and a group's name");
  }
  const auto order = call.parameter("order").value_or("newest");
  if (order != "newest" && order != "oldest") return unfit("order", "must be newest or oldest");
  request.newest_first = order == "newest";
  const auto from = time_in(call, "from");
  if (!from) return tl::unexpected(from.error());
  const auto to = time_in(call, "to");
  if (!to) return tl::unexpected(to.error());
  if (*from && *to && **from > **to) return unfit("from", "must not be later than `to`");
  request.from_ms = *from;
  request.before_ms = *to;
  const auto page = page_request(call);
  if (!page) return tl::unexpected(page.error());
  if (!page->after.empty() && !read_page(page->after, request)) {
    return unfit("page", "must be the `next` of the page before, in the same order");
  }
  request.maximum_messages = page->limit;
  request.maximum_bytes = kMostBytes;
  return request;
}

Response failed_response(const Error& error) {
  return problem_response(Problem{.status = status_of(error.code),
                                  .code = std::string(name_of(error.code)),
                                  .detail = error.detail,
                                  .hint = "the server's log says more"});
}

Response no_message(std::string detail, std::string hint) {
  return problem_response(Problem{
      .status = 404, .code = "not_found", .detail = std::move(detail), .hint = std::move(hint)});
}

// The message that the path names, or the answer that there is none.
tl::expected<model::MessagePtr, Response> message_named(Context& context, const Call& call) {
  const auto id = model::parse_message_id(call.name());
  if (!id) {
    return tl::unexpected(no_message("this is no id of a message",
                                     "an id has 32 hexadecimal digits, as GET /messages shows it"));
  }
  auto& store = context.sources.store;
  auto message = store.message_at(Position(id->position));
  if (message && (*message)->id == *id) return std::move(*message);
  if (!message && message.error().code != Errc::NotFound) {
    return tl::unexpected(failed_response(message.error()));
  }
  if (Position(id->position) < store.statistics().begin) {
    return tl::unexpected(
        no_message("the message is not there any more: retention has deleted that part of the log",
                   "store.retention says how long messages are kept"));
  }
  return tl::unexpected(
      no_message("there is no message with this id", "GET /messages finds messages by topic"));
}

// What was noted of a message that was traced, in order; null where nothing was.
json::value times_of(const broker::Tracer& tracer, const model::Message& message) {
  json::array times;
  for (const auto& event : tracer.events_of(message.position())) {
    times.push_back(json::object{{"at", connect::rfc3339(event.at_ms)},
                                 {"event", broker::name_of(event.what)},
                                 {"client_id", event.client_id},
                                 {"qos", event.qos}});
  }
  if (times.empty()) return nullptr;
  return times;
}

// A user publishes, with no other right than that of an MQTT client. None: go on.
std::optional<Response> publish_as(const std::string& user, const Call& call,
                                   broker::OutsideMessage& message) {
  auto& client = message.client;
  if (client.has_username && client.username != user) {
    return problem_response(
        Problem{.status = 422,
                .code = "invalid_document",
                .detail = "the message cannot be published as it stands",
                .hint = "only administrators publish with the rights of others",
                .fields = {{"/username", "must be the user who logs in, or left out"}}});
  }
  if (!call.body.contains("client_id")) client.client_id = user;
  client.username = user;
  client.has_username = true;
  message.is_by_user = message.checks_policies = true;
  return std::nullopt;
}

Response refused_response(const Refusal& refusal) {
  if (refusal.code != broker::kTooManyMessages) return problem_response(refusal);
  auto response = problem_response(
      Problem{.status = 429, .code = refusal.code, .detail = refusal.detail, .hint = refusal.hint});
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

Response list_messages(Context& context, const Call& call) {
  const auto filter = call.parameter("filter").value_or("");
  auto request = find_request(call, filter);
  if (!request) return request.error();
  const auto limit = request->maximum_messages;
  const auto until = context.sources.clock.steady() + kLookFor;
  json::array items;
  json::array damaged;
  std::uint64_t scanned = 0;
  bool at_end = false;
  while (true) {
    const auto found = context.sources.store.find(*request);
    if (!found) return failed_response(found.error());
    for (const auto& message : found->messages) {
      items.push_back(message_json(*message, kListedPayload));
      request->maximum_bytes -= std::min(request->maximum_bytes, message->payload.size());
    }
    for (const auto position : found->damaged) damaged.push_back(position.get());
    scanned += found->scanned_bytes;
    at_end = found->at_end;
    request->beyond = found->next;
    request->maximum_messages = limit - std::min(limit, items.size());
    const bool is_full = request->maximum_messages == 0 || request->maximum_bytes == 0;
    if (at_end || is_full || context.sources.clock.steady() >= until) break;
  }
  json::object body{{"items", std::move(items)}, {"next", nullptr}, {"scanned_bytes", scanned}};
  if (!at_end) body["next"] = page_text(*request, request->beyond);
  if (!damaged.empty()) body["damaged"] = std::move(damaged);
  return json_response(200, body);
}

Response show_message(Context& context, const Call& call) {
  const auto message = message_named(context, call);
  if (!message) return message.error();
  return json_response(200, message_json(**message, kShownPayload));
}

Response trace_message(Context& context, const Call& call) {
  const auto found = message_named(context, call);
  if (!found) return found.error();
  const auto& message = **found;
  json::object received{{"timestamp", connect::rfc3339(message.timestamp_ms)},
                        {"client_id", message.client_id},
                        {"host", message.host},
                        {"username", nullptr}};
  if (message.has_username) received["username"] = message.username;
  json::object body{{"id", model::to_hex(message.id)},
                    {"topic", message.topic},
                    {"qos", message.qos},
                    {"received", std::move(received)},
                    {"durable", message.position() < context.sources.store.durable()}};
  if (context.sources.tracer != nullptr) body["times"] = times_of(*context.sources.tracer, message);
  if (context.sources.consumers) {
    for (auto& [name, value] : context.sources.consumers(message)) body[name] = std::move(value);
  }
  return json_response(200, body);
}

Response publish_message(Context& context, const Call& call) {
  auto message = parse_message(call.body);
  if (!message) return problem_response(message.error());
  message->client.host = call.request.remote_address;
  message->client.listener = broker::ListenerName(broker::kAdministration);
  // Last, so that it counts: a task that finds itself there does not carry the message again.
  if (!call.request.origins.empty())
    mqtt::PropertyWriter(message->properties).user(connect::kOrigins, call.request.origins);
  if (call.user) {
    if (auto refused = publish_as(*call.user, call, *message)) return *refused;
  }
  if (!context.sources.publish) {
    return problem_response(Problem{.status = 503,
                                    .code = "unavailable",
                                    .detail = "nothing takes messages here",
                                    .hint = "start the server"});
  }
  const auto published = context.sources.publish(*message);
  if (!published) return refused_response(published.error());
  const auto text = model::to_hex(published->id);
  auto response =
      json_response(201, {{"id", text}, {"matching_subscribers", published->reaches_somebody}});
  response.headers.emplace_back("Location", "/api/v1/messages/" + text);
  return response;
}

}  // namespace sluice::admin
