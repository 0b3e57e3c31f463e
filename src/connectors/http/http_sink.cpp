#include "connectors/http/http_sink.hpp"

#include <algorithm>
#include <pthread.h>
#include <utility>

#include "connect/origins.hpp"
#include "connect/record_json.hpp"
#include "connectors/http/http_outcome.hpp"

namespace sluice::connectors::http {
namespace {

using connect::Delivery;
using connect::Record;
using connect::Verdict;

constexpr std::size_t kMostBatchesWaiting = 2;  // besides the one that is on its way
constexpr std::size_t kRecordOverhead = 128;
constexpr std::uint64_t kLongestAnswer = 1 << 20;
// Which tasks have carried a record that stands in the body as it is: where that is a message for
// another server's REST, its task back here must know.
constexpr std::string_view kOriginsHeader = "Sluice-Origins";

// What a client wrote may stand there; tasks' ids are such text.
bool is_header_text(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return c > ' ' && c <= '~'; });
}

std::size_t size_of(const Record& record) {
  return kRecordOverhead + record.value.size() + record.topic.size();
}

// May have been delivered with one that came back, and must not come before it now.
bool is_behind(const Record& record, const std::vector<const Record*>& back) {
  return std::ranges::any_of(back, [&](const Record* first) {
    return first->topic == record.topic &&
           (!first->key || !record.key || *first->key == *record.key);
  });
}

}  // namespace

connect::Placement place(const connect::SinkConfig& config, const Record& record) {
  if (config.sink.at("format").as_string() != "record")
    return {.bytes = record.value.size(), .problem = {}, .note = {}};
  std::string body = "[";
  connect::append_record(body, record);
  return {.bytes = body.size() + 1, .problem = {}, .note = {}};
}

Result<std::unique_ptr<connect::Sink>> HttpSink::make(const connect::SinkConfig& config,
                                                      Callbacks callbacks) {
  const auto& sink = config.sink;
  Settings settings{.method = std::string(sink.at("method").as_string()),
                    .whole_records = sink.at("format").as_string() == "record",
                    .content_type = std::string(sink.at("content_type").as_string()),
                    .batch_records = static_cast<std::size_t>(sink.at("batch_records").as_int64()),
                    .batch_bytes = static_cast<std::size_t>(sink.at("batch_bytes").as_int64())};
  auto target = target_of(config.connection);
  if (target.url.host.empty()) return fail(Errc::InvalidArgument, "the connection has no `url`");
  return std::make_unique<HttpSink>(std::move(target), std::move(settings), std::move(callbacks));
}

HttpSink::HttpSink(Target target, Settings settings, Callbacks callbacks)
    : target_(std::move(target)),
      settings_(std::move(settings)),
      callbacks_(std::move(callbacks)),
      channel_(target_.url, target_.identity),
      thread_([this] { run(); }) {}

HttpSink::~HttpSink() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Result<std::size_t> HttpSink::write(std::span<const Record> records) {
  const std::scoped_lock lock(mutex_);
  if (given_back_ > 0) return std::size_t{0};
  if (std::chrono::steady_clock::now() < not_before_) return fail(Errc::Unavailable, away_);
  const auto most = settings_.batch_records * kMostBatchesWaiting;
  const auto room = waiting_.size() < most ? most - waiting_.size() : 0;
  const auto taken = std::min(room, records.size());
  waiting_.insert(waiting_.end(), records.begin(),
                  records.begin() + static_cast<std::ptrdiff_t>(taken));
  changed_.notify_one();
  return taken;
}

connect::Sink::Milliseconds HttpSink::collect(std::vector<Delivery>& outcomes) {
  const std::scoped_lock lock(mutex_);
  for (auto& outcome : outcomes_) outcomes.push_back(std::move(outcome));
  outcomes_.clear();
  given_back_ = 0;
  away_shown_ = away_;
  return kNotByItself;
}

// The request that is on its way ends within its time.
void HttpSink::abandon() {
  {
    const std::scoped_lock lock(mutex_);
    give_back_all("the task was paused");
  }
  callbacks_.on_ready();
}

void HttpSink::run() {
  pthread_setname_np(pthread_self(), "http-sink");
  Batch batch;
  while (take(batch)) deliver(batch);
}

bool HttpSink::take(Batch& batch) {
  batch.clear();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  if (stopping_) return false;
  std::size_t bytes = 0;
  while (!waiting_.empty() && batch.size() < settings_.batch_records) {
    bytes += size_of(waiting_.front());
    if (!batch.empty() && bytes > settings_.batch_bytes) break;
    batch.push_back(waiting_.front());
    waiting_.pop_front();
  }
  return true;
}

void HttpSink::deliver(const Batch& batch) {
  Outcomes outcomes;
  const std::span<const Record> all(batch);
  auto is_going_on = send(all, outcomes);
  const bool is_refused_whole =
      all.size() > 1 && is_going_on && verdict_of(last_status_) == Verdict::Rejected;
  if (is_refused_whole) {
    // Which one it is nobody said: each goes alone, and those that are good arrive.
    outcomes.clear();
    for (std::size_t i = 0; i < all.size() && is_going_on; ++i)
      is_going_on = send(all.subspan(i, 1), outcomes);
    for (auto i = outcomes.size(); i < all.size(); ++i)
      outcomes.push_back({.token = all[i].token,
                          .verdict = Verdict::RetryLater,
                          .reason = "one before it came back"});
  }
  {
    const std::scoped_lock lock(mutex_);
    for (auto& outcome : outcomes) {
      if (outcome.verdict == Verdict::RetryLater) ++given_back_;
      outcomes_.push_back(std::move(outcome));
    }
    if (given_back_ > 0) give_back_all("one before it came back");
    if (given_back_ == 0) away_.clear();
  }
  callbacks_.on_ready();
}

// Contract: mutex_ is held.
void HttpSink::give_back_all(const std::string& reason) {
  for (const auto& record : waiting_) {
    outcomes_.push_back({.token = record.token, .verdict = Verdict::RetryLater, .reason = reason});
    ++given_back_;
  }
  waiting_.clear();
}

bool HttpSink::send(std::span<const Record> records, Outcomes& outcomes) {
  const auto answer =
      channel_.exchange(request_of(records), std::chrono::steady_clock::now() + target_.timeout);
  const auto first = outcomes.size();
  if (answer) {
    last_status_ = answer->status;
    judge(records, *answer, outcomes);
  } else {
    for (const auto& record : records)
      outcomes.push_back({.token = record.token,
                          .verdict = Verdict::RetryLater,
                          .maybe_arrived = answer.error().maybe_arrived,
                          .reason = answer.error().error.detail});
  }
  const auto back =
      std::find_if(outcomes.begin() + static_cast<std::ptrdiff_t>(first), outcomes.end(),
                   [](const Delivery& each) { return each.verdict == Verdict::RetryLater; });
  if (back == outcomes.end()) return true;
  const std::scoped_lock lock(mutex_);
  away_ = back->reason;
  return false;
}

void HttpSink::judge(std::span<const Record> records, const io::HttpResponse& response,
                     Outcomes& outcomes) {
  std::vector<unsigned> statuses(records.size(), response.status);
  if (response.status >= 200 && response.status < 300 && records.size() > 1) {
    if (auto results = results_in(response.body, records.size())) statuses = std::move(*results);
  }
  std::vector<const Record*> back;
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto verdict = verdict_of(statuses[i]);
    // Those behind one that comes back come back, too: order is worth a repeat.
    const bool repeats = verdict != Verdict::RetryLater && is_behind(records[i], back);
    auto reason = verdict == Verdict::Delivered && !repeats
                      ? std::string()
                      : reason_of(statuses[i], response.body, target_.secrets);
    if (repeats) {
      reason = "one before it came back";
      verdict = Verdict::RetryLater;
    }
    if (verdict == Verdict::RetryLater) back.push_back(&records[i]);
    outcomes.push_back({.token = records[i].token,
                        .verdict = verdict,
                        .maybe_arrived = repeats,
                        .reason = std::move(reason)});
  }
  if (back.empty()) return;
  if (const auto pause = retry_after(response.header("Retry-After"))) {
    const std::scoped_lock lock(mutex_);
    not_before_ = std::chrono::steady_clock::now() + *pause;
  }
}

io::HttpRequest HttpSink::request_of(std::span<const Record> records) const {
  io::HttpRequest request{.method = settings_.method,
                          .url = {},
                          .headers = target_.headers,
                          .body = {},
                          .maximum_body_bytes = kLongestAnswer};
  if (!settings_.whole_records) {
    request.headers.emplace_back("Content-Type", settings_.content_type);
    for (const auto& [name, value] : records.front().headers)
      if (name == connect::kOrigins && is_header_text(value))
        request.headers.emplace_back(kOriginsHeader, value);
    request.body = records.front().value;
    return request;
  }
  request.headers.emplace_back("Content-Type", "application/json");
  request.body += '[';
  for (const auto& record : records) {
    if (request.body.size() > 1) request.body += ',';
    connect::append_record(request.body, record);
  }
  request.body += ']';
  return request;
}

}  // namespace sluice::connectors::http
