#include "broker/session_records.hpp"

#include <algorithm>

#include "broker/bytes.hpp"

namespace sluice::broker {

namespace {
constexpr std::uint8_t kForm = 1;
constexpr std::uint8_t kUserIdForm = 2;      // of a session; 1 ends before the user's id
constexpr std::uint8_t kListenerForm = 3;    // of a session; 2 ends before the listener
constexpr std::uint8_t kUnfinishedForm = 2;  // of a subscription; 1 ends before what is unfinished
constexpr std::uint8_t kConditionForm = 3;   // of a subscription, and then its condition
constexpr std::uint8_t kPropertiesForm = 4;  // of a subscription, and then its user properties
constexpr std::uint8_t kMail = 0x80;         // beside the retain handling
constexpr std::uint8_t kLacksProperties = 0x40;    // likewise
constexpr std::uint32_t kMostLeftovers = 1 << 20;  // in a record that is whole

void put(ByteWriter& out, const SubscriptionOptions& options) {
  out.number(static_cast<std::uint8_t>(options.qos))
      .boolean(options.no_local)
      .boolean(options.retain_as_published)
      .number(static_cast<std::uint8_t>(options.retain_handling | (options.is_mail ? kMail : 0) |
                                        (options.lacks_properties ? kLacksProperties : 0)))
      .number(options.identifier);
}

SubscriptionOptions take_options(ByteReader& in) {
  SubscriptionOptions options;
  options.qos = static_cast<mqtt::Qos>(in.number<std::uint8_t>() & 3);
  options.no_local = in.boolean();
  options.retain_as_published = in.boolean();
  const auto handling = in.number<std::uint8_t>();
  options.retain_handling = handling & 3;
  options.is_mail = (handling & kMail) != 0;
  options.lacks_properties = (handling & kLacksProperties) != 0;
  options.identifier = in.number<std::uint32_t>();
  return options;
}

void put(ByteWriter& out, const Unfinished& unfinished) {
  const auto walk = unfinished.retained.value_or(RetainedWalk());
  out.boolean(unfinished.retained.has_value()).text(walk.after).number(walk.until.get());
  out.number(static_cast<std::uint32_t>(unfinished.leftovers.size()));
  for (const auto& leftover : unfinished.leftovers) {
    put(out, leftover.options);
    out.number(leftover.since.get()).number(leftover.until.get());
  }
}

Unfinished take_unfinished(ByteReader& in) {
  Unfinished unfinished;
  const bool has_walk = in.boolean();
  RetainedWalk walk;
  walk.after = in.text();
  walk.until = store::Position(in.number<std::uint64_t>());
  if (has_walk) unfinished.retained = std::move(walk);
  const auto count = std::min(in.number<std::uint32_t>(), kMostLeftovers);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Leftover leftover;
    leftover.options = take_options(in);
    leftover.since = store::Position(in.number<std::uint64_t>());
    leftover.until = store::Position(in.number<std::uint64_t>());
    unfinished.leftovers.push_back(leftover);
  }
  return unfinished;
}
}  // namespace

std::string encode(const SessionRecord& record) {
  return ByteWriter()
      .number(kListenerForm)
      .text(record.username)
      .boolean(record.has_username)
      .number(record.expiry_s)
      .number(static_cast<std::uint64_t>(record.created_ms))
      .number(static_cast<std::uint64_t>(record.disconnected_ms))
      .boolean(record.user_id.has_value())
      .text(record.user_id.value_or(""))
      .text(record.host)
      .text(record.listener.text())
      .take();
}

Result<SessionRecord> decode_session(std::string_view bytes) {
  ByteReader in(bytes);
  const auto form = in.number<std::uint8_t>();
  if (form < kForm || form > kListenerForm) return fail(Errc::Corrupt, "session of unknown form");
  SessionRecord record;
  record.username = in.text();
  record.has_username = in.boolean();
  record.expiry_s = in.number<std::uint32_t>();
  record.created_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
  record.disconnected_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
  if (form >= kUserIdForm) {
    const bool known = in.boolean();
    std::string user_id(in.text());
    if (known) record.user_id = std::move(user_id);
    record.host = in.text();
  }
  if (form >= kListenerForm) record.listener = ListenerName(in.text());
  if (!in.ok()) return fail(Errc::Corrupt, "session record is too short");
  return record;
}

// Each in the first form that has room for it: most have nothing but the first.
std::string encode(const Subscription& subscription, const Unfinished& unfinished,
                   const SubscriptionCondition* condition, std::string_view user_properties) {
  const bool is_finished = !unfinished.retained && unfinished.leftovers.empty();
  const auto form = !user_properties.empty() ? kPropertiesForm
                    : condition != nullptr   ? kConditionForm
                    : is_finished            ? kForm
                                             : kUnfinishedForm;
  ByteWriter out;
  out.number(form).text(subscription.filter()).text(subscription.group());
  put(out, subscription.options);
  out.number(subscription.since.get());
  if (form != kForm) put(out, unfinished);
  if (form >= kConditionForm) out.text(condition == nullptr ? std::string_view() : condition->text);
  if (form == kPropertiesForm) out.text(user_properties);
  return out.take();
}

Result<SubscriptionRecord> decode_subscription(std::string_view name, std::string_view bytes) {
  ByteReader in(bytes);
  const auto form = in.number<std::uint8_t>();
  if (form < kForm || form > kPropertiesForm)
    return fail(Errc::Corrupt, "subscription of unknown form: " + std::string(name));
  SubscriptionRecord record;
  record.subscription.name = name;
  in.text();  // its filter and its group, as the name has them
  in.text();
  record.subscription.options = take_options(in);
  record.subscription.since = store::Position(in.number<std::uint64_t>());
  if (form != kForm) record.unfinished = take_unfinished(in);
  if (form >= kConditionForm) record.condition = in.text();
  if (form == kPropertiesForm)
    record.user_properties = std::make_shared<const std::string>(in.text());
  if (!in.ok()) return fail(Errc::Corrupt, "subscription record is too short");
  return record;
}

std::string subscription_key(std::string_view client_id, std::string_view name) {
  std::string key(client_id);
  key.push_back('\0');
  key.append(name);
  return key;
}

std::pair<std::string_view, std::string_view> split_key(std::string_view key) {
  const auto nul = key.find('\0');
  if (nul == std::string_view::npos) return {key, {}};
  return {key.substr(0, nul), key.substr(nul + 1)};
}

std::string packet_key(std::string_view client_id, std::uint16_t packet_id) {
  std::string key(client_id);
  key.push_back('\0');
  key.push_back(static_cast<char>(packet_id >> 8));
  key.push_back(static_cast<char>(packet_id & 0xff));
  return key;
}

std::uint16_t packet_id_of(std::string_view key_rest) {
  if (key_rest.size() != 2) return 0;
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(key_rest[0]) << 8 |
                                    static_cast<std::uint8_t>(key_rest[1]));
}

std::string session_cursor_key(std::string_view client_id) {
  return "session/" + std::string(client_id);
}

std::string group_cursor_key(std::string_view group_key) {
  return "group/" + std::string(group_key);
}

std::string encode(const model::Message& message) {
  return ByteWriter()
      .number(kForm)
      .number(message.id.time_and_node)
      .number(message.id.position)
      .number(static_cast<std::uint64_t>(message.timestamp_ms))
      .text(message.topic)
      .text(message.payload)
      .text(message.properties)
      .text(message.client_id)
      .text(message.host)
      .text(message.username)
      .boolean(message.has_username)
      .number(message.qos)
      .take();
}

Result<model::MessagePtr> decode_message(std::string_view bytes) {
  struct Kept {
    std::string bytes;
    model::Message message;
  };
  auto kept = std::make_shared<Kept>();
  kept->bytes = bytes;
  auto& message = kept->message;
  ByteReader in(kept->bytes);
  if (in.number<std::uint8_t>() != kForm) return fail(Errc::Corrupt, "message of unknown form");
  message.id.time_and_node = in.number<std::uint64_t>();
  message.id.position = in.number<std::uint64_t>();
  message.timestamp_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
  message.topic = in.text();
  message.payload = in.text();
  message.properties = in.text();
  message.client_id = in.text();
  message.host = in.text();
  message.username = in.text();
  message.has_username = in.boolean();
  message.qos = in.number<std::uint8_t>();
  message.retain = true;
  if (!in.ok()) return fail(Errc::Corrupt, "message record is too short");
  return model::MessagePtr(kept, &kept->message);
}

}  // namespace sluice::broker
