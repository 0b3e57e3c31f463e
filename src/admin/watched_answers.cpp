#include "admin/watched_answers.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

namespace sluice::admin {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

std::string_view shown(std::string_view target) {
  constexpr auto kApi = WatchedAnswers::kApi;
  return target.starts_with(kApi) ? target.substr(kApi.size()) : target;
}

std::uint64_t hash_of(const Response& response) {
  return std::hash<std::string_view>()(response.body) * 31 + response.status;
}

// Whose rates are to fall to nought needs to know that nothing was added.
std::string unchanged_event(const json::array& targets) {
  return fmt::format("event: unchanged\ndata: {{\"targets\":{}}}\n\n", json::serialize(targets));
}

// Whether both get the same answer.
bool asks_the_same(const Request& one, const Request& other) {
  return one.target == other.target && one.authorization == other.authorization &&
         one.cookie == other.cookie && one.host == other.host;
}

}  // namespace

std::string answer_event(std::string_view target, const Response& response) {
  std::string_view body = response.body;
  while (body.ends_with('\n')) body.remove_suffix(1);
  // A line ends a server-sent event's field: JSON of ours has none.
  const bool has_body = response.status == 200 && !body.empty() &&
                        body.size() <= WatchedAnswers::kMostBytes &&
                        body.find_first_of("\r\n") == std::string_view::npos;
  return fmt::format("event: answer\ndata: {{\"target\":{},\"status\":{}{}{}}}\n\n",
                     json::serialize(json::string(shown(target))), response.status,
                     has_body ? ",\"body\":" : "", has_body ? body : "");
}

void WatchedAnswers::start() {
  thread_ = std::thread([this] { run(); });
}

void WatchedAnswers::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void WatchedAnswers::watch(const std::shared_ptr<LiveStream>& stream, const Request& listening,
                           const std::vector<std::string>& targets) {
  Watcher watcher{.stream = stream, .watched = {}};
  for (const auto& target : targets) {
    Request request;  // with who asks, and nothing else of what may be large
    request.target = target;
    request.host = listening.host;
    request.has_host = listening.has_host;
    request.authorization = listening.authorization;
    request.cookie = listening.cookie;
    request.is_encrypted = listening.is_encrypted;
    request.remote_address = listening.remote_address;
    request.local_address = listening.local_address;
    watcher.watched.push_back({.request = std::move(request), .told = std::nullopt});
  }
  const std::scoped_lock lock(mutex_);
  if (stopping_) return;
  // A HEAD request has none any more when it is answered.
  std::erase_if(coming_, [](const Watcher& each) { return each.stream.expired(); });
  coming_.push_back(std::move(watcher));
  changed_.notify_one();
}

// Nobody there: it sleeps until somebody comes. What has just come is answered at once, all of it
// together every kEvery.
void WatchedAnswers::run() {
  auto due = steady_clock::now();
  std::unique_lock lock(mutex_);
  const auto is_wanted = [this] { return stopping_ || !coming_.empty(); };
  while (!stopping_) {
    if (watchers_.empty())
      changed_.wait(lock, is_wanted);
    else
      changed_.wait_until(lock, due, is_wanted);
    if (stopping_) return;
    const bool is_due = steady_clock::now() >= due;
    lock.unlock();
    round(!is_due);
    if (is_due) due = steady_clock::now() + kEvery;
    lock.lock();
  }
}

void WatchedAnswers::round(bool only_new) {
  {
    const std::scoped_lock lock(mutex_);
    std::ranges::move(coming_, std::back_inserter(watchers_));
    coming_.clear();
  }
  std::vector<Made> made;
  made.reserve(watchers_.size() * kMostOfStream);  // its elements stay where they are
  for (auto& watcher : watchers_) {
    if (only_new && !watcher.is_new) continue;
    const auto stream = watcher.stream.lock();
    if (!stream) continue;
    watcher.is_new = false;
    json::array unchanged;
    for (auto& watched : watcher.watched) {
      if (stopping_ || stream->is_ended()) break;
      const auto& [request, event, hash] = answer(watched.request, made);
      if (watched.told == hash) {
        unchanged.emplace_back(shown(request->target));
        continue;
      }
      // What a slow reader has no room for is told later.
      if (stream->add(event)) watched.told = hash;
    }
    if (!unchanged.empty()) stream->add(unchanged_event(unchanged));
  }
  std::erase_if(watchers_, [](const Watcher& watcher) {
    const auto stream = watcher.stream.lock();
    return !stream || stream->is_ended();
  });
}

const WatchedAnswers::Made& WatchedAnswers::answer(const Request& request,
                                                   std::vector<Made>& made) const {
  const auto known = std::ranges::find_if(
      made, [&](const Made& each) { return asks_the_same(*each.request, request); });
  if (known != made.end()) return *known;
  const auto response = answer_(request);
  return made.emplace_back(&request, answer_event(request.target, response), hash_of(response));
}

}  // namespace sluice::admin
