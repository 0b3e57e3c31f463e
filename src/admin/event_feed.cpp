#include "admin/event_feed.hpp"

#include <algorithm>
#include <cstdlib>

#include "admin/event_record.hpp"
#include "base/json_text.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

metrics::Declaration left_out() {
  return {.name = "sluice_events_left_out_total",
          .help =
              "Events that neither `GET /events` nor `GET /stream` has, because there were too "
              "many, by kind.",
          .labels = {"kind"}};
}

metrics::Declaration not_kept() {
  return {.name = "sluice_events_not_kept_total",
          .help =
              "Events that `GET /stream` had, but `GET /events` has not, because the log took "
              "nothing."};
}

metrics::Declaration open_streams() {
  return {.name = "sluice_streams",
          .help = "Clients that listen to `GET /stream`.",
          .kind = metrics::Kind::Gauge};
}

}  // namespace

void declare_event_metrics(metrics::Registry& registry) {
  registry.declare(left_out());
  registry.declare(not_kept());
  registry.declare(open_streams());
}

EventFeed::EventFeed(store::Store& store, const Clock& clock, metrics::Registry& registry,
                     std::size_t maximum)
    : clock_(clock),
      records_(store, "event/", maximum, {kShares.begin(), kShares.end()}),
      keeps_(maximum > 0),
      at_once_(std::clamp<std::size_t>(maximum / 20, 1, 100)),
      open_streams_(registry.gauge(open_streams())),
      not_kept_(registry.counter(not_kept())) {
  for (std::size_t i = 0; i < kinds_.size(); ++i)
    kinds_.at(i).counted =
        &registry.counter(left_out(), {{"kind", std::string(kEventKindNames.at(i))}});
}

Result<void> EventFeed::load() {
  SL_TRY_VOID(records_.load([](const json::object& record) {
    const auto kind = event_kind_of(text_at(record, "kind"));
    return kind && index_of(*kind) < kKindsOfEvents ? index_of(*kind)
                                                    : index_of(EventKind::Messages);
  }));
  // Fewer than a thousand come in a second, so numbers of milliseconds are never given twice, even
  // when the last ones before a kill were told, but not kept.
  records_.skip_to(static_cast<std::uint64_t>(clock_.wall_ms()));
  open_.with([&](Open& open) { open.told = records_.last(); });
  return {};
}

void EventFeed::start() {
  thread_ = std::thread([this] { run(); });
}

void EventFeed::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  round();
  tell_rejections(clock_.steady());
  for (const auto& stream : listeners()) stream->end("server_stopping");
}

void EventFeed::run() {
  std::unique_lock lock(mutex_);
  const auto is_over = [this] { return stopping_; };
  while (!stopping_) {
    const bool has_reader = is_listened_ || has_rejected_;
    changed_.wait_for(lock, has_reader ? kTick : kSampleEvery, [&] {
      return stopping_ || !waiting_.empty() || (!has_reader && (is_listened_ || has_rejected_));
    });
    if (!waiting_.empty()) changed_.wait_for(lock, kCollect, is_over);
    lock.unlock();
    round();
    lock.lock();
  }
}

bool EventFeed::admits(broker::Event event) {
  return admits(kind_of(event));
}

bool EventFeed::admits(EventKind kind) {
  if (!keeps_ && !is_listened_.load(std::memory_order_relaxed)) return false;
  const auto second =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.steady().time_since_epoch()).count();
  if (second_.exchange(second, std::memory_order_relaxed) != second)
    for (auto& each : kinds_) each.in_second.store(0, std::memory_order_relaxed);
  const auto index = index_of(kind);
  if (kinds_.at(index).in_second.fetch_add(1, std::memory_order_relaxed) < kPerSecond.at(index))
    return true;
  leave_out(kind);
  return false;
}

void EventFeed::leave_out(EventKind kind) {
  auto& of_kind = kinds_.at(index_of(kind));
  of_kind.left_out.fetch_add(1, std::memory_order_relaxed);
  of_kind.counted->add();
}

void EventFeed::take(broker::Event event, json::object shown) {
  put({.kind = kind_of(event), .shown = std::move(shown)});
}

void EventFeed::take_task(json::object shown) {
  if (admits(EventKind::Tasks)) put({.kind = EventKind::Tasks, .shown = std::move(shown)});
}

void EventFeed::take_audit(const json::object& record) {
  if (is_listened_) put({.kind = EventKind::Audit, .shown = record});
}

void EventFeed::put(Taken taken) {
  const bool is_event = index_of(taken.kind) < kKindsOfEvents;
  const std::scoped_lock lock(mutex_);
  if (stopping_) return;
  if (waiting_.size() >= kMostWaiting) {
    if (is_event) leave_out(taken.kind);
    return;
  }
  if (is_event) taken.left_out = kinds_.at(index_of(taken.kind)).left_out.exchange(0);
  waiting_.push_back(std::move(taken));
  if (waiting_.size() == 1) changed_.notify_one();
}

void EventFeed::round() {
  std::vector<Taken> taken;
  {
    const std::scoped_lock lock(mutex_);
    taken.swap(waiting_);
  }
  tell(std::move(taken));
  const auto now = clock_.steady();
  if (now - rejections_told_ >= kRejectionsEvery) tell_rejections(now);
  if (is_listened_ && now - ticked_ >= kTick) tick(now);
  if (sampler_ && now - sampled_ >= kSampleEvery) {
    sampled_ = now;
    sampler_();
  }
}

void EventFeed::tell(std::vector<Taken> taken) {
  std::vector<Told> told;
  for (auto& each : taken) {
    if (each.kind == EventKind::Audit) {
      told.push_back({.kind = each.kind, .record = std::move(each.shown)});
      continue;
    }
    auto record = event_record(each.kind, each.shown);
    if (each.left_out > 0) record["left_out"] = each.left_out;
    told.push_back({.kind = each.kind, .record = std::move(record)});
  }
  keep(told);
  for (const auto& each : told) send(each);
}

// A few at a time: there are never more than there may be, and those that come make room among
// their own kind.
void EventFeed::keep(std::vector<Told>& told) {
  std::vector<KeptRecords::New> fresh;
  const auto add = [&] {
    if (!records_.add(fresh, true)) not_kept_.add(fresh.size());
    fresh.clear();
  };
  for (auto& each : told) {
    if (index_of(each.kind) >= kKindsOfEvents) continue;
    fresh.push_back({.record = &each.record, .part = index_of(each.kind)});
    if (fresh.size() == at_once_) add();
  }
  if (!fresh.empty()) add();
}

void EventFeed::send(const Told& told) {
  const auto number = std::strtoull(text_at(told.record, "id").c_str(), nullptr, 10);
  const bool is_event = index_of(told.kind) < kKindsOfEvents;
  std::string text;
  for (const auto& stream : listeners(is_event ? number : 0)) {
    if (!stream->wants(told.kind)) continue;
    if (text.empty()) text = server_sent(told.kind, told.record);
    stream->add(text);
  }
}

void EventFeed::take_rejection(connect::TaskRejection rejection) {
  if (!keeps_ && !is_listened_) return;
  const auto now = clock_.wall_ms();
  rejected_.with([&](auto& all) {
    auto key = std::pair(rejection.task_id, rejection.reason);
    if (all.size() >= kMostReasons && !all.contains(key)) {
      rejection.reason = "other reasons";
      key.second = rejection.reason;
    }
    auto& of_reason = all[std::move(key)];
    if (++of_reason.count == 1) of_reason.first_ms = now;
    of_reason.last_ms = now;
    of_reason.example = std::move(rejection);
  });
  if (has_rejected_.exchange(true)) return;
  const std::scoped_lock lock(mutex_);  // else it might begin to wait now
  changed_.notify_one();
}

void EventFeed::tell_rejections(steady_clock::time_point now) {
  has_rejected_ = false;
  const auto all = rejected_.with([](auto& rejected) { return std::exchange(rejected, {}); });
  if (all.empty()) return;
  rejections_told_ = now;
  std::vector<Taken> taken;
  for (const auto& [key, each] : all)
    taken.push_back({.kind = EventKind::Tasks,
                     .shown = {{"event", "task.rejected"},
                               {"task", each.example.task},
                               {"task_id", each.example.task_id},
                               {"reason", each.example.reason},
                               {"count", each.count},
                               {"first", broker::rfc3339(each.first_ms)},
                               {"last", broker::rfc3339(each.last_ms)},
                               {"message_id", each.example.message_id},
                               {"timestamp", each.last_ms}}});
  tell(std::move(taken));
}

void EventFeed::tick(steady_clock::time_point now) {
  ticked_ = now;
  const bool is_quiet = now - kept_alive_ >= kKeepAliveEvery;
  bool wants_overview = false;
  for (const auto& stream : listeners()) {
    if (!stream->is_allowed()) {
      stream->end("session_ended");
      continue;
    }
    if (is_quiet) stream->keep_alive();
    wants_overview |= stream->wants(EventKind::Overview);
  }
  if (is_quiet) kept_alive_ = now;
  if (!wants_overview || !overview_ || now - overview_made_ < kOverviewEvery) return;
  overview_made_ = now;
  send({.kind = EventKind::Overview, .record = overview_()});
}

// `told`: what they are about to be told.
std::vector<std::shared_ptr<LiveStream>> EventFeed::listeners(std::uint64_t told) {
  return open_.with([&](Open& open) {
    std::erase_if(open.streams, [](const auto& stream) { return stream.expired(); });
    open_streams_.set(static_cast<double>(open.streams.size()));
    is_listened_ = !open.streams.empty();
    open.told = std::max(open.told, told);
    std::vector<std::shared_ptr<LiveStream>> found;
    for (const auto& weak : open.streams) {
      if (auto stream = weak.lock()) found.push_back(std::move(stream));
    }
    return found;
  });
}

}  // namespace sluice::admin
