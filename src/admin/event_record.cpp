#include "admin/event_record.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

// Where `$events/...` has the names that its readers know, and the API its own.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames = {
    {{"clientid", "client_id"},
     {"from_clientid", "from_client_id"},
     {"peername", "address"},
     {"keepalive", "keep_alive_seconds"},
     {"expiry_interval", "session_expiry_seconds"},
     {"proto_ver", "protocol"},
     {"created_at", "created"}}};
// Said by others already.
constexpr std::array<std::string_view, 5> kLeftOut = {"event", "timestamp", "node", "connected_at",
                                                      "disconnected_at"};

std::string_view api_name(std::string_view name) {
  for (const auto& [theirs, ours] : kNames) {
    if (theirs == name) return ours;
  }
  return name;
}

json::value api_value(std::string_view name, const json::value& value) {
  if (name == "created" && value.is_int64()) return json::value(broker::rfc3339(value.get_int64()));
  if (name == "protocol" && value.is_int64())
    return value.get_int64() == 5 ? "5.0" : value.get_int64() == 3 ? "3.1" : "3.1.1";
  return value;
}

std::int64_t time_of(const json::object& shown) {
  const auto* time = shown.if_contains("timestamp");
  return time != nullptr && time->is_int64() ? time->get_int64() : 0;
}

}  // namespace

EventKind kind_of(broker::Event event) {
  using broker::Event;
  switch (event) {
    case Event::ClientConnected:
    case Event::ClientDisconnected:
      return EventKind::Clients;
    case Event::SessionCreated:
    case Event::SessionSubscribed:
    case Event::SessionUnsubscribed:
    case Event::SessionTerminated:
      return EventKind::Sessions;
    case Event::MessageDropped:
    case Event::MessageUndelivered:
      return EventKind::Messages;
  }
  return EventKind::Messages;
}

json::object event_record(EventKind kind, const json::object& shown) {
  json::object record{{"id", ""},
                      {"time", broker::rfc3339(time_of(shown))},
                      {"kind", name_of(kind)},
                      {"event", text_at(shown, "event")},
                      {"subject", text_at(shown, kind == EventKind::Tasks ? "task" : "clientid")}};
  for (const auto& [name, value] : shown) {
    const std::string_view theirs = name;
    if (std::ranges::find(kLeftOut, theirs) != kLeftOut.end()) continue;
    const auto ours = api_name(theirs);
    record[ours] = api_value(ours, value);
  }
  return record;
}

std::string server_sent(EventKind kind, const json::object& record) {
  const bool is_event = index_of(kind) < kKindsOfEvents;
  const auto id = is_event ? fmt::format("id: {}\n", text_at(record, "id")) : std::string();
  return fmt::format("event: {}\n{}data: {}\n\n", name_of(kind), id, json::serialize(record));
}

}  // namespace sluice::admin
