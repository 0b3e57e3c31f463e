// Runs each operation of the codec a fixed number of times, for a program that counts instructions.
// Prints "COUNT NAME" for each, in order; begin_operation() is called before each one and once at
// the end, so that the counter can tell them apart. See bounds.py.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mqtt/codec.hpp"
#include "mqtt/topic.hpp"

// Outside of any namespace and never inlined: the counter finds it by this name.
extern "C" __attribute__((noinline)) void begin_operation() {
  asm volatile("" ::: "memory");
}

namespace sluice::mqtt {
namespace {

constexpr int kTimes = 1'000;
constexpr std::string_view kTopic = "plant/7/line/12/temperature";

// The compiler must assume that this is read.
template <typename T>
void keep(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

template <typename Operation>
void run(const char* name, Operation&& operation) {
  std::printf("%d %s\n", kTimes, name);
  begin_operation();
  for (int time = 0; time < kTimes; ++time) operation();
}

std::string two_user_properties() {
  std::string section;
  PropertyWriter writer(section);
  writer.user("trace-id", "4bf92f3577b34da6a3ce929d0e0e4736");
  writer.user("unit", "celsius");
  return section;
}

void publishes(const char* decode_name, const char* head_name, Version version,
               std::string_view properties) {
  const std::string payload(256, 'x');
  const Publish packet{.topic = kTopic,
                       .payload = payload,
                       .qos = Qos::AtLeastOnce,
                       .packet_id = 4711,
                       .properties = Properties::from_checked(properties)};
  std::string wire;
  encode(wire, version, packet);
  run(decode_name, [&] {
    const auto frame = next_frame(wire, 1'000'000);
    const auto decoded = decode_publish(version, Sender::Client, (*frame)->flags, (*frame)->body);
    if (!decoded) std::abort();
    keep(*decoded);
  });
  std::string out;
  out.reserve(1'000);
  run(head_name, [&] {
    out.clear();
    encode_publish_head(out, version, packet, payload.size());
    keep(out);
  });
}

void pubacks() {
  const Ack packet{.type = PacketType::Puback, .packet_id = 7, .properties = {}};
  std::string wire;
  encode(wire, Version::V311, packet);
  run("decode PUBACK", [&] {
    const auto frame = next_frame(wire, 1'000'000);
    const auto decoded = decode_ack(Version::V311, PacketType::Puback, (*frame)->body);
    if (!decoded) std::abort();
    keep(*decoded);
  });
  std::string out;
  out.reserve(100);
  run("encode PUBACK", [&] {
    out.clear();
    encode(out, Version::V311, packet);
    keep(out);
  });
}

void run_all() {
  publishes("decode PUBLISH, MQTT 3.1.1", "encode the head of a PUBLISH, MQTT 3.1.1", Version::V311,
            {});
  const auto properties = two_user_properties();
  publishes("decode PUBLISH, MQTT 5, 2 properties",
            "encode the head of a PUBLISH, MQTT 5, 2 properties", Version::V5, properties);
  pubacks();
  run("match a topic with a filter", [] { keep(matches("plant/+/line/+/#", kTopic)); });
  begin_operation();
}

}  // namespace
}  // namespace sluice::mqtt

int main() {
  sluice::mqtt::run_all();
}
