#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "admin/history.hpp"
#include "base/guarded.hpp"

namespace sluice::admin {

// How each task was over the last day, for the charts of its page.
//
// Owns:    of each of at most kMostTasks tasks the last hour in steps of ten seconds and the last
//          day in steps of a minute: 43 KB a task once a day is over, in memory. A new process
//          begins anew. Of more tasks, those that came later have none.
// Threads: any.
class TaskHistory {
 public:
  static constexpr std::int64_t kMinuteMs = 60'000;
  static constexpr std::int64_t kHourMs = 60 * kMinuteMs;
  static constexpr std::size_t kMostFine = kHourMs / History::kIntervalMs;
  static constexpr std::size_t kMostMinutes = 24 * kHourMs / kMinuteMs;
  static constexpr std::size_t kInMinute = kMinuteMs / History::kIntervalMs;
  static constexpr std::size_t kMostTasks = 1000;

  // `tasks`: all there are now, as REST shows them. What is kept of others is forgotten.
  void add(std::int64_t time_ms, std::span<const boost::json::object> tasks);

  // As History::points: one for each step, with the rates over it and, of what waits, the most
  // there was in it. Nothing for a task that has no history.
  [[nodiscard]] std::vector<boost::json::object> points(const std::string& task_id,
                                                        const History::Query& query) const;

 private:
  static constexpr std::uint32_t kNotKnown = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::array<std::string_view, 3> kTotals = {"delivered", "rejected", "retried"};

  // What came since the sample before, so that samples can be put together.
  struct Sample {
    std::uint32_t elapsed_ms = 0;  // 0: there was none before
    std::array<std::uint32_t, kTotals.size()> added = {};
    std::uint32_t waiting = kNotKnown;
    float oldest_s = 0;

    void join(const Sample& later);
  };
  struct Ring {
    std::vector<Sample> samples;  // grows to `most`, then goes round
    std::size_t next = 0;

    void add(const Sample& sample, std::size_t most);
    [[nodiscard]] const Sample& newest(std::size_t back) const;  // 0: the newest
  };
  struct Of {
    std::int64_t newest_ms = 0;
    std::array<std::uint64_t, kTotals.size()> totals = {};
    Ring fine, minutes;
    Sample minute;  // of which there is no whole one yet
    std::size_t in_minute = 0;
  };
  using Timed = std::pair<std::int64_t, Sample>;

  static void note(Of& task, std::int64_t time_ms, const boost::json::object& shown);
  [[nodiscard]] static std::vector<Timed> samples(const Of& task, const History::Query& query);
  [[nodiscard]] static boost::json::object point(const Timed& timed);

  Guarded<std::map<std::string, Of, std::less<>>> tasks_;  // by id
};

}  // namespace sluice::admin
