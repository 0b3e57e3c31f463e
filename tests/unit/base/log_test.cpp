#include "base/log.hpp"

#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <thread>
#include <unistd.h>
#include <vector>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace sluice::log {
namespace {

namespace json = boost::json;

class Log : public testing::Test {
 protected:
  void TearDown() override {
    ASSERT_TRUE(set_up(Level::Info, Format::Text, ""));
    std::filesystem::remove(file_);
  }
  void log_to_file(Format format, Level level = Level::Info) {
    ASSERT_TRUE(set_up(level, format, file_.string()));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> found;
    std::ifstream in(file_);
    for (std::string line; std::getline(in, line);) found.push_back(line);
    return found;
  }
  // What follows time and level.
  [[nodiscard]] std::string only_event() const {
    const auto found = lines();
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? std::string() : found[0].substr(found[0].find("  ") + 2);
  }

  std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("sluice-log-test-" + std::to_string(::getpid()));
};

TEST_F(Log, WritesEventAndFieldsOnOneLine) {
  log_to_file(Format::Text);

  info("sink paused", {{"task", "t1"}, {"retry_in_ms", 200}, {"ready", true}});

  EXPECT_EQ(only_event(), "sink paused task=t1 retry_in_ms=200 ready=true");
}

TEST_F(Log, BeginsALineWithTimeAndLevel) {
  log_to_file(Format::Text);

  error("disk failed");

  EXPECT_TRUE(std::regex_match(
      lines().at(0), std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z error disk failed)")));
}

TEST_F(Log, QuotesAValueThatCouldBeTakenForSeveral) {
  log_to_file(Format::Text);

  info("e", {{"a", "x y"}, {"b", "k=v"}, {"c", ""}, {"d", "say \"hi\""}});

  EXPECT_EQ(only_event(), R"(e a="x y" b="k=v" c="" d="say \"hi\"")");
}

TEST_F(Log, LetsNoPeerForgeALine) {
  log_to_file(Format::Text);

  info("client refused", {{"client_id", "x\n2026-01-01T00:00:00.000Z info  root logged in"}});

  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(Log, CutsAValueThatIsTooLong) {
  log_to_file(Format::Text);

  info("e", {{"topic", std::string(100'000, 'a')}});

  EXPECT_LT(lines().at(0).size(), 2300U);
  EXPECT_TRUE(lines().at(0).ends_with("... (100000 bytes)\""));
}

TEST_F(Log, WritesOneJsonObjectPerLine) {
  log_to_file(Format::Json);

  warn("odd \"thing\"", {{"bytes", "\xff\n"},
                         {"count", 3},
                         {"ok", false},
                         {"share", std::numeric_limits<double>::quiet_NaN()}});

  const auto line = json::parse(lines().at(0)).as_object();
  EXPECT_EQ(line.at("level").as_string(), "warn");
  EXPECT_EQ(line.at("event").as_string(), "odd \"thing\"");
  EXPECT_EQ(line.at("bytes").as_string(), "\\xff\n");
  EXPECT_EQ(line.at("count").as_int64(), 3);
  EXPECT_EQ(line.at("ok").as_bool(), false);
  EXPECT_EQ(line.at("share").as_string(), "nan");
}

TEST_F(Log, TellsNothingBelowItsLevel) {
  log_to_file(Format::Text, Level::Warn);

  info("not this");
  warn("this");
  set_level(Level::Debug);
  debug("and this");

  EXPECT_EQ(lines().size(), 2U);
  EXPECT_TRUE(enabled(Level::Debug));
}

TEST_F(Log, RefusesAFileThatCannotBeOpened) {
  const auto outcome = set_up(Level::Info, Format::Text, "/proc/no-such-directory/log");

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::IoFailed);
}

TEST_F(Log, AppendsToWhatIsThere) {
  std::ofstream(file_) << "from before\n";

  log_to_file(Format::Text);
  info("e");

  EXPECT_EQ(lines().size(), 2U);
  EXPECT_EQ(lines().at(0), "from before");
}

TEST_F(Log, OpensTheFileAnew) {
  const auto moved = file_.string() + ".1";
  log_to_file(Format::Text);
  info("before");
  std::filesystem::rename(file_, moved);
  info("still there");

  ASSERT_TRUE(reopen());
  info("after");

  EXPECT_TRUE(only_event().ends_with("after"));
  std::filesystem::remove(moved);
}

TEST_F(Log, GoesOnInTheOldFileWhenItCannotBeOpenedAnew) {
  log_to_file(Format::Text);
  const auto moved = file_.string() + ".1";
  std::filesystem::rename(file_, moved);
  std::filesystem::create_directory(file_);

  EXPECT_FALSE(reopen());
  info("after");

  std::filesystem::remove(file_);
  std::filesystem::rename(moved, file_);
  EXPECT_EQ(only_event(), "after");
}

TEST_F(Log, HasNothingToOpenAnewOnStandardError) {
  EXPECT_TRUE(reopen());
}

TEST_F(Log, KeepsLinesOfSeveralThreadsWhole) {
  log_to_file(Format::Json);
  constexpr int kLines = 500;

  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < kLines; ++i) info("e", {{"thread", t}, {"pad", std::string(100, 'x')}});
    });
  }
  for (auto& thread : threads) thread.join();

  const auto found = lines();
  EXPECT_EQ(found.size(), 4U * kLines);
  for (const auto& line : found) EXPECT_NO_THROW(static_cast<void>(json::parse(line)));
}

}  // namespace
}  // namespace sluice::log
