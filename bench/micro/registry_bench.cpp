// What a value costs that is encoded by a schema of a registry: its JSON is read, and the value is
// written. And the way back. No registry is asked: that happens once for each subject.
#include <benchmark/benchmark.h>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include "connectors/kafka/registry/format.hpp"

namespace sluice {
namespace {

namespace json = boost::json;
namespace registry = connectors::kafka::registry;
using connect::Encoding;

constexpr std::string_view kAvro = R"({"type":"record","name":"Reading","fields":[
  {"name":"id","type":"string"},{"name":"temperature","type":"double"},
  {"name":"humidity","type":"int"},{"name":"site","type":["null","string"],"default":null},
  {"name":"tags","type":{"type":"array","items":"string"},"default":[]}]})";
constexpr std::string_view kProtobuf = R"(syntax = "proto3";
  message Reading { string id = 1; double temperature = 2; int32 humidity = 3; string site = 4;
                    repeated string tags = 5; })";
constexpr std::string_view kValue =
    R"({"id":"meter-1","temperature":21.5,"humidity":40,"site":"plant/7","tags":["a","b"]})";

std::unique_ptr<registry::Format> format_of(Encoding::Format format) {
  const auto text = format == Encoding::Format::Avro       ? kAvro
                    : format == Encoding::Format::Protobuf ? kProtobuf
                                                           : std::string_view("{}");
  return std::move(registry::make_format(format, {.text = std::string(text)}, {}).value());
}

void encode(benchmark::State& state, Encoding::Format format) {
  const auto writer = format_of(format);
  std::string out;
  for (auto _ : state) {
    unsigned char memory[4096];
    json::monotonic_resource resource(memory, sizeof memory);
    const auto value = json::parse(kValue, &resource);
    out.clear();
    benchmark::DoNotOptimize(writer->encode(value, kValue, out));
  }
}

void decode(benchmark::State& state, Encoding::Format format) {
  const auto reader = format_of(format);
  std::string encoded;
  if (format == Encoding::Format::Protobuf) encoded.push_back(0);  // the first message
  static_cast<void>(reader->encode(json::parse(kValue), kValue, encoded));
  for (auto _ : state) benchmark::DoNotOptimize(reader->decode(encoded));
}

BENCHMARK_CAPTURE(encode, avro, Encoding::Format::Avro);
BENCHMARK_CAPTURE(encode, protobuf, Encoding::Format::Protobuf);
BENCHMARK_CAPTURE(encode, json_without_check, Encoding::Format::Json);
BENCHMARK_CAPTURE(decode, avro, Encoding::Format::Avro);
BENCHMARK_CAPTURE(decode, protobuf, Encoding::Format::Protobuf);

}  // namespace
}  // namespace sluice
