// Clients that come, go and change their subscriptions while others publish, on running workers:
// what threads share must hold. Case A11 of the attacks; CI runs it under TSan.
#include <deque>
#include <future>

#include <gtest/gtest.h>

#include "scripted_client.hpp"
#include "support/eventually.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::Qos;
using sluice::test::eventually;
using sluice::test::MemoryStore;

// What one worker does, on its own thread; waits for it.
template <class Work>
void on_worker(Worker& worker, Work work) {
  std::promise<void> done;
  worker.post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

// A client on a link that is read as one of net's is: no further while a login is decided on.
class Peer {
 public:
  Peer(Worker& worker, std::string_view client_id)
      : worker_(worker),
        link_(std::make_shared<PeerLink>(*this)),
        connection_(
            std::make_shared<ClientConnection>(worker, link_, "192.0.2.1", ListenerName("tcp"))) {
    connection_->start();
    mqtt::Connect connect;
    connect.version = mqtt::Version::V5;
    connect.client_id = client_id;
    std::string bytes;
    mqtt::encode(bytes, connect);
    receive(std::move(bytes));
  }
  void subscribe(std::initializer_list<std::string_view> filters, Qos qos) {
    mqtt::Subscribe packet;
    packet.packet_id = 1;
    for (const auto filter : filters)
      packet.subscriptions.push_back({.filter = filter, .qos = qos});
    send(packet);
  }
  void unsubscribe(std::string_view filter) {
    mqtt::Unsubscribe packet;
    packet.packet_id = 2;
    packet.filters.push_back(filter);
    send(packet);
  }
  void publish(std::string_view topic, std::string_view payload, std::uint16_t packet_id) {
    mqtt::Publish packet;
    packet.topic = topic;
    packet.payload = payload;
    packet.qos = Qos::AtLeastOnce;
    packet.packet_id = packet_id;
    send(packet);
  }
  void drop() {
    link_->closed = true;
    connection_->on_closed();
  }
  [[nodiscard]] bool has_got(std::string_view text) const {
    return link_->sent.find(text) != std::string::npos;
  }

 private:
  struct PeerLink final : ScriptedClient::TestLink {
    explicit PeerLink(Peer& of) : peer(of) {}
    void hold_reading(bool hold) override {
      held = hold;
      if (!hold) peer.worker_.post([&of = peer] { of.read(); });
    }
    Peer& peer;
  };
  template <class Packet>
  void send(const Packet& packet) {
    std::string bytes;
    mqtt::encode(bytes, mqtt::Version::V5, packet);
    receive(std::move(bytes));
  }
  void receive(std::string bytes) {
    unread_.push_back(std::move(bytes));
    read();
  }
  void read() {
    while (!unread_.empty() && !link_->held && !link_->closed) {
      const auto bytes = std::move(unread_.front());
      unread_.pop_front();
      const auto frame = mqtt::next_frame(bytes, 1 << 20);
      connection_->on_packet(**frame);
    }
  }

  Worker& worker_;
  std::shared_ptr<PeerLink> link_;
  std::shared_ptr<ClientConnection> connection_;
  std::deque<std::string> unread_;
};

class Storm : public testing::Test {
 protected:
  Storm() { server.broker.start(); }
  // A client id whose worker is not that of `other`.
  std::string id_beside(const Worker& other) {
    for (int i = 0;; ++i)
      if (auto id = "publisher" + std::to_string(i); &server.broker.worker_of(id) != &other)
        return id;
  }

  MemoryStore store;
  BrokerUnderTest server{store, {}, false, false, 2};
};

TEST_F(Storm, OfOneClientIdLeavesTheLastOneAtWork) {
  auto& here = server.broker.worker_of("same");
  const auto publisher_id = id_beside(here);
  auto& there = server.broker.worker_of(publisher_id);
  std::vector<std::unique_ptr<Peer>> storm;
  std::unique_ptr<Peer> publisher;
  on_worker(there, [&] { publisher = std::make_unique<Peer>(there, publisher_id); });

  for (int i = 0; i < 200; ++i) {
    here.post([&, i] {
      storm.push_back(std::make_unique<Peer>(here, "same"));
      auto& peer = *storm.back();
      peer.subscribe({"a/+", "$share/g/a/#"}, static_cast<Qos>(i % 3));
      if (i % 2 == 0) peer.unsubscribe(i % 4 == 0 ? "a/+" : "$share/g/a/#");
      if (i % 5 == 0) peer.drop();
    });
    there.post(
        [&, i] { publisher->publish("a/b", "in the storm", static_cast<std::uint16_t>(1 + i)); });
  }
  std::unique_ptr<Peer> last;
  on_worker(here, [&] {
    last = std::make_unique<Peer>(here, "same");
    last->subscribe({"a/+"}, Qos::AtLeastOnce);
  });
  EXPECT_TRUE(eventually([&] {
    bool came = false;
    on_worker(there, [&] { publisher->publish("a/b", "after the storm", 1000); });
    on_worker(here, [&] { came = last->has_got("after the storm"); });
    return came;
  }));
  server.broker.stop();
}

}  // namespace
}  // namespace sluice::broker::test
