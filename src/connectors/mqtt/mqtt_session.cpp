#include "connectors/mqtt/mqtt_session.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "connectors/mqtt/mqtt_target.hpp"

namespace sluice::connectors::bridge {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto kEndWithin = 3s;
constexpr std::string_view kShare = "$share/";

}  // namespace

std::string SessionNote::to_text() const {
  return json::serialize(
      json::object{{"server", server},
                   {"client_id", client_id},
                   {"subscriptions", json::array(subscriptions.begin(), subscriptions.end())}});
}

SessionNote SessionNote::from_text(std::string_view text) {
  json::error_code error;
  const auto parsed = json::parse(text, error);
  if (error || !parsed.is_object()) return {};
  const auto& object = parsed.get_object();
  SessionNote note{.server = text_at(object, "server"),
                   .client_id = text_at(object, "client_id"),
                   .subscriptions = {}};
  const auto* list = object.if_contains("subscriptions");
  if (list == nullptr || !list->is_array()) return note;
  for (const auto& entry : list->get_array())
    if (entry.is_string()) note.subscriptions.emplace_back(entry.get_string());
  return note;
}

std::string_view filter_of(std::string_view subscription) {
  if (!subscription.starts_with(kShare)) return subscription;
  subscription.remove_prefix(kShare.size());
  return subscription.substr(subscription.find('/') + 1);
}

void end_session(const json::object& connection, std::string_view note) {
  const auto session = SessionNote::from_text(note);
  if (session.client_id.empty()) return;  // it never came so far
  const auto target = target_of(connection);
  const auto until = std::chrono::steady_clock::now() + kEndWithin;
  // A clean start ends the one that was; what begins in its place ends with the connection.
  auto stream = reach(target, until);
  const auto ended = stream ? log_in(*stream, target, {.client_id = session.client_id}, until)
                            : Result<void>(tl::unexpected(stream.error()));
  if (ended) {
    log::info("the session of a deleted task is ended at an outside MQTT server",
              {{"server", target.place()}, {"client_id", session.client_id}});
  } else {
    log::warn(
        "the session of a deleted task may stay at an outside MQTT server and gather messages "
        "until it expires: end it there",
        {{"server", target.place()},
         {"client_id", session.client_id},
         {"detail", ended.error().detail}});
  }
  if (session.server != target.place())
    log::warn("another session of a deleted task may stay at an outside MQTT server: end it there",
              {{"server", session.server}, {"client_id", session.client_id}});
}

}  // namespace sluice::connectors::bridge
