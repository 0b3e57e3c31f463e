#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/strong.hpp"

namespace sluice::model {

// A place in the commit log: the byte at which a record begins. Positions only grow; 0 stands
// before everything, so "after position 0" is "from the beginning".
using Position = Strong<std::uint64_t, struct PositionTag>;

// The server's unique name for a message: 48 bits of milliseconds (never lower than the last), 16
// of node, 64 of position. Sorts by time; opaque to every caller but the store.
struct MessageId {
  std::uint64_t time_and_node = 0;
  std::uint64_t position = 0;

  friend auto operator<=>(const MessageId&, const MessageId&) = default;
};

// 32 lower-case hexadecimal digits, sortable as text.
[[nodiscard]] std::string to_hex(MessageId id);
// What to_hex() wrote; nothing where the text is none.
[[nodiscard]] std::optional<MessageId> parse_message_id(std::string_view text);

// One PUBLISH as stored. A view: every string points into the batch (or the block read from the
// log) that owns the message, and lives as long as the MessagePtr that leads to it.
struct Message {
  MessageId id;
  std::int64_t timestamp_ms = 0;  // store timestamp, ms since 1970
  std::string_view topic;
  std::string_view payload;
  // MQTT 5 properties as received, still encoded and without their length prefix; Topic Alias and
  // Subscription Identifier are taken out before a message is stored. Empty for MQTT 3.
  std::string_view properties;
  std::string_view client_id;   // the publisher
  std::string_view host;        // its address, without port
  std::string_view username;    // empty: none
  std::uint16_t packet_id = 0;  // of the received PUBLISH; 0 for QoS 0
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;
  bool has_username = false;

  [[nodiscard]] Position position() const { return Position(id.position); }
};

// Shares ownership of the batch in which the message stands (aliasing shared_ptr).
using MessagePtr = std::shared_ptr<const Message>;

}  // namespace sluice::model
