// Connections and tasks over a store in memory, with a scripted other side.
#pragma once
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "connect/service.hpp"
#include "scripted_sink.hpp"
#include "support/eventually.hpp"
#include "support/memory_queues.hpp"
#include "support/memory_store.hpp"

namespace sluice::connect {

namespace json = boost::json;
using namespace std::chrono_literals;
using test::eventually;

// The connector `test`: the scripted sink behind a declaration. Function pointers carry no state,
// so the other side is found by the connection's address.
inline std::map<std::string, OtherSide*>& other_sides() {
  static std::map<std::string, OtherSide*> sides;
  return sides;
}

inline OtherSide& side_of(const json::object& settings) {
  return *other_sides().at(std::string(settings.at("address").as_string()));
}

inline Connector scripted_connector() {
  Connector connector;
  connector.name = "test";
  connector.connection_fields = {
      {.name = "address", .help = "Where.", .required = true, .minimum = 1},
      {.name = "password", .help = "Secret.", .fallback = "", .secret = true}};
  connector.sink_fields = {{.name = "acks",
                            .type = schema::Type::Choice,
                            .help = "Acknowledgements.",
                            .fallback = "all",
                            .choices = {"all", "1"}}};
  connector.why_not_topic = [](std::string_view topic) -> std::optional<std::string> {
    if (topic.find('/') != std::string_view::npos) return "no slashes";
    return std::nullopt;
  };
  connector.bound_resource = [](const json::object& settings) {
    return std::string(settings.at("address").as_string());
  };
  connector.why_no_letters = [](const json::object& settings) -> std::string {
    return settings.at("address") == "mute" ? "it cannot say why" : "";
  };
  connector.verify = [](const json::object& settings, std::string_view /*topic*/) {
    const bool known = other_sides().contains(std::string(settings.at("address").as_string()));
    return std::vector<VerifyStep>{{.name = "connect",
                                    .ok = known,
                                    .ms = 1,
                                    .detail = known ? "" : "nobody there",
                                    .hint = known ? "" : "check the address"}};
  };
  connector.place = [](const SinkConfig& /*config*/, const Record& record) {
    return Placement{.partition = record.key ? std::optional(3) : std::nullopt,
                     .bytes = record.value.size(),
                     .problem = record.value.size() > 100 ? "it is too large" : "",
                     .note = record.key ? "" : "any partition"};
  };
  connector.make_sink = [](const SinkConfig& config, Sink::Callbacks callbacks) {
    side_of(config.connection).connected_with(config.connection);
    return Result<std::unique_ptr<Sink>>(
        std::make_unique<ScriptedSink>(side_of(config.connection), std::move(callbacks), 3));
  };
  return connector;
}

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    registry.add(scripted_connector());
    other_sides()["here"] = &other_side;
    start();
  }
  ~ServiceTest() override {
    store.set_readers({});
    service.reset();
    other_sides().clear();
  }
  void start() {
    queues = std::make_unique<test::MemoryQueues>(store);
    service = std::make_unique<Service>(
        store, *queues, registry, clock, metrics,
        Options{.node_name = "node-a", .on_task_change = told, .intake = intake});
    ASSERT_TRUE(service->start());
  }
  static json::object parsed(std::string_view text) { return json::parse(text).as_object(); }
  static json::object connection(std::string_view name = "c") {
    auto document = parsed(R"({"type":"test","settings":{"address":"here","password":"s3cret"}})");
    document["name"] = name;
    return document;
  }
  static json::object task(std::string_view name = "t") {
    auto document = parsed(R"({"source":{"type":"local","filters":["a/#"]},
        "map":{"topic":"${topic[0]}"},"sink":{"type":"test","connection":"c"}})");
    document["name"] = name;
    return document;
  }
  void create_both() {
    ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
    const auto created = service->create_task(task());
    ASSERT_TRUE(created) << created.error().detail;
  }
  void publish(int count) {
    for (int i = 0; i < count; ++i)
      queues->publish({.topic = "a/b", .payload = std::to_string(next++)});
  }
  std::string status() { return std::string(service->task("t")->at("status").as_string()); }
  static void change(json::object& object, std::string_view pointer, json::value value) {
    pointer.remove_prefix(1);
    const auto slash = pointer.find('/');
    const auto name = pointer.substr(0, slash);
    if (slash == std::string_view::npos) {
      object[name] = std::move(value);
    } else if (auto* list = object[name].if_array()) {
      list->at(0) = std::move(value);
    } else {
      change(object[name].is_object() ? object[name].get_object() : object[name].emplace_object(),
             pointer.substr(slash), std::move(value));
    }
  }
  // Which fields a task with this change is refused for, with their problems.
  std::string refused(std::string_view pointer, json::value value) {
    auto document = task();
    change(document, pointer, std::move(value));
    const auto outcome = service->create_task(document);
    if (outcome) {
      static_cast<void>(service->remove_task("t"));
      return "accepted";
    }
    std::string text = outcome.error().code;
    for (const auto& field : outcome.error().fields)
      text += " " + field.pointer + ": " + field.detail;
    return text;
  }

  test::MemoryStore store;
  std::unique_ptr<test::MemoryQueues> queues;
  Registry registry;
  SystemClock clock;
  metrics::Registry metrics;
  OtherSide other_side;
  TaskListener told;                 // from the next start() on
  broker::Intake* intake = nullptr;  // so, too
  std::unique_ptr<Service> service;
  int next = 0;
};

}  // namespace sluice::connect
