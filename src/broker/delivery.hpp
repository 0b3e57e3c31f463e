#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fifo.hpp"
#include "broker/cursor_tracker.hpp"
#include "broker/filter_table.hpp"
#include "broker/tracer.hpp"
#include "broker/uncounted_lag.hpp"
#include "broker/unfinished.hpp"
#include "broker/wire_forms.hpp"
#include "mqtt/packet.hpp"
#include "store/store.hpp"

namespace sluice::broker {

class ClientConnection;
struct Subscription;

// How one message goes to one client.
struct DeliveryOptions {
  mqtt::Qos qos = mqtt::Qos::AtMostOnce;  // the effective one
  bool retain = false;                    // the RETAIN flag to send
  std::vector<std::uint32_t> identifiers;
};

// How far a consumer is with one message.
enum class Progress : std::uint8_t {
  NotKept,   // QoS 0: sent if the client was there, and nobody knows
  Later,     // it subscribed after the message came
  Waiting,   // not handed out yet
  InFlight,  // sent, or about to be, and not acknowledged
  Passed,    // acknowledged, or passed over
};

// The way of messages to one client: what is in flight, and how far its cursor has come.
//
// A session at the tail is handed each message as it is dispatched. When the window is full, the
// client reads slowly or it was away, the session is behind: it then reads from its queues by
// position until it has reached the tail again.
//
// Invariants: a message that stands in a queue of the session is handed out when its position is
//             above tracker_.read(), and only then; positions are handed out ascending.
// Threads: its worker's own.
class Delivery {
 public:
  explicit Delivery(Session& session) : session_(session) {}

  // --- from dispatch: messages that were just appended, neighbours that go to the same receivers.
  // Runs arrive in log order.
  struct Run {
    const store::BatchPtr& batch;
    std::size_t first = 0;
    std::size_t end = 0;
    WireForms* forms = nullptr;  // of this run; none where a single client gets it
  };
  void offer(const Run& run, const Receiver& receiver);
  // One of them, to a session that chooses by conditions.
  void offer_by_conditions(const Run& run, std::size_t index, const ChoosyReceiver& receiver);
  // Not from the queues: those of a shared group.
  [[nodiscard]] bool offer_from_group(const SharedGroupPtr& group, const model::MessagePtr& message,
                                      DeliveryOptions options);
  // A group that found no room is told when there is some.
  void wake_group_when_room(const SharedGroupPtr& group);

  // --- from the client. False: no such packet id in that state.
  bool on_puback(std::uint16_t packet_id);
  bool on_pubrec(std::uint16_t packet_id, mqtt::ReasonCode reason);
  bool on_pubcomp(std::uint16_t packet_id);
  void on_output_drained() { mark_pump(); }  // the client has read: there is room again

  // --- connection
  // Sends again what was in flight, then goes on; after CONNACK. [MQTT-4.4.0-1]
  void resume(std::uint16_t window);
  void suspend();
  // The session ends: what groups gave goes back or is done with.
  void end();
  // The process ends: nothing is sent, nothing written.
  void let_go() {
    in_flight_.clear();
    rare_.reset();
  }

  // --- queues; called when subscriptions change
  // Those of the session's subscriptions that have one, in their order.
  void set_queues(std::vector<store::QueueId> queues);
  [[nodiscard]] bool reads_queues() const { return !queues_.empty(); }
  void read_from(store::Position position) {
    tracker_.read_up_to(position);
    note_low();
  }
  void set_connected_at(store::Position head) { connected_at_ = head; }

  void pump();  // hands out what is waiting, as far as there is room
  // After ConditionTurns::begin_read() said no.
  void on_read_allowed();
  void write_cursor(store::Batch& batch);
  [[nodiscard]] bool cursor_is_marked() const { return cursor_marked_; }
  void mark_cursor() { cursor_marked_ = true; }

  // --- what subscriptions have not finished (delivery_unfinished.cpp)
  // Sends the retained messages for a subscription, as far as there is room; the others follow,
  // also on a later connection of the session.
  void send_retained(std::string_view name);
  // A subscription that is to have QoS 0 from now on: what waits for it in `queue` stays.
  void leave_over(std::string_view name, Leftover leftover, store::QueueId queue);
  // It has its queue again: it owes nothing behind `since` itself.
  void close_leftovers(std::string_view name, store::Position since);
  void forget_unfinished(std::string_view name);  // it is no more
  [[nodiscard]] std::size_t leftovers() const { return rare_ ? rare_->leftovers.size() : 0; }
  [[nodiscard]] bool has_leftover(std::string_view name) const;
  [[nodiscard]] bool some_unfinished() const {
    return rare_ && (!rare_->walks.empty() || !rare_->leftovers.empty());
  }
  [[nodiscard]] bool is_unfinished(std::string_view name) const;
  [[nodiscard]] Unfinished unfinished(std::string_view name);  // into its record
  void restore_unfinished(const std::string& name, Unfinished unfinished, store::QueueId queue);

  // --- after a restart
  void restore_cursor(const store::Cursor& cursor) {
    tracker_ = CursorTracker(cursor);
    note_low();
  }
  Result<void> restore_outgoing(std::uint16_t packet_id, std::string_view record);

  // Up to here the queues are not needed for this client. Any thread; may lag behind.
  [[nodiscard]] store::Position low() const {
    return store::Position(low_.load(std::memory_order_relaxed));
  }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] std::uint16_t window() const { return window_; }  // how many may be
  [[nodiscard]] std::uint64_t lag() const;  // messages not handed out yet, at most kMostCountedLag
  // --- by subscription (subscription_counts.cpp): what several match counts for each of them
  // What stands in its queue and was not handed out, also what its condition will pass over.
  [[nodiscard]] UncountedLag lag_of(const Subscription& subscription) const;
  struct InFlightCounts {
    std::vector<std::size_t> by_subscription;  // in the order of the session's
    bool at_least = false;                     // of some nobody can tell any more
  };
  // A read of the log may be needed: then `done` runs later, on the worker.
  void count_in_flight(std::function<void(const InFlightCounts&)> done);
  [[nodiscard]] Progress progress_of(store::Position position) const;

 private:
  enum class Phase : std::uint8_t {
    Waiting,          // to be sent when the window has room
    AwaitingDurable,  // QoS 2: its packet id is not on disk yet
    Sent,             // PUBLISH has left
    Releasing,        // PUBREC came, its record is not on disk yet
    Released,         // PUBREL has left or may leave
    Concluding,       // of a group: PUBCOMP came, its cursor is not on disk yet
  };
  struct InFlight {
    std::uint16_t packet_id = 0;
    Phase phase = Phase::Waiting;
    bool tracked = false;     // counts for the session's cursor
    bool is_damaged = false;  // on the disk: it cannot be sent
    store::Position position;
    model::MessagePtr message;  // none while the client is away: read again from the log
    DeliveryOptions options;
    SharedGroupPtr group;
  };
  static_assert(sizeof(InFlight) <= 80);  // there are as many as clients leave unacknowledged
  using Iterator = Fifo<InFlight>::iterator;

  using LoadedMessages = std::unordered_map<std::uint64_t, model::MessagePtr>;  // by position
  [[nodiscard]] InFlightCounts in_flight_counts(const LoadedMessages& loaded) const;
  [[nodiscard]] bool has_brought(const InFlight& entry, const model::Message& message,
                                 const Subscription& subscription) const;
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool has_room() const;
  // Conditions have taken what they may in this turn, and this session has some.
  [[nodiscard]] bool is_put_off() const;
  [[nodiscard]] std::size_t looks_at_once() const;
  [[nodiscard]] std::size_t room_for_a_read() const;
  [[nodiscard]] std::uint16_t next_packet_id();
  [[nodiscard]] Iterator find(std::uint16_t packet_id);
  [[nodiscard]] bool is_own(const model::Message& message) const;
  [[nodiscard]] bool wants(const model::Message& message, bool no_local) const;
  [[nodiscard]] bool may_receive_all(const Run& run) const;
  [[nodiscard]] bool accepts(const SubscriptionCondition* condition,
                             const model::Message& message) const;
  [[nodiscard]] std::optional<DeliveryOptions> options_by_conditions(
      const model::Message& message, const ChoosyReceiver& receiver) const;
  [[nodiscard]] DeliveryOptions own_options_for(const model::Message& message) const;
  static void merge(const SubscriptionOptions& wanted, const model::Message& message,
                    DeliveryOptions& options);
  [[nodiscard]] bool send_whole(const Run& run, const Receiver& receiver);
  void offer(const Run& run, std::size_t index, const Receiver& receiver, bool wants_all);
  void send_unacknowledged(const Run& run, std::size_t index, bool retain,
                           const std::vector<std::uint32_t>& identifiers);
  // `form`: of the message for this client, if there is one.
  void hand_out(model::MessagePtr&& message, DeliveryOptions&& options, WireForms::Form form = {});
  void start(InFlight&& entry, WireForms::Form form = {});
  // What the session's cursor does not count: from a group, or retained (`group` is null).
  void start_untracked(const model::MessagePtr& message, DeliveryOptions options,
                       const SharedGroupPtr& group);
  void leave_when_durable(std::uint16_t packet_id);
  void send(InFlight& entry, bool dup);
  void send_unacknowledged(const model::Message& message, const DeliveryOptions& options);
  void send_release(std::uint16_t packet_id);
  void finish(Iterator entry);
  void conclude(Iterator entry);  // QoS 2: and the packet id
  void conclude_of_group(std::uint16_t packet_id, store::Position position);
  // How many of them it does not want.
  std::size_t take(const store::ReadResult& result);
  [[nodiscard]] std::optional<DeliveryOptions> options_for(const store::ReadEntry& entry) const;
  void read_from_log();
  void try_again_later(void (Delivery::*what)());
  void load_then_resend();
  void resend();
  void send_waiting();
  void mark_pump();  // at the end of the turn
  void walk_retained();
  void send_retained(const Subscription& subscription, const model::MessagePtr& message);
  void add_leftovers(const store::ReadEntry& entry, DeliveryOptions& options,
                     std::vector<std::string_view>& names) const;
  [[nodiscard]] bool goes_directly(const model::Message& message);
  void settle_leftovers();
  void on_leftovers_settled(std::uint64_t upto);
  void drop_leftovers();
  void save_outgoing(const InFlight& entry);
  void erase_outgoing(std::uint16_t packet_id);

  Session& session_;
  void trace(Tracer::What what, const model::Message& message, mqtt::Qos qos) const;
  void note_low() { low_.store(tracker_.low().get(), std::memory_order_relaxed); }

  CursorTracker tracker_;
  std::atomic<std::uint64_t> low_{0};
  store::Position connected_at_;
  std::uint16_t window_ = 1;
  std::uint16_t last_packet_id_ = 0;
  // So many ids after the last one are known to be free: they are not looked for one by one.
  std::uint16_t free_packet_ids_ = 0;
  // Bits: a session of a client that says nothing is to stay small.
  bool at_tail_ : 1 = false;
  bool cursor_marked_ : 1 = false;  // on the worker's list of cursors to write
  bool pump_marked_ : 1 = false;
  bool some_wait_ : 1 = false;   // an entry is in Phase::Waiting
  bool reading_ : 1 = false;     // a read of the log is under way
  bool resuming_ : 1 = false;    // what was in flight is being read again
  std::uint32_t epoch_ = 0;      // of the connection: what began under an older one is stale
  std::uint32_t selection_ = 0;  // counts the changes of queues_
  Fifo<InFlight> in_flight_;
  std::vector<store::QueueId> queues_;
  // What most sessions never have.
  struct Walk {
    std::string name;  // of the subscription
    RetainedWalk at;
    bool in_record = false;
  };
  struct Rest {
    std::string name;  // of the subscription
    Leftover leftover;
    store::QueueId queue;
    std::uint64_t number = 0;  // in the order in which they came
  };
  struct Rare {
    std::vector<Walk> walks;  // retained messages that are still to be sent
    std::vector<Rest> leftovers;
    std::uint64_t last_leftover = 0;
    bool settling = false;               // the newest leftovers wait for what is on the way
    bool waits_for_read = false;         // until on_read_allowed()
    std::vector<SharedGroupPtr> groups;  // that wait for room
  };
  [[nodiscard]] Rare& rare() {
    if (!rare_) rare_ = std::make_unique<Rare>();
    return *rare_;
  }
  std::unique_ptr<Rare> rare_;
};

}  // namespace sluice::broker
