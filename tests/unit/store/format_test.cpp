// The bytes of the log as docs/design/commit-log.md gives them, put together here without the code
// that writes them: what this version wrote, every later one must read.
#include <algorithm>

#include "base/crc32c.hpp"
#include "store_fixture.hpp"

namespace sluice::store {
namespace {

constexpr std::uint64_t kGeneration = 0x0102'0304'0506'0708;
constexpr std::uint64_t kCapacity = 64 << 10;
constexpr std::uint64_t kFirstRecord = 4096;
constexpr std::uint64_t kTime = 1'700'000'000'000ULL << 16 | 9;
constexpr std::size_t kNothingYet = 0;

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return text;
}

std::string segment_header() {
  const std::string checked = little_endian(0, 8) + little_endian(kCapacity, 8) +
                              little_endian(kGeneration, 8) + little_endian(kNothingYet, 8);
  std::string header =
      "SLUICLOG" + little_endian(1, 4) + little_endian(crc32c(checked), 4) + checked;
  header.resize(kFirstRecord, '\0');
  return header;
}

std::string begin_file() {
  const std::string checked = little_endian(0, 8) + little_endian(kGeneration, 8);
  return "SLUICBEG" + little_endian(1, 4) + little_endian(crc32c(checked), 4) + checked;
}

// A record at the end of `log`.
void add_record(std::string& log, int type, const std::string& body) {
  const std::string checked = little_endian(body.size(), 4) + little_endian(crc32c(body), 4) +
                              little_endian(static_cast<std::uint64_t>(type), 1) +
                              little_endian(0, 1) + little_endian(0, 2) +
                              little_endian(log.size(), 8) + little_endian(kTime, 8);
  log += little_endian(crc32c(little_endian(kGeneration, 8) + checked), 4) + checked + body;
}

std::string put_body(int kind, const std::string& key, const std::string& value) {
  return little_endian(static_cast<std::uint64_t>(kind), 4) + little_endian(key.size(), 4) + key +
         value;
}

// QoS 1, retained, with a user's name; in one queue.
std::string message_body(std::uint64_t queue) {
  return little_endian(1 | 4 | 16, 1) + little_endian(0, 1) + little_endian(77, 2) +
         little_endian(7, 2) + little_endian(5, 2) + little_endian(9, 2) + little_endian(4, 2) +
         little_endian(0, 4) + little_endian(1, 4) + little_endian(0, 4) + little_endian(queue, 8) +
         "plant/1" + "meter" + "192.0.2.1" + "user" + "payload";
}

// One batch: a queue, a document, a message in the queue, and the document that goes away again.
std::string a_log() {
  const std::string records[] = {put_body(1, "plant/#", little_endian(5, 8)),
                                 put_body(9, "kept", "{}"), put_body(9, "gone", "{}"),
                                 message_body(5), put_body(9, "gone", "")};
  const int types[] = {3, 3, 3, 2, 4};
  std::size_t bytes = 32 + 16;
  for (const auto& body : records) bytes += 32 + body.size();
  std::string log = segment_header();
  add_record(log, 1,
             little_endian(kFirstRecord, 8) + little_endian(bytes, 4) +
                 little_endian(std::size(records), 4));
  for (std::size_t i = 0; i < std::size(records); ++i) add_record(log, types[i], records[i]);
  log.resize(kCapacity, '\0');
  return log;
}

class LogFormat : public StoreTest {
 protected:
  void put_file(const std::string& path, std::string content) {
    auto file = files_.open(path, FileSystem::Mode::CreateReadWrite);
    ASSERT_TRUE(file);
    const iovec part{content.data(), content.size()};
    ASSERT_TRUE((*file)->write_at(0, {&part, 1}));
    ASSERT_TRUE((*file)->sync());
  }
};

TEST_F(LogFormat, AsItIsDescribedIsRead) {
  ASSERT_TRUE(files_.create_directories(options_.directory + "/log"));
  put_file(options_.directory + "/log/00000000000000000000.log", a_log());
  put_file(options_.directory + "/begin", begin_file());

  open();

  const QueueId id = queue("plant/#");
  EXPECT_EQ(id, QueueId(5));
  EXPECT_EQ(get(StateKind::Document, "kept"), "{}");
  EXPECT_FALSE(get(StateKind::Document, "gone"));
  const auto read = store_->read({.queues = {&id, 1}, .after = {}});
  ASSERT_TRUE(read);
  ASSERT_EQ(read->entries.size(), 1U);
  const auto& message = *read->entries.front().message;
  EXPECT_EQ(message.topic, "plant/1");
  EXPECT_EQ(message.client_id, "meter");
  EXPECT_EQ(message.host, "192.0.2.1");
  EXPECT_EQ(message.username, "user");
  EXPECT_EQ(message.payload, "payload");
  EXPECT_TRUE(message.has_username && message.retain && !message.dup);
  EXPECT_EQ(message.qos, 1);
  EXPECT_EQ(message.packet_id, 77);
  EXPECT_EQ(message.timestamp_ms, 1'700'000'000'000);
  EXPECT_EQ(message.id.time_and_node, kTime);
}

// The other way round: what the store writes, read by the description alone.
TEST_F(LogFormat, IsWrittenAsItIsDescribed) {
  open();
  NewMessage given = message("payload");
  given.topic = "plant/1";
  const BatchPtr batch = store_->new_batch();
  const QueueId id = queue("plant/#");
  batch->add_message(given, {&id, 1});
  ASSERT_TRUE(store_->append(batch));
  ASSERT_TRUE(store_->wait_durable(store_->head()));
  const auto begin = batch->message(0).position().get();

  const auto paths = files_.paths();
  const auto path = std::ranges::find_if(paths, [](auto& name) { return name.ends_with(".log"); });
  ASSERT_NE(path, paths.end());
  const std::string file = files_.content(*path);
  const auto number = [&file](std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(file[at + i]);
    return value;
  };
  EXPECT_EQ(file.substr(0, 8), "SLUICLOG");
  EXPECT_EQ(number(8, 4), 1U);
  EXPECT_EQ(number(12, 4), crc32c(file.substr(16, 32)));
  const std::size_t at = begin - number(16, 8);
  const std::string generation = file.substr(32, 8);
  const std::size_t length = number(at + 4, 4);
  EXPECT_EQ(number(at, 4), crc32c(generation + file.substr(at + 4, 28)));
  EXPECT_EQ(number(at + 8, 4), crc32c(file.substr(at + 32, length)));
  EXPECT_EQ(number(at + 12, 1), 2U);
  EXPECT_EQ(number(at + 16, 8), begin);
  EXPECT_EQ(number(at + 24, 8) >> 16, 1'700'000'000'000U);
  EXPECT_EQ(number(at + 32 + 4, 2), given.topic.size());
  EXPECT_EQ(number(at + 32 + 16, 4), 1U);
  EXPECT_EQ(number(at + 32 + 24, 8), id.get());
  EXPECT_EQ(file.substr(at + 32 + 32, given.topic.size()), "plant/1");
  EXPECT_TRUE(file.substr(at + 32, length).ends_with("payload"));
}

}  // namespace
}  // namespace sluice::store
