#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/client_connection.hpp"
#include "broker/link.hpp"
#include "broker/worker.hpp"
#include "mqtt/codec.hpp"
#include "simulation/scheduler.hpp"
#include "support/history.hpp"

namespace sluice::simulation {

class World;

// One network connection of a client: bytes on their way, the server's side of it.
class Wire final : public broker::Link, public std::enable_shared_from_this<Wire> {
 public:
  Wire(World& world, broker::Worker& worker, mqtt::Version version);

  std::string& output() override { return output_; }
  [[nodiscard]] std::size_t waiting_bytes() const override { return output_.size() + stuck_; }
  void flush() override;
  void close_after_output() override { closed_by_server_ = true; }
  void hold_reading(bool hold) override { held_ = hold; }

  // The network moves some bytes, one way or the other.
  void move_some(Random& random);
  void cut(Random& random);  // of what is under way any first part arrives
  void server_is_gone();     // what it had sent may still arrive
  void toggle_slow();        // the client reads slowly, or has read
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] bool is_slow() const { return stuck_ > 0; }

  std::string to_server;  // written by the client
  std::string to_client;  // arrived at the client
  // Nothing more will arrive at the client; and it has read all that has.
  [[nodiscard]] bool closed() const {
    return cut_ || ((closed_by_server_ || worker_ == nullptr) && under_way_.empty());
  }
  [[nodiscard]] bool ended() const { return closed() && to_client.empty(); }

 private:
  friend class World;
  void receive();  // on the worker

  World& world_;
  broker::Worker* worker_;
  std::shared_ptr<broker::ClientConnection> server_side_;
  std::string output_;
  std::string under_way_;  // from the server
  std::string arrived_;    // at the server
  std::size_t stuck_ = 0;
  bool held_ = false;
  bool receives_ = false;  // on the worker's list
  bool closed_by_server_ = false;
  bool cut_ = false;
};

// A client as the standard wants it: it keeps its session's state over connections, sends again
// what was not acknowledged, in order, and knows a QoS 2 message by its packet id.
class Client {
 public:
  struct Wish {
    std::string filter;  // as it is subscribed to
    std::string consumer;
    std::vector<mqtt::Qos> qos;  // one of these, and another one when it is replaced
    bool comes_and_goes = false;
    bool is_alone = false;  // in its group
  };
  struct Plan {
    std::string id = {};
    mqtt::Version version = mqtt::Version::V5;
    std::vector<std::string> topics = {};  // it publishes to
    std::vector<mqtt::Qos> qos = {};       // with one of these
    bool retains = false;                  // on r/<id>
    bool has_will = false;                 // on w/<id>
    bool may_end_session = false;
    std::vector<Wish> wishes = {};
  };
  Client(World& world, Plan plan);

  void act();                             // one thing that it might do now
  void calm(bool calm) { calm_ = calm; }  // publishes nothing new, breaks nothing
  [[nodiscard]] bool is_settled() const;
  void on_server_killed();
  void break_connection();
  [[nodiscard]] const std::shared_ptr<Wire>& wire() const { return wire_; }
  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] std::uint64_t last_retained() const { return last_retained_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

 private:
  struct Outgoing {
    std::uint16_t packet_id = 0;
    std::uint64_t sequence = 0;
    std::string topic;
    mqtt::Qos qos = mqtt::Qos::AtLeastOnce;
    bool retain = false;
    bool released = false;
    std::uint64_t refusals = 0;  // of the log to anybody, when it was sent first
  };
  struct Asked {
    std::uint16_t packet_id = 0;
    std::size_t wish = 0;
    std::optional<mqtt::Qos> qos;  // none: to unsubscribe
  };
  void connect();
  void disconnect();
  void publish_new();
  void send_publish(const Outgoing& message, bool dup);
  // --- subscriptions (client_subscriptions.cpp)
  void change_subscription();
  void change_at_will();
  void subscribe(std::size_t index);
  void unsubscribe(std::size_t index);
  [[nodiscard]] bool is_promised(const Wish& wish) const;
  void note_promise(test::Event::Kind kind, const Wish& wish, mqtt::Qos qos);
  void read_some();
  void take(const mqtt::Packet& packet);
  void on_connack(const mqtt::Connack& connack);
  void on_publish(const mqtt::Publish& publish);
  void on_ack(const mqtt::Ack& ack);
  void on_suback(std::uint16_t packet_id, mqtt::ReasonCode reason);
  void forget_session();
  void note_broken();
  void send_held_acks();
  [[nodiscard]] std::uint16_t next_packet_id();
  [[nodiscard]] std::string consumer_of(std::string_view topic) const;
  template <class Packet>
  void send(const Packet& packet) {
    mqtt::encode(wire_->to_server, plan_.version, packet);
  }

  World& world_;
  const Plan plan_;
  std::shared_ptr<Wire> wire_;
  bool connected_ = false;  // CONNACK has come
  bool calm_ = false;
  bool had_session_ = false;  // the server promised one
  bool has_forgotten_ = false;
  bool ends_session_ = false;  // with this connection
  std::uint64_t changes_ = 0;  // of subscriptions, asked for
  std::uint64_t sequence_ = 0;
  std::uint64_t last_retained_ = 0;  // acknowledged
  std::uint16_t packet_id_ = 0;
  std::deque<Outgoing> outgoing_;
  std::deque<Outgoing> refused_;  // to be sent again
  std::set<std::uint16_t> unreleased_;
  std::optional<Asked> asked_;
  std::map<std::size_t, mqtt::Qos> subscribed_;  // indexes of wishes, as far as we know
  std::deque<mqtt::Ack> held_acks_;
};

}  // namespace sluice::simulation
