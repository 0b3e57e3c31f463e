// The source's part that takes back what an earlier document of the task had subscribed to: the
// session there stays, with what waits in it.
#include <algorithm>

#include "base/log.hpp"
#include "connectors/mqtt/mqtt_source.hpp"
#include "mqtt/codec.hpp"

namespace sluice::connectors::bridge {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kUnsubscribeId = 2;
// A server may throw away what waits under a subscription that is ended (MQTT 5.0 §3.10.4: it may
// go on to deliver it). So it ends once nothing more comes; but not too late where something always
// does, for meanwhile messages may come twice. Who works off what waits has its window full.
constexpr auto kQuietFor = 2s;
constexpr auto kLeaveWithin = 60s;
constexpr auto kLookEvery = 500ms;

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

Result<void> MqttSource::begin_leaving(bool is_there) {
  if (!kept_.client_id.empty() &&
      (kept_.client_id != mine_.client_id || kept_.server != mine_.server))
    log::warn(
        "a source has another session at an outside MQTT server now. The one before stays, with "
        "what "
        "waits in it, until it expires: to have that, give the task its former `client_id` and "
        "connection once more; to end it, connect there once under its client id with a clean "
        "start",
        {{"server", kept_.server}, {"client_id", kept_.client_id}});
  std::vector<std::string> former;
  if (is_there && kept_.client_id == mine_.client_id)
    std::ranges::copy_if(kept_.subscriptions, std::back_inserter(former),
                         [&](const auto& name) { return !has(subscriptions_, name); });
  auto all = subscriptions_;
  all.insert(all.end(), former.begin(), former.end());
  SL_TRY_VOID(keep(std::move(all)));
  const std::scoped_lock lock(mutex_);
  former_ = std::move(former);
  leaving_.clear();
  subscribed_on_ = 0;
  return {};
}

// Before it is subscribed to, and after it is not any more: so none is ever missing.
Result<void> MqttSource::keep(std::vector<std::string> subscriptions) {
  auto note = mine_;
  note.subscriptions = std::move(subscriptions);
  if (note == kept_ || !callbacks_.keep) return {};
  if (auto kept = callbacks_.keep(note.to_text()); !kept)
    return fail(kept.error().code,
                "what is subscribed to cannot be kept here: " + kept.error().detail);
  kept_ = std::move(note);
  return {};
}

void MqttSource::note_subscribed(std::uint64_t connection) {
  {
    const std::scoped_lock lock(mutex_);
    subscribed_on_ = connection;
    subscribed_at_ = last_came_at_ = std::chrono::steady_clock::now();
  }
  has_begun_ = true;
  callbacks_.on_ready();
}

// What matches nothing that is wanted is ended at once.
std::vector<std::string> MqttSource::due_to_leave(bool is_quiet) const {
  std::vector<std::string> due;
  std::ranges::copy_if(former_, std::back_inserter(due), [&](const auto& name) {
    return is_quiet || std::ranges::none_of(filters_, [&](const auto& filter) {
             return mqtt::may_overlap(filter, filter_of(name));
           });
  });
  return due;
}

connect::Source::Milliseconds MqttSource::leave_former() {
  std::string packet;
  std::uint64_t connection = 0;
  {
    const std::scoped_lock lock(mutex_);
    // Whatever changes that wakes the worker.
    if (former_.empty() || !leaving_.empty() || subscribed_on_ == 0) return kNotByItself;
    const auto now = std::chrono::steady_clock::now();
    const bool is_done_with = waiting_.empty() && handed_out_.empty();
    leaving_ = due_to_leave((is_done_with && now - last_came_at_ >= kQuietFor) ||
                            now - std::max(subscribed_at_, last_full_at_) >= kLeaveWithin);
    if (leaving_.empty()) return kLookEvery;
    connection = subscribed_on_;
    wire::Unsubscribe unsubscribe{.packet_id = kUnsubscribeId, .properties = {}, .filters = {}};
    unsubscribe.filters.assign(leaving_.begin(), leaving_.end());
    wire::encode(packet, version_, unsubscribe);
  }
  client_->send(connection, packet);
  return kNotByItself;
}

std::string MqttSource::on_unsuback(const wire::Unsuback& unsuback) {
  std::vector<std::string> left;
  {
    const std::scoped_lock lock(mutex_);
    left = std::exchange(leaving_, {});
    std::erase_if(former_, [&](const auto& name) { return has(left, name); });
  }
  const bool has_reasons = version_ == wire::Version::V5;
  if (unsuback.packet_id != kUnsubscribeId || left.empty() ||
      (has_reasons && unsuback.reasons.size() != left.size()))
    return "its UNSUBACK is for something else";
  auto rest = kept_.subscriptions;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (has_reasons && static_cast<std::uint8_t>(unsuback.reasons[i]) >= 0x80)
      log::warn("an outside MQTT server does not end a subscription that is not wanted any more",
                {{"subscription", left[i]}, {"reason", wire::name_of(unsuback.reasons[i])}});
    else
      std::erase(rest, left[i]);
  }
  log::info("subscriptions of an earlier document are ended at an outside MQTT server",
            {{"server", mine_.server}, {"subscriptions", left.size()}});
  if (const auto kept = keep(std::move(rest)); !kept)
    log::warn("a subscription that is ended at an outside MQTT server may be ended once more",
              {{"detail", kept.error().detail}});
  callbacks_.on_ready();
  return {};
}

}  // namespace sluice::connectors::bridge
