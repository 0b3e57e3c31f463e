// What a task's steps cost per message: the child, the way there and back included.
#include <benchmark/benchmark.h>

#include "connect/processing/child.hpp"
#include "connect/processing/processor.hpp"

namespace sluice::connect::processing {
namespace {

constexpr std::string_view kSmall = R"({"temperature":21.5,"humidity":40,"id":"m-1"})";

std::string of_about_a_kilobyte() {
  std::string payload = "[";
  for (int i = 0; i < 22; ++i) payload += (i == 0 ? "" : ",") + std::string(kSmall);
  return payload + "]";
}

// As a worker does it: 128 messages at a time.
void run(benchmark::State& state, const Steps& steps, const std::string& payload) {
  Processor processor(steps);
  const std::vector<std::string_view> payloads(128, payload);
  std::vector<Processor::Outcome> outcomes;
  Arena arena;
  for (auto _ : state) {
    arena.reset();
    if (!processor.run(payloads, arena, outcomes, [] { return false; })) {
      state.SkipWithError("the steps cannot be run");
      return;
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(payloads.size()));
}

// How long a task's first message waits, and the one after a message that ended the child.
void start(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Processor({.jq = "."}).check());
}

BENCHMARK_CAPTURE(run, jq_identity, Steps{.jq = "."}, std::string(kSmall))->UseRealTime();
BENCHMARK_CAPTURE(run, jq_object, Steps{.jq = "{t: .temperature, id}"}, std::string(kSmall))
    ->UseRealTime();
BENCHMARK_CAPTURE(run, jq_kilobyte, Steps{.jq = "map(.temperature) | add"}, of_about_a_kilobyte())
    ->UseRealTime();
BENCHMARK_CAPTURE(run, schema, Steps{.schema = R"({"type":"object","required":["temperature","id"],
    "properties":{"temperature":{"type":"number","minimum":-50,"maximum":150},
    "humidity":{"type":"integer"},"id":{"type":"string","maxLength":20}}})"},
                  std::string(kSmall))
    ->UseRealTime();
BENCHMARK(start)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::connect::processing

int main(int argc, char** argv) {
  if (const auto served = sluice::connect::processing::serve_as_child(argc, argv)) return *served;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
