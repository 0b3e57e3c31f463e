// Several workers that share a task that writes exactly once: docs/adr/0061.
#include <random>

#include "connect/division.hpp"
#include "connect/worker.hpp"
#include "drawn_cluster.hpp"
#include "service_fixture.hpp"

namespace sluice::connect {
namespace {

// Connectors are made of function pointers: it is found without one.
DrawnCluster* the_cluster = nullptr;

Connector drawn_connector() {
  Connector connector;
  connector.name = "drawn";
  connector.connection_fields = {{.name = "address", .help = "Where.", .fallback = "here"}};
  connector.writes_exactly_once = true;
  connector.make_sink = [](const SinkConfig& config, Sink::Callbacks callbacks) {
    EXPECT_FALSE(config.transactional_id.empty());
    return Result<std::unique_ptr<Sink>>(
        std::make_unique<DrawnSink>(*the_cluster, config.transactional_id, std::move(callbacks)));
  };
  return connector;
}

class ExactlyOnceWorkers : public ServiceTest {
 protected:
  ExactlyOnceWorkers() {
    registry.add(drawn_connector());
    the_cluster = &cluster;
  }
  ~ExactlyOnceWorkers() override {
    service.reset();
    the_cluster = nullptr;
  }
  void create(int workers) {
    auto connection = parsed(R"({"name":"c","type":"drawn","settings":{}})");
    ASSERT_TRUE(service->create_connection(connection, {.is_wanted = false}));
    auto document = parsed(R"({"name":"t","source":{"type":"local","filters":["a/#"]},
        "map":{"topic":"t","key":"${client_id}"},"sink":{"type":"drawn","connection":"c"},
        "delivery":{"guarantee":"exactly_once","in_flight":200,"drain_timeout":"20ms",
                    "retry":{"initial":"1ms","maximum":"2ms"}}})");
    document["delivery"].as_object()["workers"] = workers;
    const auto created = service->create_task(document);
    ASSERT_TRUE(created) << created.error().detail
                         << (created.error().fields.empty()
                                 ? ""
                                 : created.error().fields.front().pointer + " " +
                                       created.error().fields.front().detail);
  }
  void publish() {
    std::vector<test::Publication> turn;
    for (std::uint64_t i = 1 + random() % 40; i > 0; --i) {
      const auto publisher = random() % 12;
      turn.push_back({.topic = "a/b", .payload = std::to_string(numbers[publisher]++)});
      turn.back().client_id = "p" + std::to_string(publisher);
      expected.insert({turn.back().client_id, turn.back().payload});
    }
    queues->publish_all(turn);
  }
  // As kill -9 would: neither the cursors nor the outcome of a transaction is known afterwards.
  void kill() {
    store.fail_appends(Errc::Closed);
    service.reset();
    store.crash();
    start();
  }
  void restart() {
    service.reset();
    start();
  }
  [[nodiscard]] bool change_workers(int workers) {
    const auto changed =
        service->change_task("t", json::object{{"delivery", json::object{{"workers", workers}}}});
    if (changed) return true;
    EXPECT_EQ(changed.error().errc, Errc::WrongState) << changed.error().detail;
    return false;
  }
  json::object shown() { return *service->task("t"); }
  bool is_all_done() { return shown().at("lag_messages") == 0 && shown().at("in_flight") == 0; }
  std::set<std::pair<std::string, std::string>> dead() {
    std::set<std::pair<std::string, std::string>> found;
    const auto page = service->dead_letters("t", 1000, "");
    EXPECT_TRUE(page);
    for (const auto& item : page->at("items").as_array()) {
      const auto position = item.at("position").to_number<std::uint64_t>();
      const auto message = store.message_at(store::Position(position));
      found.insert({std::string((*message)->client_id), std::string((*message)->payload)});
    }
    return found;
  }
  // An answer that is lost for good is found out by the next run.
  void finish() {
    auto patience = 20ms;
    ASSERT_TRUE(eventually([&] {
      const auto until = std::chrono::steady_clock::now() + patience;
      while (!is_all_done() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(5ms);
      if (is_all_done()) return true;
      patience = std::min(patience * 2, 160ms);
      restart();
      return false;
    }));
  }

  DrawnCluster cluster;
  std::mt19937_64 random;
  std::map<std::uint64_t, int> numbers;
  std::set<std::pair<std::string, std::string>> expected;
};

class ExactlyOnceWorkersDrawn : public ExactlyOnceWorkers,
                                public testing::WithParamInterface<std::uint64_t> {};

TEST_P(ExactlyOnceWorkersDrawn, WhereverTheProcessDiesAndHoweverManyThereAre) {
  cluster.random.seed(GetParam());
  random.seed(GetParam() + 1);
  create(3);
  int changed = 0;
  for (int step = 0; step < 60; ++step) {
    publish();
    const auto dice = random() % 8;
    if (dice == 0) kill();
    if (dice == 1) restart();
    if (dice < 2 && random() % 2 == 0) continue;
    if (dice < 4) changed += change_workers(1 + static_cast<int>(random() % 4)) ? 1 : 0;
    if (dice == 4) {
      ASSERT_TRUE(service->pause_task("t"));
      publish();
      ASSERT_TRUE(service->start_task("t"));
    }
  }
  finish();
  EXPECT_GT(changed, 0);
  ASSERT_TRUE(service->pause_task("t"));
  auto seen = expect_once(cluster, true);
  EXPECT_EQ(shown().at("delivered"), seen.size());
  seen.merge(dead());
  EXPECT_EQ(seen, expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExactlyOnceWorkersDrawn, testing::Range<std::uint64_t>(1, 9));

// Each has an id of its own, or one would shut out the others.
TEST_F(ExactlyOnceWorkers, HaveAnIdAndAPlaceEach) {
  create(3);
  for (int i = 0; i < 20; ++i) publish();
  finish();

  const auto id = std::string(shown().at("id").as_string());
  const std::scoped_lock lock(cluster.mutex);
  std::set<std::string> with_place;
  for (const auto& [key, place] : cluster.places)
    if (!place.empty()) with_place.insert(key);
  EXPECT_EQ(with_place,
            (std::set<std::string>{"sluice-node-a-" + id + "-0", "sluice-node-a-" + id + "-1",
                                   "sluice-node-a-" + id + "-2"}));
}

// What a killed run has brought there only its own workers find out.
TEST_F(ExactlyOnceWorkers, AreNotChangedBeforeTheLastEndIsKnown) {
  create(2);
  for (int i = 0; i < 5; ++i) publish();
  ASSERT_TRUE(eventually([&] { return cluster.count() > 0; }));
  const auto id = std::string(shown().at("id").as_string());
  const auto run = Worker::run_key(Division{.workers = 2, .by = "publisher"}.state_id(id, 1));
  ASSERT_TRUE(service->pause_task("t"));
  const auto note = [&] {
    const auto batch = store.new_batch();
    batch->put(store::StateKind::Document, run, "0");
    ASSERT_TRUE(store.append(batch));
  };
  note();

  EXPECT_FALSE(change_workers(3));
  EXPECT_EQ(shown().at("workers").as_array().size(), 2U);
  // Nothing of its own is at stake where the same workers go on, nor once it was sought.
  EXPECT_TRUE(service->change_task("t", parsed(R"({"description":"d"})")));
  ASSERT_TRUE(service->seek_task("t", parsed(R"({"start":"earliest"})")));
  EXPECT_TRUE(change_workers(3));
  ASSERT_TRUE(service->start_task("t"));
  finish();
}

}  // namespace
}  // namespace sluice::connect
