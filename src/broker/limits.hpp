#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "broker/group_strategy.hpp"
#include "broker/listener_name.hpp"

namespace sluice::broker {

// What one peer may take, from the settings `mqtt.*`. Each is announced in CONNACK where MQTT 5
// can.
struct Limits {
  std::uint32_t maximum_packet_size = 1 << 20;
  std::uint8_t maximum_qos = 2;
  std::uint16_t receive_maximum = 1024;   // QoS 1 and 2 publishes towards us not yet acknowledged
  std::uint16_t maximum_inflight = 1024;  // towards the client: cap on its Receive Maximum
  std::uint16_t topic_alias_maximum = 64;
  std::uint32_t session_expiry_maximum_s = 30 * 24 * 3600;
  std::uint16_t keep_alive_maximum_s = 3600;
  std::uint32_t connections = 1'000'000;
  std::uint32_t subscriptions_per_client = 1000;
  std::uint32_t conditions_per_client = 20;  // subscriptions with `$where`
  // Of all conditions, compiled. Equal ones stand once, so that a fleet takes what one client does;
  // where each client has its own, a usual one takes 1 KB: room for some sixty thousand, while
  // clients that make the largest ones they can have a server that goes on.
  std::uint64_t conditions_bytes = 64 << 20;
  std::uint32_t topic_levels = 128;
  std::uint32_t retained_maximum = 1'000'000;
  std::uint32_t delayed_maximum = 100'000;  // messages that wait for their time
  std::uint32_t groups = 1000;
  GroupStrategy group_strategy = GroupStrategy::RoundRobin;  // of groups that name none
  bool groups_must_exist = false;  // clients may not make groups by subscribing
  bool point_to_point = false;     // `{first}/p2p/{clientId}` goes to that client alone
  // Publishes of one client; who publishes faster is held back. 0: no limit.
  std::uint32_t messages_per_second = 0;
  // Where clients are sent instead of being admitted; empty: they are admitted.
  std::string redirect_to;
  bool redirect_permanently = false;
  // Connected or away. A whole fleet may share one user, and one that is away takes 1.4 KB: this is
  // a bound for memory, not for the usual. Without access control all clients count as one user.
  std::uint32_t sessions_per_user = 1'000'000;
};

// What a listener says otherwise, from its settings: for the clients that come through it.
struct ListenerLimits {
  ListenerName listener;
  std::optional<std::uint32_t> maximum_packet_size;  // where it is less than that of all
  std::optional<std::uint32_t> messages_per_second;
};

// Users who publish by REST whose pace is known: who was quiet the longest is forgotten first, and
// may begin with a burst again.
inline constexpr std::size_t kPacedUsers = 10'000;

// Until CONNECT has been accepted a peer is a stranger: its first packet may not be larger.
inline constexpr std::size_t kMaximumConnectSize = 256 * 1024;
inline constexpr std::chrono::seconds kConnectDeadline{15};

// Of a condition (`$where`): each is kept compiled, which takes up to fifty times its text.
inline constexpr std::size_t kLongestCondition = 1024;

// What a condition may cost for one message, on the event loop: steps of a few nanoseconds, and
// a payload that takes about a millisecond to parse. A usual one takes less than a hundred steps; a
// client may have many conditions, and each is asked about each message.
inline constexpr std::uint64_t kConditionSteps = 10'000;
inline constexpr std::size_t kLargestJudgedPayload = 64 << 10;

// What all conditions of an event loop may cost in one of its turns: some milliseconds, after which
// other clients are served before the rest goes on. Asking one takes the time of some steps before
// it takes any, and a payload is parsed at this price for a byte.
inline constexpr std::uint64_t kConditionStepsInATurn = 1'000'000;
inline constexpr std::uint64_t kStepsToAsk = 50;
inline constexpr std::uint64_t kStepsPerJsonByte = 4;

// Messages of QoS 0 that wait for their conditions to be asked in a later turn, of one event loop.
// What comes on top is dropped: QoS 1 and 2 wait in the log.
inline constexpr std::size_t kUnjudgedBytes = 16 << 20;

// Reads of the log under way for sessions with conditions, of one event loop: all of them may come
// back in one turn.
inline constexpr std::size_t kReadsToBeJudged = 4;

// Different ones in one group: each is asked about every message of the group.
inline constexpr std::size_t kConditionsPerGroup = 64;

// What is passed over in one turn for want of a condition that accepts it, by one consumer.
inline constexpr std::size_t kPassedAtOnce = 256;

// Of all delayed messages together: they wait in memory.
inline constexpr std::size_t kDelayedBytes = 64 << 20;

// Output that waits for a client. Above it QoS 0 is dropped for that client, and QoS 1 and 2 stay
// in the log until it has read.
inline constexpr std::size_t kOutputHighWater = 1 << 20;

// A cursor of QoS 1 is written at most this often.
inline constexpr std::chrono::milliseconds kCursorInterval{100};

// After a read of the log failed for a reason that may pass.
inline constexpr std::chrono::seconds kReadAgainAfter{1};

// What a worker reads in one turn before it appends and dispatches.
inline constexpr std::size_t kTurnBytes = 4 << 20;

// After a crash the wills of sessions that were connected wait at least this long for the client.
inline constexpr std::chrono::seconds kWillGraceAfterRestart{30};

}  // namespace sluice::broker
