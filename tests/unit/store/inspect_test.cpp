#include "store/embedded/inspect.hpp"

#include <algorithm>

#include "store_fixture.hpp"

namespace sluice::store {
namespace {

using embedded::inspect_log;
using embedded::LogReport;
using embedded::repair_log;

class Inspect : public StoreTest {
 protected:
  [[nodiscard]] std::string log() const { return directory_.path() + "/log"; }
  [[nodiscard]] std::string first() const { return log() + "/00000000000000000000.log"; }

  // Forty messages of 4,000 bytes in three files; all is closed.
  void fill() {
    open();
    id_ = queue("q");
    put(StateKind::Session, "s", "kept");
    for (int i = 0; i < 40; ++i) publish(text(i), {id_});
    store_.reset();
  }
  static std::string text(int number) {
    return "<" + std::to_string(number) + ">" + std::string(4000, 'x');
  }
  void damage(const std::string& path, std::string_view where) {
    const auto at = files_.content(path).find(where);
    ASSERT_NE(at, std::string::npos);
    files_.overwrite(path, at, "#");
  }
  LogReport inspected() {
    auto report = inspect_log(files_, directory_.path());
    EXPECT_TRUE(report) << report.error().detail;
    return report ? std::move(*report) : LogReport{};
  }
  void expect_repaired(std::vector<int> missing) {
    const auto before = files_.paths().size();
    const auto done = repair_log(files_, directory_.path());
    ASSERT_TRUE(done) << done.error().detail;
    EXPECT_FALSE(done->empty());
    EXPECT_GT(files_.paths().size() + 3, before);
    EXPECT_TRUE(inspected().is_usable());
    open();
    std::vector<std::string> expected;
    for (int i = 0; i < 40; ++i) {
      if (std::ranges::find(missing, i) == missing.end()) expected.push_back(text(i));
    }
    EXPECT_EQ(payloads(id_), expected);
    EXPECT_EQ(get(StateKind::Session, "s"), "kept");
    publish("after", {id_});
    reopen();
    EXPECT_EQ(payloads(id_).size(), expected.size() + 1);
    store_.reset();
    EXPECT_TRUE(repair_log(files_, directory_.path())->empty());
  }

  QueueId id_;
};

TEST_F(Inspect, FindsNothingInAWholeLog) {
  fill();
  const auto report = inspected();
  EXPECT_TRUE(report.damages.empty());
  std::uint64_t messages = 0;
  for (const auto& segment : report.segments) messages += segment.messages;
  EXPECT_EQ(messages, 40U);
  EXPECT_TRUE(repair_log(files_, directory_.path())->empty());
}

TEST_F(Inspect, NamesFileOffsetAndExtentOfADamagedRecord) {
  fill();
  damage(first(), "<3>");
  const auto report = inspected();
  ASSERT_EQ(report.damages.size(), 1U);
  const auto& found = report.damages[0];
  EXPECT_EQ(found.file, first());
  EXPECT_GT(found.offset, 3U * 4000);
  EXPECT_LT(found.offset, 4U * 4000 + 6000);
  EXPECT_GT(found.bytes, 4000U);
  EXPECT_LT(found.bytes, 4200U);
  EXPECT_TRUE(found.has_next);
  EXPECT_NE(found.what.find("message"), std::string::npos);
  EXPECT_FALSE(report.is_usable());
  EXPECT_FALSE(repair_log(files_, directory_.path())->empty());
}

TEST_F(Inspect, FindsEveryFlippedByteOfARecord) {
  fill();
  const std::string whole = files_.content(first());
  const auto begin = whole.find("<3>") - 120;
  for (std::size_t at = begin; at < begin + 400; ++at) {
    const char flipped = static_cast<char>(whole[at] ^ 0x10);
    files_.overwrite(first(), at, {&flipped, 1});
    ASSERT_EQ(inspected().damages.size(), 1U) << at;
    files_.overwrite(first(), at, {&whole[at], 1});
  }
}

TEST_F(Inspect, RepairsADamagedRecordAndKeepsWhatFollows) {
  fill();
  damage(first(), "<3>");
  expect_repaired({3});
}

TEST_F(Inspect, RepairsSeveralPlaces) {
  fill();
  damage(first(), "<3>");
  damage(first(), "<4>");
  damage(first(), "<9>");
  expect_repaired({3, 4, 9});
}

TEST_F(Inspect, RepairsTheEndOfAFileThatHasASuccessor) {
  fill();
  const std::string whole = files_.content(first());
  const auto last = whole.rfind('<');
  const int number = std::stoi(whole.substr(last + 1));
  files_.overwrite(first(), last, "#");
  expect_repaired({number});
}

TEST_F(Inspect, RepairsWhatAStartRefuses) {
  fill();
  std::string last;
  for (const std::string& path : files_.paths()) {
    if (path.ends_with(".log") && files_.content(path).find("<39>") != std::string::npos) {
      last = path;
    }
  }
  damage(last, "<39>");
  forget_view();
  ASSERT_EQ(try_open().error().code, Errc::Corrupt);
  expect_repaired({39});
}

TEST_F(Inspect, SaysWhichFileIsMissingAndJoinsTheRest) {
  fill();
  const std::string second = log() + "/" + embedded::segment_name(64 << 10);
  std::vector<int> gone;
  for (int i = 0; i < 40; ++i) {
    if (files_.content(second).find("<" + std::to_string(i) + ">") != std::string::npos) {
      gone.push_back(i);
    }
  }
  ASSERT_FALSE(gone.empty());
  ASSERT_TRUE(files_.remove(second));
  const auto report = inspected();
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_TRUE(report.damages[0].is_missing);
  EXPECT_EQ(report.damages[0].file, second);
  expect_repaired(gone);
}

TEST_F(Inspect, MovesAwayAFileWhoseHeaderIsGone) {
  fill();
  const std::string second = log() + "/" + embedded::segment_name(64 << 10);
  std::vector<int> gone;
  for (int i = 0; i < 40; ++i) {
    if (files_.content(second).find("<" + std::to_string(i) + ">") != std::string::npos) {
      gone.push_back(i);
    }
  }
  files_.overwrite(second, 0, "NOTALOG!");
  ASSERT_TRUE(inspected().damages.at(0).is_header);
  expect_repaired(gone);
}

TEST_F(Inspect, CallsATornTailWhatItIs) {
  open();
  id_ = queue("q");
  publish("whole", {id_});
  publish("torn", {id_});
  const std::string path = last_segment();
  crash(Survives::All);
  files_.overwrite(path, files_.content(path).find("torn"), "T");
  const auto report = inspected();
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_TRUE(report.damages[0].is_tail);
  EXPECT_TRUE(report.is_usable());
}

}  // namespace
}  // namespace sluice::store
