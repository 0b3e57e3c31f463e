#include "broker/session.hpp"

#include <atomic>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/session_records.hpp"
#include "broker/shared_group.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

class Sessions : public testing::Test {
 protected:
  void publish(std::string_view topic, int from, int to, Qos qos = Qos::AtLeastOnce) {
    ScriptedClient publisher(*server);
    publisher.connect("publisher");
    for (int i = from; i <= to; ++i) {
      const auto id = static_cast<std::uint16_t>(i);
      publisher.publish(topic, std::to_string(i), qos, qos == Qos::AtMostOnce ? 0 : id);
      server->make_durable();
    }
  }
  // What a new process finds after kill -9.
  void crash_and_restart() {
    server.reset();
    store.crash();
    server = std::make_unique<BrokerUnderTest>(store);
    ASSERT_TRUE(server->broker.load());
  }

  void damage(const std::set<std::string_view>& payloads) {
    const std::vector<std::string> filters{"#"};
    const auto all = store.scan_log({.filters = filters, .after = {}, .before = store.durable()});
    ASSERT_TRUE(all);
    for (const auto& entry : all->entries)
      if (payloads.contains(entry.message->payload)) store.damage(entry.message->position());
  }
  // What the client gets, files included: they are read on a pool.
  std::vector<std::string> payloads_of(ScriptedClient& client, std::size_t count) {
    std::vector<std::string> all;
    for (int i = 0; i < 100 && all.size() < count; ++i) {
      server->turn();
      for (auto& payload : client.take_payloads()) all.push_back(std::move(payload));
      if (all.size() < count) server->await(std::chrono::milliseconds(50));
    }
    server->turn();
    for (auto& payload : client.take_payloads()) all.push_back(std::move(payload));
    return all;
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server = std::make_unique<BrokerUnderTest>(store);
};

TEST_F(Sessions, GetWhatIsWholeAroundDamageAndTheRestIsCounted) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  client.drop();
  publish("commands/1", 1, 9);
  damage({"1", "4", "5", "9"});

  ScriptedClient again(*server);
  again.connect("meter", false, kLong);

  EXPECT_THAT(payloads_of(again, 5), ElementsAre("2", "3", "6", "7", "8"));
  EXPECT_EQ(server->broker.counters().lost_to_damage.value(), 4U);
  EXPECT_EQ(server->broker.counters().lost_to_retention.value(), 0U);
  publish("commands/1", 10, 10);
  EXPECT_THAT(payloads_of(again, 1), ElementsAre("10"));
}

// A read of files is under way on the pool while the client changes what it subscribes to.
class SessionsThatReadFiles : public Sessions {
 protected:
  ~SessionsThatReadFiles() override { let_read_.store(true); }

  // The client is back with a log behind it that has to be read from files, and the read waits.
  void resume(ScriptedClient& client) {
    damage({"1"});
    store.before_reads([this] {
      is_reading_.store(true);
      is_reading_.notify_all();
      let_read_.wait(false);
    });
    client.connect("meter", false, kLong);
    server->turn();
    is_reading_.wait(false);
  }
  void let_read() {
    let_read_.store(true);
    let_read_.notify_all();
  }

 private:
  std::atomic<bool> is_reading_ = false;
  std::atomic<bool> let_read_ = false;
};

TEST_F(SessionsThatReadFiles, GetWhatMatchesASubscriptionMadeMeanwhile) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  client.drop();
  publish("commands/1", 1, 2);
  ScriptedClient again(*server);
  resume(again);

  again.subscribe("news/#", Qos::AtLeastOnce);
  publish("news/1", 3, 3);
  let_read();

  EXPECT_THAT(payloads_of(again, 2), ElementsAre("2", "3"));
}

TEST_F(SessionsThatReadFiles, GetTheRestWhenASubscriptionEndsMeanwhile) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  client.subscribe("news/#", Qos::AtLeastOnce);
  client.drop();
  publish("commands/1", 1, 1);
  publish("news/1", 2, 3);
  ScriptedClient again(*server);
  resume(again);

  again.unsubscribe("commands/#");
  let_read();

  EXPECT_THAT(payloads_of(again, 2), ElementsAre("2", "3"));
}

// Found by the simulation, seed 3: the client's resending was taken for a message that is stored.
TEST_F(Sessions, DoNotKnowAMessageThatTheLogRefusedAfterItsConnectionBroke) {
  ScriptedClient reader(*server);
  reader.connect("reader", true, kLong);
  reader.subscribe("t", Qos::AtLeastOnce);
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);

  store.fail_appends(Errc::NoSpace);
  client.publish("t", "once", Qos::ExactlyOnce, 7);
  client.connection->on_closed();  // in the same turn
  server->turn();
  store.fail_appends(std::nullopt);
  ScriptedClient again(*server);
  again.connect("meter", false, kLong);
  again.publish("t", "once", Qos::ExactlyOnce, 7);
  server->turn();
  server->make_durable();

  ASSERT_EQ(again.take<mqtt::Ack>().size(), 1U);
  EXPECT_THAT(reader.take_payloads(), ElementsAre("once"));
}

TEST_F(Sessions, AGroupGetsWhatIsWholeAroundDamage) {
  {
    ScriptedClient member(*server);
    member.connect("member", true, kLong);
    member.subscribe("$share/g/jobs/+", Qos::AtLeastOnce);
    member.drop();
    publish("jobs/1", 1, 5);
  }
  damage({"1", "3"});
  crash_and_restart();  // the group had read ahead

  ScriptedClient again(*server);
  again.connect("member", false, kLong);

  EXPECT_THAT(payloads_of(again, 3), ElementsAre("2", "4", "5"));
  EXPECT_EQ(server->broker.counters().lost_to_damage.value(), 2U);
}

TEST_F(Sessions, WhatWasInFlightAndIsDamagedNowIsCountedAndItsIdIsFree) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::ExactlyOnce);
  publish("commands/1", 1, 2, Qos::ExactlyOnce);
  ASSERT_EQ(payloads_of(client, 2).size(), 2U);
  client.drop();
  damage({"1"});

  ScriptedClient again(*server);
  again.connect("meter", false, kLong);

  EXPECT_THAT(payloads_of(again, 1), ElementsAre("2"));
  EXPECT_EQ(server->broker.counters().lost_to_damage.value(), 1U);
  EXPECT_EQ(server->broker.counters().lost_to_retention.value(), 0U);
}

TEST_F(Sessions, KeepWhatCameWhileTheClientWasAway) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  client.drop();

  publish("commands/1", 1, 3);
  publish("other", 4, 4);
  ScriptedClient again(*server);
  const auto connack = again.connect("meter", false, kLong);
  server->turn();

  EXPECT_TRUE(connack.session_present);
  EXPECT_THAT(again.take_payloads(), ElementsAre("1", "2", "3"));
}

TEST_F(Sessions, KeepNothingOfQos0ForAClientThatIsAway) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  client.drop();

  publish("commands/1", 1, 1, Qos::AtMostOnce);
  publish("commands/1", 2, 2);
  ScriptedClient again(*server);
  again.connect("meter", false, kLong);
  server->turn();

  EXPECT_THAT(again.take_payloads(), ElementsAre("2"));
}

TEST_F(Sessions, SendAgainUnderTheSameIdWhatWasNotAcknowledged) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  publish("commands/1", 1, 2);
  const auto first = client.take<mqtt::Publish>();
  ASSERT_EQ(first.size(), 2U);
  client.ack(PacketType::Puback, first[0].packet_id);
  client.drop();

  ScriptedClient again(*server);
  again.connect("meter", false, kLong);
  server->turn();
  auto resent = again.take<mqtt::Publish>();
  for (int i = 0; i < 100 && resent.empty(); ++i) {  // read again from the log by the pool
    server->await(std::chrono::milliseconds(100));
    server->turn();
    resent = again.take<mqtt::Publish>();
  }

  ASSERT_EQ(resent.size(), 1U);  // [MQTT-4.4.0-1]
  EXPECT_EQ(resent[0].packet_id, first[1].packet_id);
  EXPECT_TRUE(resent[0].dup);
}

TEST_F(Sessions, SurviveACrashWithSubscriptionsAndQueue) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  client.drop();
  publish("commands/1", 1, 3);

  crash_and_restart();
  ScriptedClient again(*server);
  const auto connack = again.connect("meter", false, kLong);
  server->turn();
  const auto kept = again.take_payloads();
  publish("commands/1", 4, 4);

  EXPECT_TRUE(connack.session_present);
  EXPECT_THAT(kept, ElementsAre("1", "2", "3"));
  EXPECT_THAT(again.take_payloads(), ElementsAre("4"));
}

TEST_F(Sessions, DeliverQos2OnceOverACrashAtEveryStep) {
  for (int step = 0; step < 4; ++step) {
    SCOPED_TRACE(step);
    store.crash();
    server = std::make_unique<BrokerUnderTest>(store);
    ASSERT_TRUE(server->broker.load());
    {
      ScriptedClient client(*server);
      client.connect("meter", true, kLong);
      client.subscribe("commands/#", Qos::ExactlyOnce);
      publish("commands/1", 1, 1, Qos::ExactlyOnce);
      const auto received = client.take<mqtt::Publish>();
      ASSERT_EQ(received.size(), 1U);
      const auto id = received[0].packet_id;
      if (step >= 1) {
        client.ack(PacketType::Pubrec, id);
        step >= 2 ? server->make_durable() : server->turn();
      }
      if (step >= 3) {
        client.ack(PacketType::Pubcomp, id);
        server->make_durable();
      }
    }
    crash_and_restart();

    ScriptedClient again(*server);
    again.connect("meter", false, kLong);
    auto publishes = again.take<mqtt::Publish>();
    auto acks = again.take<mqtt::Ack>();
    const int most = step == 3 ? 20 : 2000;  // nothing comes where all was acknowledged
    for (int i = 0; i < most && publishes.empty() && acks.empty(); ++i) {
      server->await(std::chrono::milliseconds(5));
      server->make_durable();
      publishes = again.take<mqtt::Publish>();
      acks = again.take<mqtt::Ack>();
    }

    if (step <= 1) {  // the PUBREC was not durable: the same id again, which the client knows
      ASSERT_EQ(publishes.size(), 1U);
      EXPECT_TRUE(publishes[0].dup);
    } else {
      EXPECT_THAT(publishes, IsEmpty());
    }
    EXPECT_EQ(acks.size(), step == 2 ? 1U : 0U);  // PUBREL goes on where it stood
  }
}

TEST_F(Sessions, SendAgainInTheFirstOrderThoughThePacketIdsBeganAnew) {
  {
    ScriptedClient client(*server);
    client.connect("meter", true, kLong);
    client.subscribe("commands/#", Qos::ExactlyOnce);
    publish("commands/1", 1, 3, Qos::ExactlyOnce);
    ASSERT_EQ(client.take<mqtt::Publish>().size(), 3U);
  }
  // As if the first had been sent under the last id there is.
  std::string first;
  ASSERT_TRUE(store.scan(store::StateKind::Outgoing, packet_key("meter", 1),
                         [&](std::string_view, std::string_view record) {
                           first = record;
                           return true;
                         }));
  auto batch = store.new_batch();
  batch->erase(store::StateKind::Outgoing, packet_key("meter", 1));
  batch->put(store::StateKind::Outgoing, packet_key("meter", 65535), first);
  ASSERT_TRUE(store.append(batch));
  store.make_durable();
  crash_and_restart();

  ScriptedClient again(*server);
  again.connect("meter", false, kLong);

  EXPECT_THAT(payloads_of(again, 3), ElementsAre("1", "2", "3"));  // [MQTT-4.6.0-1]
}

TEST_F(Sessions, KnowAQos2PublishAgainAfterACrash) {
  ScriptedClient subscriber(*server);
  subscriber.connect("subscriber", true, kLong);
  subscriber.subscribe("plant/1", Qos::AtLeastOnce);
  subscriber.drop();
  ScriptedClient publisher(*server);
  publisher.connect("publisher", true, kLong);
  publisher.publish("plant/1", "reading", Qos::ExactlyOnce, 9);
  server->make_durable();

  crash_and_restart();
  ScriptedClient again(*server);
  again.connect("publisher", false, kLong);
  again.publish("plant/1", "reading", Qos::ExactlyOnce, 9);
  server->make_durable();
  ScriptedClient reader(*server);
  reader.connect("subscriber", false, kLong);
  server->turn();

  EXPECT_EQ(again.take<mqtt::Ack>().size(), 1U);
  EXPECT_THAT(reader.take_payloads(), ElementsAre("reading"));
}

TEST_F(Sessions, KnowAPacketIdThatWasReleasedAndUsedAgainInOneTurn) {
  ScriptedClient subscriber(*server);
  subscriber.connect("subscriber", true, kLong);
  subscriber.subscribe("plant/1", Qos::AtLeastOnce);
  subscriber.drop();
  ScriptedClient publisher(*server);
  publisher.connect("publisher", true, kLong);
  publisher.publish("plant/1", "first", Qos::ExactlyOnce, 9);
  server->make_durable();
  publisher.ack(PacketType::Pubrel, 9);
  publisher.publish("plant/1", "second", Qos::ExactlyOnce, 9);
  server->make_durable();

  crash_and_restart();
  ScriptedClient again(*server);
  again.connect("publisher", false, kLong);
  again.publish("plant/1", "second", Qos::ExactlyOnce, 9);
  server->make_durable();
  ScriptedClient reader(*server);
  reader.connect("subscriber", false, kLong);
  server->turn();

  EXPECT_THAT(reader.take_payloads(), ElementsAre("first", "second"));
}

TEST_F(Sessions, EndWithTheConnectionWhenTheyAreNotToLast) {
  ScriptedClient client(*server);
  client.connect("meter", true, 0);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  client.drop();

  ScriptedClient again(*server);
  const auto connack = again.connect("meter", false, 0);

  EXPECT_FALSE(connack.session_present);
  EXPECT_EQ(server->broker.filters().size(), 0U);
}

TEST_F(Sessions, TakeOnlySoManyBytesOfFilters) {
  const std::string large(60'000, 'f');
  const auto fits = kSessionFilterBytes / (large.size() + 2);
  for (const auto version : {mqtt::Version::V5, mqtt::Version::V311}) {
    const auto refused =
        version == mqtt::Version::V5 ? ReasonCode::QuotaExceeded : ReasonCode::UnspecifiedError;
    ScriptedClient client(*server, version);
    const auto* const client_id = version == mqtt::Version::V5 ? "new" : "old";
    client.connect(client_id, false, kLong);
    const auto filter = [&](std::size_t i) {
      return std::string(1, static_cast<char>('A' + i)) + "/" + large;
    };
    for (std::size_t i = 0; i < fits; ++i)
      ASSERT_THAT(client.subscribe(filter(i), Qos::AtLeastOnce),
                  ElementsAre(ReasonCode::GrantedQos1));

    EXPECT_THAT(client.subscribe(filter(fits), Qos::AtLeastOnce), ElementsAre(refused));
    // One that is there already takes no more, and what is given up makes room, over a restart too.
    EXPECT_THAT(client.subscribe(filter(0), Qos::AtLeastOnce),
                ElementsAre(ReasonCode::GrantedQos1));
    client.drop();
    crash_and_restart();
    ScriptedClient again(*server, version);
    again.connect(client_id, false, kLong);
    EXPECT_THAT(again.subscribe(filter(fits), Qos::AtLeastOnce), ElementsAre(refused));
    again.send(mqtt::Unsubscribe{.packet_id = 2, .properties = {}, .filters = {filter(0)}});
    EXPECT_THAT(again.subscribe(filter(fits), Qos::AtLeastOnce),
                ElementsAre(ReasonCode::GrantedQos1));
    again.drop();
  }
}

TEST_F(Sessions, AreTakenOverByANewConnection) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);

  ScriptedClient second(*server);
  const auto connack = second.connect("meter", false, kLong);
  publish("commands/1", 1, 1);

  const auto farewells = client.take<mqtt::Disconnect>();  // [MQTT-3.1.4-3]
  ASSERT_EQ(farewells.size(), 1U);
  EXPECT_EQ(farewells[0].reason, ReasonCode::SessionTakenOver);
  EXPECT_TRUE(client.link->closed);
  EXPECT_TRUE(connack.session_present);
  EXPECT_THAT(second.take_payloads(), ElementsAre("1"));
}

TEST_F(Sessions, GetNothingTwiceWhenASubscriptionOfQosZeroIsRaised) {
  ScriptedClient other(*server);
  other.connect("other");
  other.subscribe("plant/2", Qos::AtLeastOnce);  // that filter has a queue
  ScriptedClient client(*server);
  client.connect("client");
  client.subscribe("plant/1", Qos::AtLeastOnce);
  client.subscribe("plant/2", Qos::AtMostOnce);
  publish("plant/2", 1, 2);
  const auto live = client.take_payloads();

  client.subscribe("plant/2", Qos::AtLeastOnce);
  publish("plant/2", 3, 3);

  EXPECT_THAT(live, ElementsAre("1", "2"));
  EXPECT_THAT(client.take_payloads(), ElementsAre("3"));  // [MQTT-3.8.4-3]
}

TEST_F(Sessions, GoOnWithTheOtherFiltersAfterAnUnsubscribe) {
  ScriptedClient client(*server);
  client.connect("client");
  client.subscribe("plant/1", Qos::AtLeastOnce);
  client.subscribe("plant/2", Qos::AtLeastOnce);
  mqtt::Unsubscribe unsubscribe;
  unsubscribe.packet_id = 1;
  unsubscribe.filters.push_back("plant/1");

  client.send(unsubscribe);
  server->make_durable();
  publish("plant/1", 1, 1);
  publish("plant/2", 2, 2);

  EXPECT_THAT(client.take_payloads(), ElementsAre("2"));
}

TEST_F(Sessions, HoldBackWhatTheWindowHasNoRoomFor) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong, 2);
  client.subscribe("commands/#", Qos::AtLeastOnce);

  publish("commands/1", 1, 5);
  const auto first = client.take<mqtt::Publish>();
  ASSERT_EQ(first.size(), 2U);  // [MQTT-3.3.4-9]
  client.ack(PacketType::Puback, first[0].packet_id);
  client.ack(PacketType::Puback, first[1].packet_id);
  server->turn();

  EXPECT_THAT(client.take_payloads(), ElementsAre("3", "4"));
}

TEST_F(Sessions, HoldBackWhatASlowReaderHasNoRoomFor) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  client.link->stuck = kOutputHighWater;

  publish("commands/1", 1, 3);
  const auto while_stuck = client.take_payloads();
  client.link->stuck = 0;
  client.connection->on_output_drained();
  server->turn();

  EXPECT_THAT(while_stuck, IsEmpty());
  EXPECT_THAT(client.take_payloads(), ElementsAre("1", "2", "3"));
}

// All 65,535 ids come round while one message stays unacknowledged. [MQTT-2.2.1-4]
TEST_F(Sessions, PassOverAPacketIdThatIsStillInFlight) {
  ScriptedClient client(*server);
  client.connect("meter", true, kLong);
  client.subscribe("commands/#", Qos::AtLeastOnce);
  publish("commands/1", 1, 1);
  const auto held = client.take<mqtt::Publish>();
  ASSERT_EQ(held.size(), 1U);

  constexpr int kMany = 66'000;
  constexpr int kAtOnce = 500;
  std::uint16_t last = held[0].packet_id;
  for (int sent = 0; sent < kMany; sent += kAtOnce) {
    publish("commands/1", 1, kAtOnce);
    const auto received = client.take<mqtt::Publish>();
    ASSERT_EQ(received.size(), static_cast<std::size_t>(kAtOnce));
    for (const auto& message : received) {
      const auto next = last == 65535 ? 2 : last + 1;  // 1 is held
      ASSERT_EQ(message.packet_id, next);
      last = message.packet_id;
      client.ack(PacketType::Puback, message.packet_id);
    }
  }
}

TEST_F(Sessions, SendTheWillWhenTheConnectionBreaks) {
  ScriptedClient watcher(*server);
  watcher.connect("watcher");
  watcher.subscribe("wills/#", Qos::AtLeastOnce);
  ScriptedClient broken(*server);
  broken.will = mqtt::Will{.topic = "wills/1",
                           .payload = "gone",
                           .qos = Qos::AtLeastOnce,
                           .retain = false,
                           .properties = {}};
  broken.connect("broken");
  ScriptedClient polite(*server);
  polite.will = broken.will;
  polite.connect("polite");

  polite.send(mqtt::Disconnect{.reason = ReasonCode::Success, .properties = {}});
  server->make_durable();
  const auto after_polite = watcher.take_payloads();
  broken.drop();
  server->make_durable();

  EXPECT_THAT(after_polite, IsEmpty());  // [MQTT-3.14.4-3]
  EXPECT_THAT(watcher.take_payloads(), ElementsAre("gone"));
}

class Wills : public Sessions {
 protected:
  static mqtt::Will will(std::string_view payload) {
    return {.topic = "wills/1",
            .payload = payload,
            .qos = Qos::AtLeastOnce,
            .retain = false,
            .properties = {}};
  }
  std::size_t records() {
    std::size_t count = 0;
    EXPECT_TRUE(store.scan(store::StateKind::Will, "", [&](std::string_view, std::string_view) {
      ++count;
      return true;
    }));
    return count;
  }
  void disk_has_space_again() {
    store.fail_appends(std::nullopt);
    server->broker.worker(0).wake_durable();
    server->turn();
    server->make_durable();
  }
};

TEST_F(Wills, AreKeptWhileTheDiskIsFull) {
  ScriptedClient watcher(*server);
  watcher.connect("watcher", true, kLong);
  watcher.subscribe("wills/#", Qos::AtLeastOnce);
  ScriptedClient broken(*server);
  broken.will = will("gone");
  broken.connect("broken");
  store.fail_appends(Errc::NoSpace);

  broken.drop();
  server->broker.worker(0).wake_durable();
  server->turn();
  EXPECT_THAT(watcher.take_payloads(), IsEmpty());
  EXPECT_EQ(records(), 1U);

  disk_has_space_again();
  EXPECT_THAT(watcher.take_payloads(), ElementsAre("gone"));
  EXPECT_EQ(records(), 0U);
  disk_has_space_again();
  EXPECT_THAT(watcher.take_payloads(), IsEmpty());
}

TEST_F(Wills, AreSentInTheirOrderWhenSeveralWereRefused) {
  ScriptedClient watcher(*server);
  watcher.connect("watcher", true, kLong);
  watcher.subscribe("wills/#", Qos::AtLeastOnce);
  ScriptedClient one(*server);
  one.will = will("one");
  one.connect("one");
  ScriptedClient two(*server);
  two.will = will("two");
  two.connect("two");
  store.fail_appends(Errc::NoSpace);

  one.drop();
  two.drop();
  disk_has_space_again();

  EXPECT_THAT(watcher.take_payloads(), ElementsAre("one", "two"));
}

// In memory 16 MiB of them; the next start finds the others in their records.
TEST_F(Wills, AreRefusedWhenTooManyWaitForTheDisk) {
  constexpr std::size_t kClients = 300;
  const std::string payload(60'000, 'x');
  std::vector<std::unique_ptr<ScriptedClient>> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    auto& client = clients.emplace_back(std::make_unique<ScriptedClient>(*server));
    client->will = will(payload);
    client->connect("broken-" + std::to_string(i), true, kLong);
  }
  store.fail_appends(Errc::NoSpace);

  for (const auto& client : clients) client->connection->disconnect(ReasonCode::UnspecifiedError);
  server->turn();

  const auto refused = server->broker.counters().wills_refused.value();
  EXPECT_GT(refused, 0U);
  EXPECT_LT(refused, kClients / 2);
}

TEST_F(Wills, AreKeptBesideTheNextOneOfTheirClient) {
  ScriptedClient watcher(*server);
  watcher.connect("watcher", true, kLong);
  watcher.subscribe("wills/#", Qos::AtLeastOnce);
  ScriptedClient broken(*server);
  broken.will = will("first");
  broken.connect("broken");
  store.fail_appends(Errc::NoSpace);
  broken.drop();
  store.fail_appends(std::nullopt);
  ScriptedClient again(*server);
  again.will = will("second");
  again.connect("broken");

  EXPECT_THAT(watcher.take_payloads(), ElementsAre("first"));
  EXPECT_EQ(records(), 1U);  // of the second
}

TEST_F(Wills, ThatWereDueAreSentByTheNextStart) {
  ScriptedClient watcher(*server);
  watcher.connect("watcher", true, kLong);
  watcher.subscribe("wills/#", Qos::AtLeastOnce);
  WillMessage due;
  due.topic = "wills/1";
  due.payload = "first";
  due.qos = Qos::AtLeastOnce;
  const auto batch = store.new_batch();
  batch->put(store::StateKind::Will, subscription_key("broken", "01"), encode(due));
  ASSERT_TRUE(store.append(batch).has_value());
  store.make_durable();

  crash_and_restart();
  server->turn();
  server->make_durable();
  ScriptedClient late(*server);
  late.connect("watcher", false, kLong);
  server->turn();

  EXPECT_THAT(late.take_payloads(), ElementsAre("first"));
  EXPECT_EQ(records(), 0U);
}

// A taken over connection's will ends its record in the turn in which the new record is written.
TEST_F(Wills, OfATakeoverKeepTheNewRecord) {
  ScriptedClient watcher(*server);
  watcher.connect("watcher", true, kLong);
  watcher.subscribe("wills/#", Qos::AtLeastOnce);
  ScriptedClient first(*server);
  first.will = will("first");
  first.connect("c");
  ScriptedClient second(*server);
  second.will = will("second");
  second.connect("c");

  EXPECT_THAT(watcher.take_payloads(), ElementsAre("first"));
  EXPECT_EQ(records(), 1U);
}

TEST_F(Sessions, ShareAGroupsMessagesAndGiveBackWhatALeaverHad) {
  ScriptedClient one(*server);
  ScriptedClient two(*server);
  one.connect("one");
  two.connect("two");
  one.subscribe("$share/g/jobs/+", Qos::AtLeastOnce);
  two.subscribe("$share/g/jobs/+", Qos::AtLeastOnce);

  publish("jobs/1", 1, 4);
  server->turn();
  const auto of_one = one.take_payloads();
  const auto of_two = two.take_payloads();
  one.drop();
  server->turn();
  const auto redelivered = two.take_payloads();

  EXPECT_EQ(of_one.size(), 2U);
  EXPECT_EQ(of_two.size(), 2U);
  EXPECT_EQ(redelivered, of_one);
}

// Messages go straight to a member with room; those that found none wait in the queue, in order.
TEST_F(Sessions, AGroupWithoutRoomGoesOnWhereItStopped) {
  ScriptedClient member(*server);
  member.connect("member", true, 0, 2);
  member.subscribe("$share/g/jobs/+", Qos::AtLeastOnce);
  std::vector<std::string> got;
  const auto take_and_answer = [&] {
    for (const auto& job : member.take<mqtt::Publish>()) {
      got.emplace_back(job.payload);
      member.ack(PacketType::Puback, job.packet_id);
    }
    server->turn();
  };

  publish("jobs/1", 1, 5);  // two of them have room
  publish("jobs/1", 6, 7);
  EXPECT_EQ(server->broker.find_group(SharedGroup::key_of("g", "jobs/+"))->lag(), 5U);
  take_and_answer();
  publish("jobs/1", 8, 9);
  for (int i = 0; i < 6; ++i) take_and_answer();
  publish("jobs/1", 10, 10);  // at the tail again
  take_and_answer();

  EXPECT_THAT(got, ElementsAre("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"));
}

TEST_F(Sessions, KeepAGroupsCursorOverACrash) {
  {
    ScriptedClient member(*server);
    member.connect("member", true, kLong);
    member.subscribe("$share/g/jobs/+", Qos::AtLeastOnce);
    publish("jobs/1", 1, 2);
    server->turn();
    for (const auto& job : member.take<mqtt::Publish>())
      member.ack(PacketType::Puback, job.packet_id);
    server->turn();
    member.drop();
    server->await(kCursorInterval * 2);
    server->make_durable();
  }
  publish("jobs/1", 3, 4);

  crash_and_restart();
  ScriptedClient again(*server);
  again.connect("member", false, kLong);
  server->turn();

  EXPECT_THAT(again.take_payloads(), ElementsAre("3", "4"));
}

TEST_F(Sessions, LeaveNoQueueBehindThatNobodyReadsAfterACrash) {
  {
    ScriptedClient passing(*server);
    passing.connect("passing");
    passing.subscribe("$share/g/jobs/+", Qos::AtLeastOnce);
    ScriptedClient lasting(*server);
    lasting.connect("lasting", true, kLong);
    lasting.subscribe("kept/+", Qos::AtLeastOnce);
  }

  crash_and_restart();
  ASSERT_TRUE(server->broker.filters().drop_unclaimed());

  std::vector<std::string> queues;
  ASSERT_TRUE(store.scan(store::StateKind::Queue, "", [&](std::string_view key, std::string_view) {
    queues.emplace_back(key);
    return true;
  }));
  EXPECT_THAT(queues, ElementsAre("kept/+"));
}

}  // namespace
}  // namespace sluice::broker::test
