// What a condition and a template cost per message, with the payload's JSON parsed once for both.
#include <benchmark/benchmark.h>

#include "connect/record_mapper.hpp"
#include "mqtt/properties.hpp"

namespace sluice {
namespace {

struct Given {
  Given() {
    mqtt::PropertyWriter writer(properties);
    writer.user("line", "4");
    message.topic = "plant/7/telemetry";
    message.payload = R"({"temperature":21.5,"humidity":40,"id":"m-1"})";
    message.properties = properties;
    message.client_id = "meter-1";
    message.qos = 1;
    mapping.topic = *connect::Template::compile("plant");
    mapping.key = *connect::Template::compile("${client_id}");
    mapping.header_form = connect::HeaderForm::None;
  }
  std::string properties;
  model::Message message;
  connect::Mapping mapping;
};

void run(benchmark::State& state, std::string_view where, std::string_view value) {
  Given given;
  if (!value.empty()) {
    given.mapping.value_form = connect::ValueForm::Template;
    given.mapping.value = *connect::Template::compile(value);
  }
  const auto condition = where::Condition::compile(where.empty() ? "TRUE" : where);
  connect::RecordMapper mapper(given.mapping, "node", "worker");
  connect::Arena arena;
  for (auto _ : state) {
    arena.reset();
    if (!where.empty()) benchmark::DoNotOptimize(mapper.judge(*condition, given.message, arena));
    benchmark::DoNotOptimize(mapper.map(given.message, arena, 0));
  }
}

BENCHMARK_CAPTURE(run, neither, "", "");
BENCHMARK_CAPTURE(run, attributes, "$qos >= 1 AND $topic LIKE 'plant/%'", "");
BENCHMARK_CAPTURE(run, user_property, "line = 4", "");
BENCHMARK_CAPTURE(run, payload, "$qos >= 1 AND payload.temperature > 20", "");
BENCHMARK_CAPTURE(run, template_of_payload, "",
                  R"({"t":${payload.temperature},"id":"${payload.id}"})");
BENCHMARK_CAPTURE(run, both, "$qos >= 1 AND payload.temperature > 20",
                  R"({"t":${payload.temperature},"id":"${payload.id}"})");

}  // namespace
}  // namespace sluice
