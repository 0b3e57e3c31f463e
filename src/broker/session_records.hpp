// The keys and values of the broker's small state (docs/design/sessions.md).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "broker/session.hpp"
#include "model/message.hpp"

namespace sluice::broker {

struct SessionRecord {
  std::string username;
  std::optional<std::string> user_id;  // nothing in a record of the first form
  std::string host;                    // of the last connection; empty in the first form
  ListenerName listener = {};          // of the last connection; not known in the first two forms
  bool has_username = false;
  std::uint32_t expiry_s = 0;
  std::int64_t created_ms = 0;
  std::int64_t disconnected_ms = 0;  // 0: connected
};
[[nodiscard]] std::string encode(const SessionRecord& record);
[[nodiscard]] Result<SessionRecord> decode_session(std::string_view bytes);

struct SubscriptionRecord {
  Subscription subscription;
  Unfinished unfinished;
  std::string condition;  // its text; empty: none
  UserPropertiesPtr user_properties;
};
[[nodiscard]] std::string encode(const Subscription& subscription, const Unfinished& unfinished,
                                 const SubscriptionCondition* condition = nullptr,
                                 std::string_view user_properties = {});
[[nodiscard]] Result<SubscriptionRecord> decode_subscription(std::string_view name,
                                                             std::string_view bytes);

// client id, NUL, name: a NUL cannot stand in either. [MQTT-1.5.4-2]
[[nodiscard]] std::string subscription_key(std::string_view client_id, std::string_view name);
[[nodiscard]] std::pair<std::string_view, std::string_view> split_key(std::string_view key);
// client id, NUL, packet id in two bytes.
[[nodiscard]] std::string packet_key(std::string_view client_id, std::uint16_t packet_id);
[[nodiscard]] std::uint16_t packet_id_of(std::string_view key_rest);
[[nodiscard]] std::string session_cursor_key(std::string_view client_id);
[[nodiscard]] std::string group_cursor_key(std::string_view group_key);

// A whole message as a value of small state (retained): it stays when its segment goes.
[[nodiscard]] std::string encode(const model::Message& message);
[[nodiscard]] Result<model::MessagePtr> decode_message(std::string_view bytes);

}  // namespace sluice::broker
