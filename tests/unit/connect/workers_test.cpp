// Several workers that share a task: docs/adr/0054.
#include <algorithm>
#include <map>
#include <set>

#include "connect/division.hpp"
#include "connect/worker_group.hpp"
#include "service_fixture.hpp"

namespace sluice::connect {
namespace {

using store::Cursor;
using store::Position;

model::Message message_of(std::string_view client, std::uint64_t position,
                          std::string_view topic = "a/b") {
  model::Message message;
  message.client_id = client;
  message.topic = topic;
  message.id.position = position;
  return message;
}

// What is saved depends on it: a server that is updated must find each message with the worker that
// had it before.
TEST(Division, NeverGivesAMessageToAnotherWorker) {
  Divider four({.workers = 4, .by = "publisher"}, "n");
  std::vector<unsigned> owners;
  for (const auto* client : {"meter-1", "meter-2", "meter-3", "meter-4", ""})
    owners.push_back(four.worker_of(message_of(client, 1)));

  EXPECT_EQ(owners, (std::vector<unsigned>{3, 2, 0, 0, 3}));
}

TEST(Division, SharesEvenlyByWhatOrderIsKeptBy) {
  for (const auto* by : {"publisher", "topic", "position", "key ${client_id}-${topic[1]}"}) {
    Divider divider({.workers = 4, .by = by}, "n");
    std::map<unsigned, int> owned;
    for (std::uint64_t i = 0; i < 4000; ++i) {
      const auto client = "c" + std::to_string(i % 1000);
      const auto topic = "a/" + std::to_string(i % 1000);
      ++owned[divider.worker_of(message_of(client, i, topic))];
    }
    ASSERT_EQ(owned.size(), 4U) << by;
    for (const auto& [worker, count] : owned) EXPECT_NEAR(count, 1000, 150) << by << " " << worker;
  }
  Divider by_topic({.workers = 4, .by = "topic"}, "n");
  EXPECT_EQ(by_topic.worker_of(message_of("x", 1, "t")),
            by_topic.worker_of(message_of("y", 2, "t")));
}

TEST(Division, WhatAnotherNumberOfWorkersHadDoneIsNotDoneAgain) {
  const Division two{.workers = 2, .by = "publisher"};
  Divider divider(two, "n");
  const auto first = divider.worker_of(message_of("a", 1));
  std::string other = "b";
  while (divider.worker_of(message_of(other, 1)) == first) other += "b";
  Places places{.division = two, .cursors = {Cursor{}, Cursor{}}};
  places.cursors[first] = Cursor{Position(10), {Position(12)}};
  places.cursors[1 - first] = Cursor{Position(90), {}};

  const auto three = divided(places, {.workers = 3, .by = "publisher"});
  ASSERT_EQ(three.cursors, std::vector<Cursor>(3, Cursor{Position(10), {}}));
  std::set<std::string> done, open;
  for (const auto& [client, position] : std::vector<std::pair<std::string, std::uint64_t>>{
           {"a", 11}, {"a", 12}, {"a", 13}, {"a", 91}, {other, 11}, {other, 90}, {other, 91}}) {
    unsigned takers = 0;
    for (unsigned i = 0; i < 3; ++i)
      takers += Share(three, i, "n").has(message_of(client, position)) ? 1 : 0;
    ASSERT_LE(takers, 1U);
    (takers == 0 ? done : open).insert(client.substr(0, 1) + std::to_string(position));
  }
  EXPECT_EQ(done, (std::set<std::string>{"a12", "b11", "b90"}));
  EXPECT_EQ(open, (std::set<std::string>{"a11", "a13", "a91", "b91"}));

  // And again, with something left of the first; it goes once all are beyond it.
  auto one = divided(three, Division{});
  EXPECT_FALSE(Share(one, 0, "n").has(message_of(other, 90)));
  EXPECT_TRUE(Share(one, 0, "n").has(message_of("a", 13)));
  one.cursors.front() = Cursor{Position(100), {}};
  EXPECT_TRUE(divided(one, two).before.empty());
}

TEST(Division, IsThereAgainAfterARestart) {
  test::MemoryStore store;
  Places places{.division = {.workers = 2, .by = "key ${topic}"},
                .cursors = {Cursor{Position(5), {Position(9)}}, Cursor{Position(7), {}}},
                .before = {{.division = {}, .cursors = {Cursor{Position(6), {Position(8)}}}}}};
  const auto batch = store.new_batch();
  put_places(*batch, "id", places);
  ASSERT_TRUE(store.append(batch));

  const auto loaded = load_places(store, "id", [] { return Cursor{}; });
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->division, places.division);
  EXPECT_EQ(loaded->cursors, places.cursors);
  ASSERT_EQ(loaded->before.size(), 1U);
  EXPECT_EQ(loaded->before.front().cursors, places.before.front().cursors);
}

TEST(WorkerGroup, TellsTheWorstStateOnceAndWhoseItIs) {
  std::vector<std::string> told;
  WorkerGroup group({"w-0", "w-1"}, [&](const TaskChange& change) {
    told.push_back(std::string(name_of(change.state)) + " " + change.reason);
  });
  const auto tell = [&](std::size_t number, TaskState state, std::string reason = {}) {
    TaskChange change{.task = "t", .task_id = "id", .state = state, .reason = std::move(reason)};
    group.listener_of(number)(change);
  };
  tell(0, TaskState::Starting);
  tell(1, TaskState::Starting);
  tell(0, TaskState::Running);
  tell(1, TaskState::Running);
  tell(1, TaskState::Waiting, "away");
  tell(0, TaskState::Waiting, "away too");
  tell(1, TaskState::Running);
  tell(0, TaskState::Running);

  EXPECT_EQ(told,
            (std::vector<std::string>{"starting ", "running ", "waiting w-1: away", "running "}));
}

class WorkersTest : public ServiceTest {
 protected:
  void create(int workers) {
    ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
    auto document = task();
    document["delivery"] = parsed(R"({"retry":{"initial":"10ms","maximum":"20ms"}})");
    document["delivery"].as_object()["workers"] = workers;
    const auto created = service->create_task(document);
    ASSERT_TRUE(created) << created.error().detail;
  }
  void publish_from_all(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      std::vector<test::Publication> all;
      for (int c = 0; c < kPublishers; ++c) {
        all.push_back({.topic = "a/b", .payload = std::to_string(round)});
        all.back().client_id = "c" + std::to_string(c);
      }
      queues->publish_all(all);
      ++round;
    }
  }
  void stick(std::string key) {
    other_side.judge([key = std::move(key)](const Record& record) {
      return record.key == key ? Verdict::RetryLater : Verdict::Delivered;
    });
  }
  std::map<std::string, std::vector<std::string>> by_key() const {
    std::map<std::string, std::vector<std::string>> all;
    for (const auto& record : other_side.arrived()) all[record.key].push_back(record.value);
    return all;
  }
  bool have_all_but(const std::set<std::string>& but) {
    const auto all = by_key();
    for (int c = 0; c < kPublishers; ++c) {
      const auto key = "c" + std::to_string(c);
      if (but.contains(key)) continue;
      const auto it = all.find(key);
      if (it == all.end() || it->second.size() < static_cast<std::size_t>(round)) return false;
    }
    return true;
  }
  // Those that share a worker of so many with `key`.
  static std::set<std::string> with(const std::string& key, unsigned workers) {
    Divider divider({.workers = workers, .by = "publisher"}, "node-a");
    std::set<std::string> all;
    for (int c = 0; c < kPublishers; ++c) {
      const auto other = "c" + std::to_string(c);
      if (divider.worker_of(message_of(other, 1)) == divider.worker_of(message_of(key, 1)))
        all.insert(other);
    }
    return all;
  }
  void expect_each_once_and_in_order() {
    std::vector<std::string> numbers;
    for (int i = 0; i < round; ++i) numbers.push_back(std::to_string(i));
    for (const auto& [key, values] : by_key()) EXPECT_EQ(values, numbers) << key;
  }
  json::object shown() { return *service->task("t"); }
  void change_workers(int workers) {
    const auto changed =
        service->change_task("t", json::object{{"delivery", json::object{{"workers", workers}}}});
    ASSERT_TRUE(changed) << changed.error().detail;
  }

  static constexpr int kPublishers = 24;
  int round = 0;
};

TEST_F(WorkersTest, EachPublisherKeepsItsOrder) {
  create(4);
  publish_from_all(200);

  ASSERT_TRUE(eventually([&] { return have_all_but({}); }));
  expect_each_once_and_in_order();
  ASSERT_TRUE(eventually([&] { return shown().at("lag_messages") == 0; }));
  const auto entity = shown();
  EXPECT_EQ(entity.at("delivered"), 200 * kPublishers);
  EXPECT_EQ(entity.at("clients").as_array(), (json::array{"c-t-0", "c-t-1", "c-t-2", "c-t-3"}));
  const auto& workers = entity.at("workers").as_array();
  ASSERT_EQ(workers.size(), 4U);
  for (const auto& worker : workers) EXPECT_GT(worker.at("delivered").as_uint64(), 0U);
}

// A key that comes back again and again holds up its own worker, and nobody else however long.
TEST_F(WorkersTest, OneThatIsHeldUpHoldsUpNobodyElse) {
  create(4);
  stick("c3");
  const auto held = with("c3", 4);
  ASSERT_LT(held.size(), static_cast<std::size_t>(kPublishers));
  publish_from_all(1600);

  ASSERT_TRUE(eventually([&] { return have_all_but(held); }));
  EXPECT_EQ(by_key().count("c3"), 0U);
  EXPECT_EQ(status(), "waiting");
  EXPECT_TRUE(shown().at("status_reason").as_string().starts_with("c-t-"));
  other_side.judge(nullptr);
  ASSERT_TRUE(eventually([&] { return have_all_but({}); }));
  expect_each_once_and_in_order();
}

TEST_F(WorkersTest, APauseRepeatsNothingHoweverFarApartTheyAre) {
  create(4);
  stick("c3");
  publish_from_all(100);
  ASSERT_TRUE(eventually([&] { return have_all_but(with("c3", 4)); }));

  ASSERT_TRUE(service->pause_task("t"));
  service.reset();  // a clean stop
  start();
  publish_from_all(5);
  ASSERT_TRUE(service->start_task("t"));
  ASSERT_TRUE(eventually([&] { return have_all_but(with("c3", 4)); }));
  other_side.judge(nullptr);

  ASSERT_TRUE(eventually([&] { return have_all_but({}); }));
  expect_each_once_and_in_order();
  ASSERT_TRUE(eventually([&] { return shown().at("lag_messages") == 0; }));
  EXPECT_EQ(shown().at("delivered"), 105 * kPublishers);
  EXPECT_EQ(shown().at("possible_duplicates"), 0);
}

TEST_F(WorkersTest, ANewNumberOfThemRepeatsNothingAndKeepsOrder) {
  create(4);
  stick("c3");
  publish_from_all(50);
  ASSERT_TRUE(eventually([&] { return have_all_but(with("c3", 4)); }));

  for (const auto workers : {2, 1, 3, 4}) {
    change_workers(workers);
    publish_from_all(20);
    if (workers > 1) {
      ASSERT_TRUE(eventually([&] {
        return have_all_but(with("c3", static_cast<unsigned>(workers)));
      })) << workers;
    }
    EXPECT_EQ(shown().at("workers").as_array().size(), static_cast<std::size_t>(workers));
  }
  other_side.judge(nullptr);

  ASSERT_TRUE(eventually([&] { return have_all_but({}); }));
  expect_each_once_and_in_order();
  ASSERT_TRUE(eventually([&] { return shown().at("lag_messages") == 0; }));
  EXPECT_EQ(shown().at("delivered"), 130 * kPublishers);
}

// Another order divides the messages in another way; what was delivered is known all the same.
TEST_F(WorkersTest, AnotherOrderRepeatsNothing) {
  create(3);
  stick("c3");
  publish_from_all(50);
  ASSERT_TRUE(eventually([&] { return have_all_but(with("c3", 3)); }));

  ASSERT_TRUE(service->change_task("t", parsed(R"({"delivery":{"order":"none"}})")));
  other_side.judge(nullptr);

  ASSERT_TRUE(eventually([&] { return have_all_but({}); }));
  for (const auto& [key, values] : by_key())
    EXPECT_EQ(std::set<std::string>(values.begin(), values.end()).size(), values.size()) << key;
}

TEST_F(WorkersTest, ASeekMovesAllOfThem) {
  create(3);
  publish_from_all(10);
  ASSERT_TRUE(eventually([&] { return have_all_but({}); }));
  const auto once = other_side.count();

  ASSERT_TRUE(service->seek_task("t", parsed(R"({"start":"earliest"})")));
  ASSERT_TRUE(service->start_task("t"));

  ASSERT_TRUE(eventually([&] { return other_side.count() == 2 * once; }));
}

TEST_F(WorkersTest, DeadLettersComeFromAllOfThem) {
  create(4);
  other_side.judge([](const Record& record) {
    return record.value == "1" ? Verdict::Rejected : Verdict::Delivered;
  });
  publish_from_all(3);

  ASSERT_TRUE(eventually([&] { return shown().at("dead_letters") == kPublishers; }));
  ASSERT_TRUE(eventually([&] { return shown().at("lag_messages") == 0; }));
  EXPECT_EQ(other_side.count(), static_cast<std::size_t>(2 * kPublishers));
}

TEST_F(WorkersTest, NothingIsLeftOfATaskThatIsDeleted) {
  create(4);
  publish_from_all(3);
  ASSERT_TRUE(eventually([&] { return have_all_but({}); }));
  ASSERT_TRUE(service->remove_task("t"));

  int left = 0;
  for (const auto kind : {store::StateKind::Cursor, store::StateKind::Document})
    ASSERT_TRUE(store.scan(kind, "task", [&](std::string_view, std::string_view) {
      ++left;
      return true;
    }));
  EXPECT_EQ(left, 0);
}

TEST_F(WorkersTest, EachHasMetricsOfItsOwnWhileItIsThere) {
  create(3);
  publish_from_all(10);
  ASSERT_TRUE(eventually([&] { return have_all_but({}); }));
  ASSERT_TRUE(eventually([&] { return shown().at("lag_messages") == 0; }));
  const auto id = std::string(shown().at("id").as_string());
  const auto value_of = [&](std::string_view metric, std::string_view worker) {
    const auto line = std::string(metric) + R"({task="t",task_id=")" + id + R"(",worker=")" +
                      std::string(worker) + R"("} )";
    const auto text = metrics.exposition();
    const auto at = text.find(line);
    return at == std::string::npos ? -1 : std::stoi(text.substr(at + line.size()));
  };
  int delivered = 0;
  for (const auto* worker : {"c-t-0", "c-t-1", "c-t-2"}) {
    EXPECT_GT(value_of("sluice_task_worker_delivered_total", worker), 0);
    delivered += value_of("sluice_task_worker_delivered_total", worker);
    EXPECT_EQ(value_of("sluice_task_worker_up", worker), 1);
    EXPECT_EQ(value_of("sluice_task_worker_unfinished", worker), 0);
  }
  EXPECT_EQ(delivered, 10 * kPublishers);

  change_workers(2);
  EXPECT_GE(value_of("sluice_task_worker_delivered_total", "c-t-1"), 0);
  EXPECT_EQ(value_of("sluice_task_worker_delivered_total", "c-t-2"), -1);
}

TEST_F(WorkersTest, RefusesWhatTheyCannotShare) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  const auto refusal = [&](std::string_view delivery, std::string_view jq) {
    auto document = task();
    document["delivery"] = parsed(delivery);
    document["map"].as_object()["key"] = "${payload.id}";
    document["map"].as_object()["jq"] = jq;
    const auto created = service->create_task(document);
    return created ? std::string("accepted") : created.error().fields.front().pointer;
  };
  EXPECT_EQ(refusal(R"({"workers":2,"order":"per_key"})", ".a"), "/delivery/workers");
  EXPECT_EQ(refusal(R"({"workers":2,"order":"none","in_flight":1})", ""), "/delivery/in_flight");
  EXPECT_EQ(refusal(R"({"workers":3,"order":"none","drain":{"rate":2}})", ""),
            "/delivery/drain/rate");
  EXPECT_EQ(refusal(R"({"workers":2,"order":"per_key"})", ""), "accepted");
}

}  // namespace
}  // namespace sluice::connect
