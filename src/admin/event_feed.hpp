#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>

#include "admin/event_kind.hpp"
#include "admin/history.hpp"
#include "admin/http.hpp"
#include "admin/kept_records.hpp"
#include "admin/live_stream.hpp"
#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/metrics.hpp"
#include "broker/event_listener.hpp"
#include "connect/progress.hpp"

namespace sluice::admin {

// What happens, on its way to those who listen and to what is kept: ADR 0052.
//
// Owns:    a queue of at most kMostWaiting events, a thread that carries them on; of each kind so
//          many a second are taken, the others are counted, and the next one says how many.
//          Documents `event/...`, at most as many as it was given. At most kMostStreams streams.
// Threads: any; none of it blocks who tells. start() and stop() from one.
class EventFeed final : public broker::EventListener {
 public:
  // A connection stays with each of them: of the 64 that one address may have, 16 stay free.
  static constexpr std::size_t kMostStreams = 48;
  static constexpr std::size_t kMostOfAccount = 16;
  static constexpr std::size_t kMostWaiting = 4096;
  // Of each kind: more than a person or a page can use, and little beside what the broker can do.
  static constexpr std::array<std::uint32_t, kKindsOfEvents> kPerSecond = {500, 500, 200, 200};
  // Events are carried on together, so that a worker wakes nobody for each of them.
  static constexpr std::chrono::milliseconds kCollect{100};
  static constexpr std::chrono::milliseconds kTick{1'000};  // while somebody listens
  static constexpr std::chrono::milliseconds kOverviewEvery{2'000};
  static constexpr std::chrono::milliseconds kKeepAliveEvery{15'000};
  static constexpr std::chrono::milliseconds kSampleEvery{History::kIntervalMs};

  static constexpr std::size_t kDefaultMaximum = 10'000;
  // Of those that are kept, so that what there is most of pushes out nothing else.
  static constexpr std::array<double, kKindsOfEvents> kShares = {0.35, 0.25, 0.15, 0.25};
  // Messages that tasks reject for the same reason are one event now and then, with their number.
  static constexpr std::chrono::milliseconds kRejectionsEvery{10'000};
  static constexpr std::size_t kMostReasons = 100;  // in that time; the others go by one name

  EventFeed(store::Store& store, const Clock& clock, metrics::Registry& registry,
            std::size_t maximum = kDefaultMaximum);
  ~EventFeed() override { stop(); }
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;

  // Before start().
  [[nodiscard]] Result<void> load();
  // Before start(): where figures for those who want `overview` come from. Asked on its thread.
  void set_overview(std::function<boost::json::object()> overview) {
    overview_ = std::move(overview);
  }
  // Before start(): called on its thread, at once and then at intervals, whoever listens.
  void set_sampler(std::function<void()> sampler) { sampler_ = std::move(sampler); }
  void start();
  void stop();  // ends all streams; idempotent
  // What its thread does each time, for tests.
  void round();

  // --- who tells
  [[nodiscard]] bool admits(broker::Event event) override;
  void take(broker::Event event, boost::json::object shown) override;
  void take_task(boost::json::object shown);
  void take_audit(const boost::json::object& record);
  void take_rejection(connect::TaskRejection rejection);

  // --- who asks later
  struct Query {
    std::optional<EventKind> kind = {};
    std::string event = {}, subject = {}, task_id = {};    // empty: any
    std::optional<std::int64_t> from_ms = {}, to_ms = {};  // then or later; before then
    std::uint64_t after = 0, before = UINT64_MAX;          // numbers
    std::size_t limit = 50;
    EventKinds kinds = EventKinds().set();
  };
  [[nodiscard]] Result<KeptRecords::Page> find(const Query& query) const;
  // Of a task: each reason with `event`, `count`, `first`, `last`, `message_id`.
  [[nodiscard]] Result<std::vector<boost::json::object>> errors_of(
      const std::string& task_id) const;

  // --- who listens
  struct Wanted {
    EventKinds kinds;
    std::string account;                      // whose it is
    std::optional<std::uint64_t> after = {};  // kept events behind this number come first
    std::function<bool()> is_allowed;  // asked every now and then: the stream ends with its login
  };
  [[nodiscard]] tl::expected<std::shared_ptr<LiveStream>, Problem> open(Wanted wanted);

 private:
  struct Taken {
    EventKind kind;
    std::uint64_t left_out = 0;  // of its kind, before it
    boost::json::object shown;
  };
  struct Kind {
    std::atomic<std::uint32_t> in_second{0};
    std::atomic<std::uint64_t> left_out{0};
    metrics::Counter* counted = nullptr;
  };
  using Streams = std::vector<std::weak_ptr<LiveStream>>;

  struct Told {
    EventKind kind;
    boost::json::object record;
  };
  struct Rejected {
    std::uint64_t count = 0;
    std::int64_t first_ms = 0, last_ms = 0;
    connect::TaskRejection example;
  };

  [[nodiscard]] bool admits(EventKind kind);
  void put(Taken taken);
  void leave_out(EventKind kind);
  void run();
  void tell(std::vector<Taken> taken);
  void keep(std::vector<Told>& told);
  void tell_rejections(std::chrono::steady_clock::time_point now);
  void tick(std::chrono::steady_clock::time_point now);
  void send(const Told& told);
  [[nodiscard]] std::vector<std::shared_ptr<LiveStream>> listeners(std::uint64_t told = 0);
  [[nodiscard]] std::string missed_events(const Wanted& wanted, std::uint64_t until) const;

  const Clock& clock_;
  KeptRecords records_;
  const bool keeps_;
  const std::size_t at_once_;  // are written
  std::function<boost::json::object()> overview_;
  std::function<void()> sampler_;
  std::array<Kind, kKindsOfEvents> kinds_;
  std::atomic<std::int64_t> second_{0};  // in which so many were taken
  metrics::Gauge& open_streams_;
  metrics::Counter& not_kept_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Taken> waiting_;
  bool stopping_ = false;

  struct Open {
    Streams streams;
    std::uint64_t told = 0;  // the number of the newest event that they have been told
  };
  Guarded<Open> open_;
  Guarded<std::map<std::pair<std::string, std::string>, Rejected>> rejected_;  // by task id, reason
  std::atomic<bool> is_listened_{false};
  std::atomic<bool> has_rejected_{false};
  // Of the thread:
  std::chrono::steady_clock::time_point ticked_, kept_alive_, overview_made_, rejections_told_,
      sampled_;
  std::thread thread_;
};

// What it counts, for the reference page.
void declare_event_metrics(metrics::Registry& registry);

}  // namespace sluice::admin
