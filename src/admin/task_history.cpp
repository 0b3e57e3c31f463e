#include "admin/task_history.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/json_text.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

std::uint32_t at_most(std::uint64_t value, std::uint32_t most) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, most));
}

// Nothing where there is no number, as of what waits at a side that has not said yet.
std::optional<double> number_at(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return std::max(0.0, value->to_number<double>());
}

}  // namespace

void TaskHistory::Sample::join(const Sample& later) {
  elapsed_ms = at_most(std::uint64_t{elapsed_ms} + later.elapsed_ms, kNotKnown);
  for (std::size_t i = 0; i < added.size(); ++i)
    added.at(i) = at_most(std::uint64_t{added.at(i)} + later.added.at(i), kNotKnown);
  if (waiting == kNotKnown || (later.waiting != kNotKnown && later.waiting > waiting))
    waiting = later.waiting;
  oldest_s = std::max(oldest_s, later.oldest_s);
}

void TaskHistory::Ring::add(const Sample& sample, std::size_t most) {
  if (samples.size() < most) {
    if (samples.size() == samples.capacity())
      samples.reserve(std::min(most, std::max<std::size_t>(16, 2 * samples.size())));
    samples.push_back(sample);
    return;
  }
  samples[next] = sample;
  next = (next + 1) % most;
}

const TaskHistory::Sample& TaskHistory::Ring::newest(std::size_t back) const {
  return samples[(next + samples.size() - 1 - back) % samples.size()];
}

void TaskHistory::add(std::int64_t time_ms, std::span<const json::object> tasks) {
  tasks_.with([&](auto& known) {
    std::set<std::string, std::less<>> there;
    for (const auto& shown : tasks) {
      auto id = text_at(shown, "id");
      auto found = known.find(id);
      if (found == known.end() && known.size() < kMostTasks) found = known.try_emplace(id).first;
      if (found != known.end()) note(found->second, time_ms, shown);
      there.insert(std::move(id));
    }
    std::erase_if(known, [&](const auto& each) { return !there.contains(each.first); });
  });
}

// A total may begin anew, and the clock may be set back: never less than nothing.
void TaskHistory::note(Of& task, std::int64_t time_ms, const json::object& shown) {
  const bool is_first = task.fine.samples.empty();
  Sample sample;
  if (!is_first && time_ms > task.newest_ms)
    sample.elapsed_ms = at_most(static_cast<std::uint64_t>(time_ms - task.newest_ms), kNotKnown);
  for (std::size_t i = 0; i < kTotals.size(); ++i) {
    const auto total = static_cast<std::uint64_t>(number_at(shown, kTotals.at(i)).value_or(0));
    auto& before = task.totals.at(i);
    if (!is_first && total > before) sample.added.at(i) = at_most(total - before, kNotKnown);
    before = total;
  }
  if (const auto waiting = number_at(shown, "lag_messages"))
    sample.waiting = at_most(static_cast<std::uint64_t>(*waiting), kNotKnown - 1);
  sample.oldest_s = static_cast<float>(number_at(shown, "oldest_unsent_age_seconds").value_or(0));
  task.newest_ms = time_ms;
  task.fine.add(sample, kMostFine);
  if (task.in_minute++ == 0) {
    task.minute = sample;
  } else {
    task.minute.join(sample);
  }
  if (task.in_minute < kInMinute) return;
  task.minutes.add(task.minute, kMostMinutes);
  task.in_minute = 0;
}

// Oldest first: by minutes where more than the last hour is asked for, and known.
std::vector<TaskHistory::Timed> TaskHistory::samples(const Of& task, const History::Query& query) {
  const bool is_fine =
      query.from_ms >= task.newest_ms - kHourMs || task.fine.samples.size() < kMostFine;
  const auto& ring = is_fine ? task.fine : task.minutes;
  std::vector<Timed> found;
  auto time_ms = task.newest_ms;
  const auto take = [&](const Sample& sample) {
    if (time_ms < query.to_ms && time_ms >= query.from_ms) found.emplace_back(time_ms, sample);
    time_ms -= sample.elapsed_ms;
  };
  if (!is_fine && task.in_minute > 0) take(task.minute);
  for (std::size_t i = 0; i < ring.samples.size() && time_ms >= query.from_ms; ++i)
    take(ring.newest(i));
  std::ranges::reverse(found);
  return found;
}

json::object TaskHistory::point(const Timed& timed) {
  const auto& [time_ms, sample] = timed;
  json::object shown{{"time", broker::rfc3339(time_ms)}};
  shown["lag_messages"] =
      sample.waiting == kNotKnown ? json::value(nullptr) : json::value(sample.waiting);
  shown["oldest_unsent_age_seconds"] = std::round(double{sample.oldest_s} * 1000) / 1000;
  for (std::size_t i = 0; i < kTotals.size(); ++i) {
    auto& rate = shown[std::string(kTotals.at(i)) + "_per_second"];
    if (sample.elapsed_ms == 0) continue;  // null: nobody knows since when
    const auto thousandths = std::uint64_t{sample.added.at(i)} * 1'000'000 / sample.elapsed_ms;
    rate = static_cast<double>(thousandths) / 1000;
  }
  return shown;
}

std::vector<json::object> TaskHistory::points(const std::string& task_id,
                                              const History::Query& query) const {
  const auto found = tasks_.with([&](const auto& known) {
    const auto task = known.find(task_id);
    return task == known.end() ? std::vector<Timed>() : samples(task->second, query);
  });
  std::vector<Timed> steps;
  for (const auto& [time_ms, sample] : found) {
    if (steps.empty() || steps.back().first / query.step_ms != time_ms / query.step_ms) {
      steps.emplace_back(time_ms, sample);
      continue;
    }
    steps.back().first = time_ms;
    steps.back().second.join(sample);
  }
  const auto begin = steps.size() - std::min(steps.size(), History::kMostPoints);
  std::vector<json::object> points;
  for (std::size_t i = begin; i < steps.size(); ++i) points.push_back(point(steps[i]));
  return points;
}

}  // namespace sluice::admin
