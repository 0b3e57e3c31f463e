#include "connectors/file/file_sink.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace sluice::connectors::file {
namespace {

namespace fs = std::filesystem;
using connect::Record;
using connect::Verdict;

class FileSinkTest : public testing::Test {
 protected:
  FileSinkTest() {
    std::string pattern = testing::TempDir() + "files-XXXXXX";
    root = ::mkdtemp(pattern.data());
    config.files_directory = root;
    config.sink = {{"folder", "out"},
                   {"format", "record"},
                   {"rotate_bytes", 1'000'000},
                   {"rotate_after", 3'600'000},
                   {"maximum_bytes", 1'000'000'000}};
  }
  ~FileSinkTest() override {
    sink.reset();
    fs::remove_all(root);
  }
  void open() {
    sink.reset();
    auto made = FileSink::make(config, {.on_ready = [] {}});
    ASSERT_TRUE(made) << made.error().detail;
    sink = std::move(*made);
  }
  Result<std::size_t> write(std::vector<Record> records) { return sink->write(records); }
  static Record line(std::string_view value, std::uint64_t token = 0) {
    Record record;
    record.token = token;
    record.topic = "t";
    record.value = value;
    return record;
  }
  std::vector<connect::Delivery> outcomes() {
    std::vector<connect::Delivery> found;
    static_cast<void>(sink->collect(found));
    return found;
  }
  fs::path folder() const { return fs::path(root) / "out"; }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder())) found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
  }
  static std::string text_of(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::string text() const {
    std::string all;
    for (const auto& path : files()) all += text_of(path);
    return all;
  }

  std::string root;
  connect::SinkConfig config;
  std::unique_ptr<connect::Sink> sink;
};

TEST_F(FileSinkTest, WritesALineOfJsonPerRecord) {
  open();
  const std::pair<std::string_view, std::string_view> headers[] = {{"a", "1"}, {"a", "\xff"}};

  ASSERT_EQ(write({{.token = 7,
                    .topic = "plant \"7\"",
                    .key = "meter",
                    .value = "two\nlines",
                    .timestamp_ms = 1714564800123,
                    .headers = headers},
                   line(std::string_view("\x00\xff", 2), 8)}),
            2U);

  EXPECT_EQ(text(), R"({"topic":"plant \"7\"","key":"meter","timestamp":1714564800123,)"
                    R"("headers":[{"name":"a","value":"1"},{"name":"a","value_base64":"/w=="}],)"
                    R"("value":"two\nlines"})"
                    "\n"
                    R"({"topic":"t","timestamp":0,"value_base64":"AP8="})"
                    "\n");
  const auto found = outcomes();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].token, 7U);
  EXPECT_EQ(found[1].verdict, Verdict::Delivered);
  EXPECT_TRUE(outcomes().empty());
}

TEST_F(FileSinkTest, EndsAFileThatIsFullAndTheLastOneWhenItCloses) {
  config.sink["rotate_bytes"] = 100;
  open();
  const std::string value(80, 'x');

  for (int i = 0; i < 3; ++i) ASSERT_TRUE(write({line(value)}));
  EXPECT_EQ(files().size(), 3U);
  ASSERT_TRUE(write({line("short")}));
  EXPECT_EQ(std::ranges::count(files(), ".part", &fs::path::extension), 1);
  sink.reset();

  EXPECT_EQ(files().size(), 4U);
  EXPECT_EQ(std::ranges::count(files(), ".jsonl", &fs::path::extension), 4);
  for (const auto& path : files()) EXPECT_EQ(fs::status(path).permissions(), fs::perms(0600));
}

TEST_F(FileSinkTest, CutsHalfALineOffWhatAKilledProcessLeft) {
  open();
  std::ofstream(folder() / "records-1-1.jsonl.part") << "{\"a\":1}\n{\"b\":2}\n{\"half";
  std::ofstream(folder() / "records-1-2.jsonl.part") << "{\"only half";
  std::ofstream(folder() / ".new-records-1-3.jsonl.part");  // killed before it had its name
  std::ofstream(folder() / "notes.part") << "not ours";

  open();

  ASSERT_EQ(files().size(), 2U);
  EXPECT_EQ(files()[0].filename(), "notes.part");
  EXPECT_EQ(files()[1].filename(), "records-1-1.jsonl");
  EXPECT_EQ(text_of(files()[1]), "{\"a\":1}\n{\"b\":2}\n");
}

TEST_F(FileSinkTest, LeavesAloneWhatAnotherSinkWrites) {
  open();
  ASSERT_TRUE(write({line("one")}));
  auto other = FileSink::make(config, {.on_ready = [] {}});
  ASSERT_TRUE(other);
  const auto record = line("two");
  ASSERT_TRUE((*other)->write({&record, 1}));

  ASSERT_TRUE(write({line("three")}));
  other->reset();
  sink.reset();

  EXPECT_EQ(files().size(), 2U);
  const auto all = text();
  EXPECT_EQ(std::ranges::count(all, '\n'), 3);
}

TEST_F(FileSinkTest, WaitsWhileTheFolderIsFull) {
  config.sink["rotate_bytes"] = 50;
  config.sink["maximum_bytes"] = 200;
  open();
  const std::string value(60, 'x');
  ASSERT_TRUE(write({line(value)}));
  ASSERT_TRUE(write({line(value)}));

  const auto full = write({line(value)});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::Unavailable);
  EXPECT_NE(sink->away().find("maximum_bytes"), std::string::npos);
  EXPECT_EQ(outcomes().size(), 2U);

  fs::remove(files().front());
  ASSERT_TRUE(write({line(value)}));
  EXPECT_TRUE(sink->away().empty());
  EXPECT_EQ(outcomes().size(), 1U);
}

TEST_F(FileSinkTest, TakesWhatThereIsRoomForAndEndsTheFileOfAFullFolder) {
  config.sink["maximum_bytes"] = 200;
  open();
  const std::string value(30, 'x');

  EXPECT_EQ(write({line(value), line(value), line(value), line(value)}), 2U);
  EXPECT_EQ(files().front().extension(), ".part");
  EXPECT_FALSE(write({line(value)}));

  EXPECT_EQ(files().front().extension(), ".jsonl");
  const std::string longer(300, 'x');
  ASSERT_EQ(write({line(longer)}), 1U);
  EXPECT_EQ(outcomes().back().verdict, Verdict::Rejected);
}

TEST_F(FileSinkTest, RejectsAValueThatIsNoLine) {
  config.sink["format"] = "value";
  open();

  ASSERT_EQ(write({line("{\"a\":1}", 0), line("a\nb", 1), line("{\"c\":1}", 2)}), 3U);

  EXPECT_EQ(text(), "{\"a\":1}\n{\"c\":1}\n");
  const auto found = outcomes();
  EXPECT_EQ(found[0].verdict, Verdict::Delivered);
  EXPECT_EQ(found[1].verdict, Verdict::Rejected);
  EXPECT_EQ(found[2].verdict, Verdict::Delivered);
}

TEST_F(FileSinkTest, WritesThroughNoSymbolicLink) {
  open();
  const auto outside = fs::path(root) / "outside";
  std::ofstream(outside) << "{\"a\":1}\nhalf";
  fs::create_symlink(outside, folder() / "records-1-1.jsonl.part");

  const auto made = FileSink::make(config, {.on_ready = [] {}});

  EXPECT_FALSE(made);
  EXPECT_EQ(text_of(outside), "{\"a\":1}\nhalf");
}

}  // namespace
}  // namespace sluice::connectors::file
