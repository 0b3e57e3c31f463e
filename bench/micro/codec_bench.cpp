// What one packet costs in the codec. codec_bench --benchmark_filter=Publish
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "mqtt/codec.hpp"
#include "mqtt/topic.hpp"

namespace sluice::mqtt {
namespace {

constexpr std::string_view kTopic = "plant/7/line/12/machine/4711/temperature";

// QoS 1, without properties.
[[nodiscard]] Publish sample(std::string_view payload) {
  Publish packet;
  packet.topic = kTopic;
  packet.payload = payload;
  packet.qos = Qos::AtLeastOnce;
  packet.packet_id = 4'711;
  return packet;
}

[[nodiscard]] std::string user_properties(int count) {
  std::string section;
  PropertyWriter writer(section);
  for (int i = 0; i < count; ++i) writer.user("trace-id", "4bf92f3577b34da6a3ce929d0e0e4736");
  return section;
}

void decode_publish_of(benchmark::State& state, Version version, int properties) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'p');
  const std::string section = user_properties(properties);
  Publish packet = sample(payload);
  packet.properties = Properties::from_checked(section);
  std::string wire;
  encode(wire, version, packet);
  for (auto _ : state) {
    benchmark::DoNotOptimize(wire.data());
    const auto frame = next_frame(wire, 1'000'000);
    auto decoded = decode_publish(version, Sender::Client, (*frame)->flags, (*frame)->body);
    if (!decoded) return state.SkipWithError("refused");
    benchmark::DoNotOptimize(decoded);
  }
  state.SetItemsProcessed(state.iterations());
}

void encode_publish_of(benchmark::State& state, Version version, int properties, bool whole) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'p');
  const std::string section = user_properties(properties);
  Publish packet = sample(payload);
  packet.properties = Properties::from_checked(section);
  std::string out;
  out.reserve(payload.size() + section.size() + 200);
  for (auto _ : state) {
    out.clear();
    if (whole) {
      encode(out, version, packet);
    } else {
      encode_publish_head(out, version, packet, payload.size());
    }
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(decode_publish_of, v311, Version::V311, 0)->Arg(100)->Arg(10'000);
BENCHMARK_CAPTURE(decode_publish_of, v5_no_properties, Version::V5, 0)->Arg(100);
BENCHMARK_CAPTURE(decode_publish_of, v5_two_properties, Version::V5, 2)->Arg(100);
BENCHMARK_CAPTURE(encode_publish_of, v311, Version::V311, 0, true)->Arg(100)->Arg(10'000);
BENCHMARK_CAPTURE(encode_publish_of, v5_two_properties, Version::V5, 2, true)->Arg(100);
BENCHMARK_CAPTURE(encode_publish_of, v311_head, Version::V311, 0, false)->Arg(100)->Arg(10'000);

void decode_puback(benchmark::State& state) {
  std::string wire;
  encode(wire, Version::V311, Ack{.type = PacketType::Puback, .packet_id = 7, .properties = {}});
  for (auto _ : state) {
    benchmark::DoNotOptimize(wire.data());
    const auto frame = next_frame(wire, 1'000'000);
    auto decoded = decode_ack(Version::V311, PacketType::Puback, (*frame)->body);
    benchmark::DoNotOptimize(decoded);
  }
}
BENCHMARK(decode_puback);

void encode_puback(benchmark::State& state) {
  const Ack packet{.type = PacketType::Puback, .packet_id = 7, .properties = {}};
  std::string out;
  out.reserve(100);
  for (auto _ : state) {
    out.clear();
    encode(out, Version::V5, packet);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(encode_puback);

void decode_user_properties(benchmark::State& state) {
  const std::string section = user_properties(static_cast<int>(state.range(0)));
  Publish packet = sample("p");
  packet.properties = Properties::from_checked(section);
  std::string wire;
  encode(wire, Version::V5, packet);
  for (auto _ : state) {
    const auto frame = next_frame(wire, 10'000'000);
    auto decoded = decode_publish(Version::V5, Sender::Client, (*frame)->flags, (*frame)->body);
    benchmark::DoNotOptimize(decoded);
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(decode_user_properties)->RangeMultiplier(10)->Range(50, 50'000)->Complexity();

void utf8_ascii(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'a');
  for (auto _ : state) {
    benchmark::DoNotOptimize(text.data());
    benchmark::DoNotOptimize(is_valid_utf8(text));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(utf8_ascii)->Arg(7)->Arg(40)->Arg(60'000);

void utf8_of_three_bytes(benchmark::State& state) {
  std::string text;
  while (text.size() < 60'000) text += "\u4e2d\u6587";
  for (auto _ : state) benchmark::DoNotOptimize(is_valid_utf8(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(utf8_of_three_bytes);

void match_topic(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(matches("plant/+/line/+/machine/#", kTopic));
  }
}
BENCHMARK(match_topic);

}  // namespace
}  // namespace sluice::mqtt
