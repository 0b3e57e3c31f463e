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
  // What all clients together make the server keep in memory, of each kind; a client's own bounds
  // do not bound it, as there may be very many clients. Packets that have not come whole, of
  // strangers: they are small, and stay for kConnectDeadline at most.
  std::uint64_t strangers_bytes = 64 << 20;
  std::uint64_t packets_bytes = 256 << 20;  // the same of those who have logged in
  std::uint64_t aliases_bytes = 64 << 20;   // topics that have one
  // Client ids, user names and filters: of a million clients with six of forty bytes.
  std::uint64_t sessions_bytes = 256 << 20;
  std::uint64_t wills_bytes = 256 << 20;  // a million of 250 bytes
  std::uint64_t retained_bytes = std::uint64_t{1} << 30;
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

// Less of a packet that has not come whole is not counted for strangers_bytes and packets_bytes:
// what is cut by a read is mostly small, and soon there.
inline constexpr std::size_t kUncountedBytes = 4 * 1024;

// Of a condition (`$where`): each is kept compiled, which takes up to fifty times its text.
inline constexpr std::size_t kLongestCondition = 1024;

// User properties of one SUBSCRIBE that are kept with each subscription it makes, in memory and on
// disk: they are shown and do nothing, and usual ones say in some ten bytes for whom it is. Of all
// subscriptions of a session, with the name of each beside them: a thousand usual ones. Those of
// all sessions count for sessions_bytes. What does not fit is left out, and that is shown.
inline constexpr std::size_t kSubscribePropertyBytes = 1024;
inline constexpr std::size_t kSessionPropertyBytes = 128 << 10;

// The same of CONNECT, in memory and as long as the connection lasts.
inline constexpr std::size_t kConnectPropertyBytes = 1024;

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

// Answers that a client does not take: deliveries stop at kOutputHighWater, and from here on it is
// read no further.
inline constexpr std::size_t kAnswersHighWater = 4 * kOutputHighWater;

// After its DISCONNECT a client has so long to read it and close, and may send so much meanwhile: a
// reset would take the farewell from it.
inline constexpr std::chrono::seconds kFarewell{5};
inline constexpr std::uint32_t kDroppedInput = 4 << 20;

// File descriptors that no client gets: the log, its view and the other sides of tasks need them.
inline constexpr int kReservedDescriptors = 256;

// Of the request with which a WebSocket begins, and of what a proxy adds to a client's address:
// both come before anybody has logged in, and usual ones take some hundred bytes.
inline constexpr std::size_t kMaximumUpgrade = 8 * 1024;
inline constexpr std::size_t kMostProxyExtras = 4096;

// Of all filters of a session: each is kept several times over (session, tree, queue), and one may
// have 64 KiB. A thousand filters of a thousand bytes fit.
inline constexpr std::size_t kSessionFilterBytes = 1 << 20;

// What waits for the disk, in memory. Above it QoS 0 is refused, then nobody is read.
inline constexpr std::uint64_t kLogBusyBytes = 48 << 20;

// Events for `$events/...` of one worker in a turn, and a second of those about messages, which
// come when there is too much already.
inline constexpr std::size_t kEventsInATurn = 1024;
inline constexpr std::size_t kEventBytesInATurn = 1 << 20;
inline constexpr std::size_t kMessageEventsPerSecond = 500;

// Wills that the log refused, of one worker; beyond that a will has its record alone and is sent
// by the next start.
inline constexpr std::size_t kDueWills = 10'000;
inline constexpr std::size_t kDueWillBytes = 16 << 20;

// --- logins

// Longer passwords, tokens and SCRAM messages are refused before they are looked at. A token of an
// identity provider has one to four KiB.
inline constexpr std::size_t kMaximumPasswordBytes = 1024;  // 256 characters
inline constexpr std::size_t kMaximumJwtBytes = 16 * 1024;
inline constexpr std::size_t kMaximumScramBytes = 4096;

// Topic filters in the rules of one token.
inline constexpr std::size_t kMaximumTokenRules = 100;

// That wait for a hash, or for the answer of the server that is asked; of one address: ten seconds
// of hashing.
inline constexpr std::size_t kLoginsWaiting = 10'000;
inline constexpr std::size_t kLoginsWaitingPerPeer = 256;

// Wrong passwords and tokens of one address until it has to pause, and for how long.
inline constexpr int kFreeGuesses = 10;
inline constexpr std::chrono::seconds kFirstGuessPause{1};
inline constexpr std::chrono::seconds kLongestGuessPause{60};
inline constexpr std::chrono::minutes kGuessesForgottenAfter{10};  // without another one
inline constexpr std::size_t kGuessersRemembered = 10'000;         // the longest quiet goes first
// The same for one user, whoever guesses: NIST SP 800-63B-4 §3.2.2 has 100 at most. Then one
// stranger after the other, with these pauses; and from where users have logged in, for whom there
// are none (some 10 MiB when it is full).
inline constexpr int kFreeGuessesOfUser = 100;
inline constexpr std::chrono::seconds kLongestGuessPauseOfUser{10};
inline constexpr std::size_t kLoginAddressesRemembered = 65'536;

// --- the administration's HTTP

// At one time, of one address, and kept for the machine itself. Where there is no room the one that
// has waited longest for its client makes some, so that silent ones keep nobody out.
inline constexpr std::size_t kAdminConnections = 256;
inline constexpr std::size_t kAdminConnectionsPerPeer = 64;
inline constexpr std::size_t kAdminKeptForLoopback = 16;
inline constexpr std::size_t kAdminQueries = 8;  // of the log, those that wait included
inline constexpr std::uint32_t kAdminHeaderBytes = 16 * 1024;
inline constexpr std::uint64_t kAdminBodyBytes = 1024 * 1024;
// From the first byte of a request to its last, and between two of them.
inline constexpr std::chrono::seconds kAdminRequestDeadline{15};
inline constexpr std::chrono::seconds kAdminIdleDeadline{60};
inline constexpr std::size_t kAdminLogins = 1024;  // the one that ends first makes room

// A cursor of QoS 1 is written at most this often.
inline constexpr std::chrono::milliseconds kCursorInterval{100};

// After a read of the log failed for a reason that may pass.
inline constexpr std::chrono::seconds kReadAgainAfter{1};

// What a worker reads in one turn before it appends and dispatches.
inline constexpr std::size_t kTurnBytes = 4 << 20;

// After a crash the wills of sessions that were connected wait at least this long for the client.
inline constexpr std::chrono::seconds kWillGraceAfterRestart{30};

}  // namespace sluice::broker
