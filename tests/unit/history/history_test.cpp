#include "support/history.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

std::vector<std::filesystem::path> samples() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(SLUICE_HISTORIES))
    if (entry.path().extension() == ".jsonl") found.push_back(entry.path());
  return found;
}

std::string rule_of(const std::filesystem::path& path) {
  const auto name = path.stem().string();
  return name.substr(0, name.find('-'));
}

TEST(HistoryChecker, JudgesEverySampleAsItsNameSays) {
  std::set<std::string> rules;
  for (const auto& path : samples()) {
    HistoryChecker checker;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      const auto event = event_of(line);
      ASSERT_TRUE(event) << path << ": " << line;
      checker.add(*event);
    }

    const auto& violation = checker.violation();
    EXPECT_EQ(violation ? violation->rule : "good", rule_of(path))
        << path << (violation ? ": " + violation->what : "");
    rules.insert(rule_of(path));
  }
  EXPECT_EQ(rules, (std::set<std::string>{"good", "lost", "invented", "twice", "order", "offset",
                                          "cursor"}));
}

TEST(History, IsReadAsItWasWritten) {
  for (const auto& path : samples()) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      const auto once = to_json(*event_of(line));
      EXPECT_EQ(once, to_json(*event_of(once)));
    }
  }
}

}  // namespace
}  // namespace sluice::test
