// Dead letters of a task by a filter: listed, counted, deleted; and what all tasks have.
#include <boost/json/array.hpp>

#include "connect/service_state.hpp"
#include "connect/text.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t kLettersAtOnce = 256;  // letters that an action takes in one step
constexpr auto kCountLettersFor = 1500ms;

json::object totals_of(const Task& task, const DeadLetters::Summary& letters) {
  json::object out{
      {"id", task.id()},        {"name", task.name()},         {"dead_letters", letters.letters},
      {"bytes", letters.bytes}, {"last_rejected_at", nullptr}, {"reason", nullptr},
      {"reason_letters", 0}};
  if (letters.last_ms != 0) out["last_rejected_at"] = rfc3339(letters.last_ms);
  if (letters.commonest) {
    out["reason"] = letters.commonest->reason;
    out["reason_letters"] = letters.commonest->letters;
  }
  return out;
}

}  // namespace

Result<std::string> Service::State::walk_letters(const std::string& task_id,
                                                 const LetterFilter& filter,
                                                 std::chrono::milliseconds at_most,
                                                 EachPart each) const {
  const auto until = std::chrono::steady_clock::now() + at_most;
  model::Position after;
  while (true) {
    if (!must_be_open()) return "the server is stopping";
    if (std::chrono::steady_clock::now() >= until) return "the time is over";
    SL_TRY(part, dead_letters.search(task_id, after, kLettersAtOnce, filter));
    SL_TRY(goes_on, each(part));
    if (!goes_on || part.at_end) return std::string();
    after = part.looked_at;
  }
}

Outcome<json::object> Service::dead_letters(std::string_view which, std::size_t limit,
                                            std::string_view after,
                                            const LetterFilter& filter) const {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  auto page = state_->dead_letters.page(task->id(), limit, after, filter);
  if (!page) return failed(page.error());
  return std::move(*page);
}

Outcome<json::object> Service::count_dead_letters(std::string_view which,
                                                  LetterFilter filter) const {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (!filter.before_ms) filter.before_ms = state_->around.clock.wall_ms() + 1;  // this one, too
  std::uint64_t letters = 0;
  std::uint64_t bytes = 0;
  const auto stopped = state_->walk_letters(task->id(), filter, kCountLettersFor,
                                            [&](const DeadLetters::Found& part) -> Result<bool> {
                                              letters += part.positions.size();
                                              bytes += part.bytes;
                                              return true;
                                            });
  if (!stopped) return failed(stopped.error());
  return json::object{{"letters", letters},
                      {"bytes", bytes},
                      {"at_least", !stopped->empty()},
                      {"to", rfc3339(*filter.before_ms)}};
}

Outcome<json::object> Service::remove_dead_letters(std::string_view which,
                                                   const LetterFilter& filter) {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  auto& letters = state_->dead_letters;
  std::uint64_t deleted = 0;
  const auto stopped = state_->walk_letters(
      task->id(), filter, kActOnLettersFor, [&](const DeadLetters::Found& part) -> Result<bool> {
        SL_TRY(erased, letters.erase(task->id(), part.positions));
        deleted += erased;
        return true;
      });
  if (!stopped) return failed(stopped.error());
  return json::object{{"deleted", deleted},
                      {"left", letters.count(task->id())},
                      {"stopped", stopped->empty() ? json::value(nullptr) : json::value(*stopped)}};
}

std::vector<json::object> Service::letters_of_tasks() const {
  std::vector<json::object> totals;
  for (const auto& task : state_->all_tasks()) {
    const auto letters = state_->dead_letters.summary(task->id());
    if (letters.letters > 0) totals.push_back(totals_of(*task, letters));
  }
  return totals;
}

std::uint64_t Service::dead_letter_bound() const {
  return state_->dead_letters.maximum_bytes();
}

}  // namespace sluice::connect
