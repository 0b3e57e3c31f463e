// What the codec takes from the heap. This program counts every allocation for that.
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "mqtt/codec.hpp"
#include "support/mqtt_packets.hpp"

namespace {

thread_local std::size_t allocations = 0;
thread_local std::size_t allocated_bytes = 0;

[[nodiscard]] void* counted(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace sluice::mqtt::test {
namespace {

class Allocation : public testing::Test {
 protected:
  void start() {
    allocations = 0;
    allocated_bytes = 0;
  }
};

TEST_F(Allocation, IsCounted) {
  start();
  const std::string text(1'000, 'a');
  EXPECT_EQ(allocations, 1U);
  EXPECT_GE(allocated_bytes, 1'000U);
}

TEST_F(Allocation, NoneForPublishAndAck) {
  std::string properties;
  PropertyWriter(properties).user("name", "value");
  Publish publish;
  publish.topic = "plant/1/line/2/temperature";
  publish.payload = "21.5";
  publish.qos = Qos::AtLeastOnce;
  publish.packet_id = 1;
  publish.properties = Properties::from_checked(properties);
  Ack ack;
  ack.packet_id = 1;
  std::string out;
  out.reserve(1'000);

  start();
  encode(out, Version::V5, publish);
  encode_publish_head(out, Version::V5, publish, publish.payload.size());
  const std::size_t two = out.size();
  encode(out, Version::V5, ack);
  const auto frame = next_frame(out, 1'000);
  const auto decoded_publish =
      decode_publish(Version::V5, Sender::Client, (*frame)->flags, (*frame)->body);
  const auto decoded_ack =
      decode_ack(Version::V5, PacketType::Puback, std::string_view(out).substr(two + 2));
  const std::size_t counted_here = allocations;

  EXPECT_EQ(counted_here, 0U);
  ASSERT_TRUE(decoded_publish);
  EXPECT_EQ(decoded_publish->payload, "21.5");
  ASSERT_TRUE(decoded_ack);
  EXPECT_EQ(decoded_ack->packet_id, 1);
}

TEST_F(Allocation, OfASubscribeIsOneAndBoundByItsSize) {
  // The smallest entries there are: an empty filter and its options.
  const std::string body = bytes("0001") + std::string(3 * 10'000, '\0');

  start();
  const auto packet = decode_subscribe(Version::V311, body);
  const std::size_t counted_here = allocations;
  const std::size_t bytes_here = allocated_bytes;

  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->subscriptions.size(), 10'000U);
  EXPECT_EQ(counted_here, 1U);
  EXPECT_LE(bytes_here, 8 * body.size());
}

TEST_F(Allocation, NoneForAListThatIsCutOff) {
  std::string body = bytes("0001") + std::string(3 * 10'000, '\0');
  body += bytes("FFFF");

  start();
  const auto subscribe = decode_subscribe(Version::V311, body);
  const auto unsubscribe = decode_unsubscribe(Version::V311, body);
  const std::size_t counted_here = allocations;

  EXPECT_FALSE(subscribe);
  EXPECT_FALSE(unsubscribe);
  EXPECT_EQ(counted_here, 0U);
}

TEST_F(Allocation, NoneBeforeAPacketIsThere) {
  const std::string head = bytes("30 FFFFFF7F");  // says 256 MiB

  start();
  const auto frame = next_frame(head, 300'000'000);
  const std::size_t counted_here = allocations;

  EXPECT_EQ(counted_here, 0U);
  ASSERT_TRUE(frame);
  EXPECT_FALSE(*frame);
}

}  // namespace
}  // namespace sluice::mqtt::test
