#include "connect/service.hpp"

#include <mutex>

#include <boost/json/serialize.hpp>

#include "connect/text.hpp"
#include "service_fixture.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using test::eventually;

TEST_F(ServiceTest, RunsATaskFromItsDocument) {
  create_both();
  publish(100);

  ASSERT_TRUE(eventually([&] { return other_side.count() == 100; }));
  ASSERT_TRUE(eventually([&] { return service->task("t")->at("lag_messages") == 0; }));

  const auto entity = *service->task("t");
  EXPECT_EQ(entity.at("id").as_string().size(), 26U);
  EXPECT_EQ(entity.at("status").as_string(), "running");
  EXPECT_EQ(entity.at("delivered").to_number<int>(), 100);
  EXPECT_EQ(entity.at("group").as_string(), "group-c-t");
  EXPECT_EQ(entity.at("clients").as_array(), (json::array{"c-t-0"}));
  EXPECT_EQ(entity.at("delivery").at("order").as_string(), "per_publisher");
  EXPECT_EQ(entity.at("delivery").at("retry").at("initial").as_string(), "200ms");
  EXPECT_TRUE(entity.at("last_success").is_string());
  EXPECT_EQ(entity.at("created").as_string().size(), 24U);
  EXPECT_TRUE(service->owns_group("group-c-t"));
  EXPECT_FALSE(service->owns_group("group-c-x"));
  EXPECT_EQ(service->task(entity.at("id").as_string())->at("name").as_string(), "t");
}

TEST_F(ServiceTest, PausesAndStartsWithoutLossOrRepetition) {
  create_both();
  publish(50);
  ASSERT_TRUE(eventually([&] { return other_side.count() == 50; }));

  const auto paused = service->pause_task("t");
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->at("status").as_string(), "paused");
  EXPECT_FALSE(paused->at("enabled").as_bool());
  publish(50);
  EXPECT_EQ(service->task("t")->at("lag_messages").to_number<int>(), 50);
  EXPECT_EQ(other_side.count(), 50U);
  ASSERT_TRUE(service->start_task("t"));

  ASSERT_TRUE(eventually([&] { return other_side.count() == 100; }));
  const auto arrived = other_side.arrived();
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(arrived[static_cast<std::size_t>(i)].value, std::to_string(i));
}

TEST_F(ServiceTest, FindsEverythingAgainAfterARestart) {
  create_both();
  auto second = task("u");
  second["enabled"] = false;
  ASSERT_TRUE(service->create_task(second));
  publish(10);
  ASSERT_TRUE(eventually([&] { return other_side.count() == 10; }));

  service.reset();
  store.crash();
  start();
  publish(10);

  ASSERT_TRUE(eventually([&] { return other_side.count() == 20; }));
  EXPECT_EQ(service->connections().size(), 1U);
  EXPECT_EQ(service->task("u")->at("status").as_string(), "paused");
  EXPECT_EQ(service->task("u")->at("lag_messages").to_number<int>(), 20);
}

// A clean stop covers everything; after a kill it is counted what may arrive twice.
TEST_F(ServiceTest, CountsWhatAKilledRunMayHaveSent) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  auto document = task();
  document["delivery"] = json::object{{"in_flight", 4}, {"drain_timeout", "0ms"}};
  ASSERT_TRUE(service->create_task(document));
  const auto duplicates = [this] {
    return service->task("t")->at("possible_duplicates").to_number<int>();
  };
  publish(10);
  ASSERT_TRUE(eventually([&] { return other_side.count() == 10; }));
  service.reset();
  start();
  EXPECT_EQ(duplicates(), 0);

  other_side.hold(true);
  publish(3);
  ASSERT_TRUE(eventually([&] { return other_side.handed_over() == 13; }));
  store.fail_appends(Errc::Closed);  // as kill -9 would: nothing more is written
  service.reset();
  store.fail_appends(std::nullopt);
  store.crash();
  start();
  EXPECT_EQ(duplicates(), 3);
  publish(20);

  store.fail_appends(Errc::Closed);
  service.reset();
  store.fail_appends(std::nullopt);
  store.crash();
  start();
  EXPECT_EQ(duplicates(), 3 + 4);
  EXPECT_NE(metrics.exposition().find("sluice_task_possible_duplicates_total{task=\"t\""),
            std::string::npos);
}

// What was not covered by a durable cursor is delivered again, and counted again: no more.
TEST_F(ServiceTest, CountsOnAfterAKillFromWhereItGoesOn) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  auto document = task();
  document["where"] = "$topic = 'a/b'";
  document["delivery"] = json::object{{"drain_timeout", "0ms"}};
  ASSERT_TRUE(service->create_task(document));
  const auto count = [this](std::string_view name) {
    return service->task("t")->at(name).to_number<int>();
  };
  publish(9);
  queues->publish({.topic = "a/other", .payload = "passed over"});
  ASSERT_TRUE(eventually([&] { return count("delivered") == 9 && count("filtered") == 1; }));
  service.reset();
  store.crash();
  start();
  EXPECT_EQ(count("delivered"), 9);
  EXPECT_EQ(count("filtered"), 1);

  publish(5);
  ASSERT_TRUE(eventually([&] { return count("delivered") == 14; }));
  store.fail_appends(Errc::Closed);  // as kill -9 would: the cursor stays where it is
  service.reset();
  store.fail_appends(std::nullopt);
  store.crash();
  start();
  ASSERT_TRUE(eventually([&] { return count("lag_messages") == 0; }));

  EXPECT_EQ(count("delivered"), 14);
  EXPECT_GE(other_side.count(), 14U);
  EXPECT_EQ(count("filtered"), 1);

  // Nothing is left of a task that is gone.
  const auto id = std::string(service->task("t")->at("id").as_string());
  EXPECT_TRUE(store.get(store::StateKind::Document, "task_totals/" + id)->has_value());
  ASSERT_TRUE(service->remove_task("t"));
  EXPECT_FALSE(store.get(store::StateKind::Document, "task_totals/" + id)->has_value());
}

TEST_F(ServiceTest, HidesSecretsInEveryAnswer) {
  const auto created = service->create_connection(connection(), {.is_wanted = true});
  ASSERT_TRUE(created);

  EXPECT_EQ(created->at("settings").at("password").as_string(), "***");
  EXPECT_EQ(json::serialize(service->connections().front()).find("s3cret"), std::string::npos);
  EXPECT_EQ(created->at("status").as_string(), "healthy");
  EXPECT_EQ(created->at("bound_resource").as_string(), "here");
}

TEST_F(ServiceTest, VerifiesBeforeItSaves) {
  auto wrong = connection();
  wrong["settings"].as_object()["address"] = "nowhere";

  const auto refused = service->create_connection(wrong, {.is_wanted = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "verification_failed");
  EXPECT_EQ(refused.error().hint, "check the address");
  EXPECT_TRUE(service->connections().empty());
  EXPECT_FALSE(service->verify_connection(wrong, "")->at("ok").as_bool());
  EXPECT_TRUE(service->create_connection(wrong, {.is_wanted = false}));
  EXPECT_FALSE(service->verify_saved_connection("c", "")->at("ok").as_bool());
  EXPECT_EQ(service->connection("c")->at("status").as_string(), "failed");
}

TEST_F(ServiceTest, RefusesWhatClashes) {
  create_both();

  EXPECT_EQ(service->create_connection(connection(), {.is_wanted = false}).error().code,
            "name_taken");
  EXPECT_EQ(service->create_task(task()).error().code, "name_taken");
  EXPECT_EQ(service->remove_connection("c").error().code, "connection_in_use");
  EXPECT_EQ(service->remove_connection("x").error().code, "not_found");
  EXPECT_EQ(service->task("x").error().code, "not_found");
  ASSERT_TRUE(service->create_connection(connection("c-t"), {.is_wanted = false}));
  auto clash = task("u-v");
  ASSERT_TRUE(service->create_task(clash));
  clash["name"] = "v";
  clash["sink"].as_object()["connection"] = "c-u";
  ASSERT_TRUE(service->create_connection(connection("c-u"), {.is_wanted = false}));
  EXPECT_EQ(service->create_task(clash).error().code, "group_name_taken");
}

TEST_F(ServiceTest, RemovesATaskWithAllThatBelongsToIt) {
  other_side.judge([](const Record&) { return Verdict::Rejected; });
  create_both();
  publish(3);
  ASSERT_TRUE(
      eventually([&] { return service->task("t")->at("dead_letters").to_number<int>() == 3; }));
  const auto page = service->dead_letters("t", 2, "");
  EXPECT_EQ(page->at("items").as_array().size(), 2U);
  const auto rest = service->dead_letters("t", 2, page->at("next").as_string());
  EXPECT_EQ(rest->at("items").as_array().size(), 1U);
  EXPECT_TRUE(rest->at("next").is_null());

  ASSERT_TRUE(service->remove_task("t"));
  ASSERT_TRUE(service->remove_connection("c"));

  EXPECT_EQ(queues->open(), 0U);
  for (const auto kind :
       {store::StateKind::Document, store::StateKind::Cursor, store::StateKind::DeadLetter}) {
    ASSERT_TRUE(store.scan(kind, "", [&](std::string_view key, std::string_view) {
      ADD_FAILURE() << "left behind: " << key;
      return true;
    }));
  }
  EXPECT_EQ(metrics.exposition().find("task=\"t\""), std::string::npos);
}

TEST_F(ServiceTest, TellsEachStateOfATaskOnce) {
  std::mutex mutex;
  std::vector<std::string> states;
  service.reset();
  told = [&](const TaskChange& change) {
    const std::scoped_lock lock(mutex);
    EXPECT_EQ(change.task, "t");
    states.emplace_back(name_of(change.state));
  };
  const auto last_state_is = [&](std::string_view state) {
    return eventually([&] {
      const std::scoped_lock lock(mutex);
      return !states.empty() && states.back() == state;
    });
  };
  start();
  create_both();
  ASSERT_TRUE(last_state_is("running"));
  ASSERT_TRUE(service->pause_task("t"));
  EXPECT_TRUE(last_state_is("paused"));
  ASSERT_TRUE(service->start_task("t"));
  ASSERT_TRUE(last_state_is("running"));
  service.reset();
  EXPECT_EQ(states, (std::vector<std::string>{"starting", "running", "paused", "starting",
                                              "running", "paused"}));
}

TEST_F(ServiceTest, CarriesWhatIsToldOfOtherTasksAlone) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  auto document = task();
  change(document, "/source/filters/0", "$events/task/#");
  change(document, "/map/topic", "t");
  ASSERT_TRUE(service->create_task(document));
  for (const auto* topic : {"$events/task/t/running", "$events/task/t2/running",
                            "$events/task/t/paused", "$events/task/u/failed"})
    queues->publish({.topic = topic, .payload = topic});
  ASSERT_TRUE(eventually([&] { return other_side.count() == 2; }));
  EXPECT_EQ(other_side.arrived()[0].value, "$events/task/t2/running");
  ASSERT_TRUE(eventually([&] { return service->task("t")->at("lag_messages") == 0; }));
  EXPECT_EQ(service->task("t")->at("filtered").to_number<int>(), 2);
  EXPECT_EQ(other_side.count(), 2U);
}

TEST_F(ServiceTest, StartsWhereTheDocumentSays) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  const auto later = clock.wall_ms() + 3'600'000;
  publish(5);
  store.set_time(later);
  const auto position = queues->publish({.topic = "a/b", .payload = std::to_string(next++)});
  publish(4);
  const auto first_of = [&](json::value start) {
    auto document = task();
    document["source"].as_object()["start"] = std::move(start);
    const auto before = other_side.count();
    EXPECT_TRUE(service->create_task(document));
    publish(1);
    EXPECT_TRUE(eventually([&] { return other_side.count() > before; }));
    EXPECT_TRUE(service->remove_task("t"));
    return other_side.arrived()[before].value;
  };

  EXPECT_EQ(first_of("earliest"), "0");
  EXPECT_EQ(first_of(json::object{{"time", rfc3339(later)}}), "5");
  EXPECT_EQ(first_of(json::object{{"position", position.get()}}), "5");
  EXPECT_EQ(first_of("now"), std::to_string(next - 1));
}

TEST_F(ServiceTest, DeliversWhatWasStoredBeforeTheTaskAlsoWhenItDiesOnTheWay) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  // More than the worker reads ahead and the other side has room for.
  for (int i = 0; i < 4000; ++i) {
    queues->publish({.topic = "a/b", .payload = std::to_string(next++)});
    queues->publish({.topic = "b/b", .payload = "not asked for"});
  }
  other_side.hold(true);
  auto document = task();
  document["source"].as_object()["start"] = "earliest";
  document["delivery"] = json::object{{"drain_timeout", "1ms"}};
  ASSERT_TRUE(service->create_task(document));
  publish(500);
  EXPECT_GT(service->task("t")->at("back_fill_bytes").to_number<std::uint64_t>(), 0U);

  // Killed several times before it has come to its queue.
  for (std::size_t part = 1; part <= 3; ++part) {
    other_side.hold(false);
    ASSERT_TRUE(eventually([&] { return other_side.count() >= 300 * part; }));
    other_side.hold(true);
    service.reset();  // its cursor is written
    store.crash();
    start();
    publish(100);
  }
  other_side.hold(false);

  ASSERT_TRUE(eventually([&] { return other_side.count() == static_cast<std::size_t>(next); }));
  const auto arrived = other_side.arrived();
  for (int i = 0; i < next; ++i)
    ASSERT_EQ(arrived[static_cast<std::size_t>(i)].value, std::to_string(i));
  EXPECT_TRUE(eventually([&] {  // said after the turn that delivered
    const auto now = *service->task("t");
    return now.at("back_fill_bytes").to_number<std::uint64_t>() == 0 &&
           now.at("lag_messages").to_number<int>() == 0;
  }));
}

TEST_F(ServiceTest, GoesOnFromWhereItIsToldTo) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  publish(5);  // before the task
  ASSERT_TRUE(service->create_task(task()));
  std::vector<store::Position> positions;
  for (int i = 0; i < 5; ++i)
    positions.push_back(queues->publish({.topic = "a/b", .payload = std::to_string(next++)}));
  ASSERT_TRUE(eventually([&] { return other_side.count() == 5; }));
  const auto values_after = [&](json::object to) {
    const auto before = other_side.count();
    EXPECT_TRUE(service->seek_task("t", to));
    publish(1);
    const auto last = std::to_string(next - 1);
    EXPECT_TRUE(eventually(
        [&] { return other_side.count() > before && other_side.arrived().back().value == last; }));
    std::vector<std::string> values;
    const auto arrived = other_side.arrived();
    for (auto i = before; i < arrived.size(); ++i) values.push_back(arrived[i].value);
    return values;
  };

  EXPECT_EQ(values_after({{"start", "earliest"}}).size(), 11U);
  EXPECT_EQ(values_after({{"start", json::object{{"position", positions[3].get()}}}}),
            (std::vector<std::string>{"8", "9", "10", "11"}));
  EXPECT_EQ(values_after({{"start", "now"}}), std::vector<std::string>{"12"});
  EXPECT_EQ(service->seek_task("t", {{"start", "later"}}).error().code, "invalid_document");
  EXPECT_EQ(service->seek_task("t", {}).error().code, "invalid_document");
  EXPECT_EQ(service->seek_task("x", {{"start", "now"}}).error().code, "not_found");
  ASSERT_TRUE(service->pause_task("t"));
  ASSERT_TRUE(service->seek_task("t", {{"start", "earliest"}}));
  EXPECT_EQ(status(), "paused");
}

// Retention overtakes a task: its status and its metric say at once how much it lost, whether it
// runs, waits for the other side or is paused; what is left arrives.
TEST_F(ServiceTest, TellsWhatRetentionTookWhateverATaskIsDoing) {
  create_both();
  auto paused = task("u");
  paused["enabled"] = false;
  ASSERT_TRUE(service->create_task(paused));
  store.set_readers({.holds = [this] { return service->holds(); },
                     .deleted = [this](store::Position begin,
                                       const auto& lost) { service->log_deleted(begin, lost); }});
  other_side.hold(true);
  other_side.room(10);
  std::vector<store::Position> positions;
  for (int i = 0; i < 3000; ++i)
    positions.push_back(queues->publish({.topic = "a/b", .payload = std::to_string(next++)}));
  // Full: what it has read is safe, the rest stands in its queue.
  ASSERT_TRUE(eventually([&] { return other_side.handed_over() == 10; }));
  std::uint64_t read = 0;
  ASSERT_TRUE(eventually([&] {
    const auto before = std::exchange(read, store.reads());
    return before == read && read > 0;
  }));

  store.delete_up_to(positions[2499]);

  const auto lost = [&](std::string_view name) {
    return service->task(name)->at("lost").to_number<int>();
  };
  EXPECT_EQ(lost("u"), 2500);
  ASSERT_TRUE(eventually([&] { return lost("t") > 0; }));
  const auto lost_running = lost("t");
  EXPECT_LT(lost_running, 2500);  // what had been read was not lost
  EXPECT_NE(metrics.exposition().find("sluice_task_lost_total{task=\"u\""), std::string::npos);
  EXPECT_NE(service->task("u")->at("last_error").as_string().find("2500 messages"),
            std::string_view::npos);
  EXPECT_EQ(service->task("u")->at("lag_messages").to_number<int>(), 500);
  other_side.hold(false);
  other_side.room(1000);
  ASSERT_TRUE(eventually(
      [&] { return other_side.count() + static_cast<std::size_t>(lost_running) == 3000U; }));
  ASSERT_TRUE(service->start_task("u"));
  ASSERT_TRUE(
      eventually([&] { return service->task("u")->at("delivered").to_number<int>() == 500; }));
  EXPECT_EQ(lost("u"), 2500);
  EXPECT_EQ(lost("t"), lost_running);
}

TEST_F(ServiceTest, TellsWhatRetentionTookOfTheLogBeforeItsQueue) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  std::vector<store::Position> positions;
  for (int i = 0; i < 100; ++i) {
    positions.push_back(queues->publish({.topic = "a/b", .payload = std::to_string(next++)}));
    queues->publish({.topic = "b/b", .payload = "not asked for"});
  }
  auto document = task();
  document["source"].as_object()["start"] = "earliest";
  document["enabled"] = false;
  ASSERT_TRUE(service->create_task(document));
  store.set_readers({.holds = [this] { return service->holds(); },
                     .deleted = [this](store::Position begin,
                                       const auto& lost) { service->log_deleted(begin, lost); }});

  store.delete_up_to(positions[39]);

  EXPECT_EQ(service->task("t")->at("lost").to_number<int>(), 40);
  ASSERT_TRUE(service->start_task("t"));
  ASSERT_TRUE(eventually([&] { return other_side.count() == 60; }));
  EXPECT_EQ(other_side.arrived().front().value, "40");
  store.set_readers({});
}

TEST_F(ServiceTest, RefusesInvalidDocumentsWithThePlace) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));

  for (const auto& [pointer, value, expected] :
       std::vector<std::tuple<std::string_view, json::value, std::string_view>>{
           {"/name", "a b", "/name: "},
           {"/name", "..", "/name: "},
           {"/source/filters/0", "a/#/b", "/source/filters/0: must be a topic filter"},
           {"/source/filters/0", "$share/g/a", "must be a filter without $share"},
           {"/source/start", "later", "/source/start: must be `now`"},
           {"/map/topic", "a/b", "/map/topic: no slashes"},
           {"/map/topic", "${nope}", "/map/topic: line 1, column 3: expected"},
           {"/map/value", "xml", "/map/value: must be `raw`"},
           {"/map/headers", json::parse(R"([{"name":"a"}])"), "/map/headers/0: must be"},
           {"/sink/connection", "x", "/sink/connection: there is no connection `x`"},
           {"/sink/type", "rabbit", "/sink/type: must be one of: test"},
           {"/delivery/drain", "newest", "/delivery/drain: must be `in_order`, `fresh_first` or"},
           {"/delivery/drain", json::object{{"rate", 0}}, "/delivery/drain: must be"},
           {"/delivery/drain", json::object{{"rate", "10"}}, "/delivery/drain: must be"},
           {"/delivery/drain", json::object{{"rate", 1}, {"x", 1}}, "/delivery/drain: must be"},
           {"/delivery/backlog_bytes", "1KiB", "/delivery/backlog_bytes: must be"},
           {"/sink/acks", "1", "/sink/acks: must be `all` unless"},
           {"/where", "$qos =\n >= 1", "/where: line 2, column 2: expected a value"},
       }) {
    const auto text = refused(pointer, value);
    EXPECT_TRUE(text.starts_with("invalid_document ")) << pointer << " " << text;
    EXPECT_NE(text.find(expected), std::string::npos) << pointer << " " << text;
  }
}

// The scripted sink's records do not say by which schema they are.
TEST_F(ServiceTest, RefusesASchemaWhereTheSinkNamesNone) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));

  const auto text = refused("/map/schema", json::object{{"format", "avro"}});
  EXPECT_NE(text.find("/map/schema: must be null: records to `test` name no schema"),
            std::string::npos)
      << text;
}

// The scripted sink has no transactions.
TEST_F(ServiceTest, RefusesExactlyOnceWhereTheSinkCannot) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));

  EXPECT_NE(refused("/delivery/guarantee", "exactly_once")
                .find("/delivery/guarantee: must be `at_least_once`: the sink `"),
            std::string::npos);
}

TEST_F(ServiceTest, CompilesAJqProgramBeforeItIsSaved) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));

  EXPECT_EQ(refused("/map/jq", ".a"), "accepted");
  EXPECT_EQ(refused("/map/jq", ".a |\n foo("),
            "invalid_document /map/jq: line 2: syntax error, unexpected $end");

  ASSERT_TRUE(service->create_task(task()));
  const auto changed = service->change_task("t", parsed(R"({"map":{"jq":"foo"}})"));
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().fields.front().detail, "line 1: foo/0 is not defined");
}

TEST_F(ServiceTest, ReadsASchemaBeforeItIsSaved) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));

  EXPECT_EQ(refused("/verify/json_schema", json::object{{"type", "object"}}), "accepted");
  EXPECT_EQ(refused("/verify/json_schema", nullptr), "accepted");
  EXPECT_EQ(
      refused("/verify/json_schema", 1),
      "invalid_document /verify/json_schema: must be a JSON Schema: an object, true or false");
  EXPECT_EQ(
      refused("/verify/json_schema", json::object{{"$ref", "http://x/y"}}),
      "invalid_document /verify/json_schema/$ref: must lead into this schema, as "
      "`#/definitions/name` does: no other document is fetched, and names given with `$id` are "
      "not known; it is `http://x/y`");
}

TEST_F(ServiceTest, ShowsInAPreviewWhatJqMakes) {
  auto document = task();
  change(document, "/map/jq", "select(.a) | {b: (.a + 1)}");
  change(document, "/map/key", "${payload.b}");
  change(document, "/map/headers", "none");
  document["delivery"] = parsed(R"({"order":"none"})");
  const auto preview = [&](std::string_view payload) {
    model::Message message;
    message.topic = "a/b";
    message.payload = payload;
    return *service->preview(document, message);
  };

  const auto made = preview(R"({"a":1})");
  EXPECT_EQ(made.at("record").at("value"), R"({"b":2})");
  EXPECT_EQ(made.at("record").at("key"), "2");
  const auto none = preview(R"({"a":null})");
  EXPECT_EQ(none.at("error").at("becomes"), "filtered");
  const auto wrong = preview(R"({"a":{}})");
  EXPECT_EQ(wrong.at("error").at("detail"), "jq: object ({}) and number (1) cannot be added");
  EXPECT_EQ(wrong.at("error").at("becomes"), "dead_letter");
}

TEST_F(ServiceTest, RefusesAnEventThatIsStructuredAndBinaryAtOnce) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));

  EXPECT_EQ(refused("/map/value", "cloudevents"), "accepted");
  EXPECT_EQ(refused("/map/headers", "cloudevents"), "accepted");
  const json::object both{{"topic", "x"}, {"value", "cloudevents"}, {"headers", "cloudevents"}};
  EXPECT_NE(refused("/map", both).find("/map/headers: must not be `cloudevents`"),
            std::string::npos);
}

TEST_F(ServiceTest, HoldsNoMoreOfTheLogThanItsDocumentSays) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  other_side.hold(true);
  const auto held_by = [&](json::object delivery) {
    auto document = task();
    delivery["drain_timeout"] = "0ms";
    document["delivery"] = std::move(delivery);
    EXPECT_TRUE(service->create_task(document));
    publish(2000);
    const auto hold = service->holds().front();
    EXPECT_TRUE(service->remove_task("t"));
    return hold;
  };
  EXPECT_EQ(held_by({}).at_most, UINT64_MAX);
  EXPECT_EQ(held_by({{"hold_segments_bytes", nullptr}}).at_most, UINT64_MAX);
  EXPECT_EQ(held_by({{"hold_segments_bytes", "5MiB"}}).at_most, 5U << 20);
  EXPECT_LT(held_by({{"backlog_bytes", "64KiB"}}).after, store.back_from(store.durable(), 65'536));
  const auto shedding = held_by({{"backpressure", "shed_oldest"}, {"backlog_bytes", "64KiB"}});
  EXPECT_GE(store.log_bytes(shedding.after, store.durable()), 65'536U);
  EXPECT_LT(store.log_bytes(shedding.after, store.durable()), 75'000U);
}

TEST_F(ServiceTest, LetsFreshOnesGoFirstOnlyWhereThereIsNoOrderToKeep) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));

  EXPECT_TRUE(refused("/delivery/drain", "fresh_first")
                  .starts_with("order_needs_in_order /delivery/drain: must be `in_order`"));
  auto document = task();
  document["delivery"] = json::object{{"order", "none"}, {"drain", "fresh_first"}};
  EXPECT_TRUE(service->create_task(document));
}

TEST_F(ServiceTest, RefusesAKeyThatCannotKeepTheOrder) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));

  EXPECT_TRUE(refused("/map/key", "").starts_with("order_needs_key /map/key"));
  EXPECT_TRUE(refused("/map/key", "${topic}").starts_with("order_needs_key"));
  EXPECT_TRUE(refused("/map/key", "${client_id}-${qos}").starts_with("order_needs_key"));
  EXPECT_EQ(refused("/map/key", "id-${client_id}"), "accepted");
  EXPECT_TRUE(refused("/delivery/order", "per_topic").starts_with("order_needs_key"));
  EXPECT_EQ(refused("/delivery/order", "per_key"), "accepted");
  auto document = task();
  document["map"].as_object()["key"] = "";
  document["delivery"] = json::object{{"order", "none"}};
  EXPECT_TRUE(service->create_task(document));
}

TEST_F(ServiceTest, RefusesChangesWhileItIsNotOpen) {
  create_both();
  service->stop();

  EXPECT_EQ(service->create_task(task("u")).error().code, "wrong_state");
  EXPECT_EQ(service->start_task("t").error().code, "wrong_state");
  EXPECT_EQ(status(), "paused");
}

TEST_F(ServiceTest, CallsAConnectionAsHealthyAsItsTasksAre) {
  create_both();
  ASSERT_TRUE(eventually([&] { return status() == "running"; }));
  EXPECT_EQ(service->connection("c")->at("status").as_string(), "healthy");
  other_side.refuse_writes(Error{Errc::Unavailable, "away"});
  publish(1);

  ASSERT_TRUE(eventually([&] { return status() == "waiting"; }));
  const auto entity = *service->connection("c");
  EXPECT_EQ(entity.at("status").as_string(), "failed");
  EXPECT_EQ(entity.at("status_reason").as_string(), "task t: away");
  EXPECT_EQ(entity.at("tasks").to_number<int>(), 1);
}

// After an upgrade with other rules: the task is shown, says why it does not run, and its messages
// are kept until somebody mends it.
TEST_F(ServiceTest, KeepsTheMessagesOfATaskThatIsNotValidAnyMore) {
  create_both();
  const auto id = std::string(service->task("t")->at("id").as_string());
  service.reset();
  const auto key = "task/" + id;
  auto saved = parsed(**store.get(store::StateKind::Document, key));
  saved["document"].as_object()["map"].as_object()["topic"] = "${gone}";
  const auto batch = store.new_batch();
  batch->put(store::StateKind::Document, key, json::serialize(saved));
  ASSERT_TRUE(store.append(batch));

  start();
  publish(5);

  const auto entity = *service->task("t");
  EXPECT_EQ(entity.at("status").as_string(), "failed");
  EXPECT_NE(entity.at("status_reason").as_string().find("/map/topic"), std::string::npos);
  EXPECT_EQ(entity.at("lag_messages").to_number<int>(), 5);
  EXPECT_EQ(service->start_task("t")->at("status").as_string(), "failed");
  EXPECT_TRUE(service->remove_task("t"));
}

}  // namespace
}  // namespace sluice::connect
