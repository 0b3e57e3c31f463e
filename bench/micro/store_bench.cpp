// What the store costs per message: appending with and without a disk, reading from the cache.
// cpu/msg is the CPU spent for each message: of the whole process where commits are part of it, of
// the calling thread otherwise. items_per_second goes by the clock in the column Time.
#include <cstdlib>
#include <ctime>
#include <deque>
#include <filesystem>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <benchmark/benchmark.h>

#include "store/embedded/engine.hpp"
#include "store/embedded/topic_summary.hpp"
#include "store/find.hpp"

namespace sluice::store {
namespace {

// A disk that costs no CPU and answers as fast as a good one: what is left is the engine's own
// work.
class NoFile final : public File {
 public:
  Result<std::size_t> read_at(std::uint64_t, char*, std::size_t) const override { return 0; }
  Result<void> write_at(std::uint64_t, std::span<const iovec>) override { return {}; }
  Result<void> sync() override {
    const timespec time{0, 200'000};
    ::nanosleep(&time, nullptr);
    return {};
  }
  Result<void> truncate(std::uint64_t) override { return {}; }
  Result<std::uint64_t> size() const override { return 0; }
};

class NoFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string&, Mode) override {
    return std::make_unique<NoFile>();
  }
  Result<std::vector<std::string>> list(const std::string&) override {
    return std::vector<std::string>();
  }
  Result<void> create_directories(const std::string&) override { return {}; }
  Result<void> rename(const std::string&, const std::string&) override { return {}; }
  Result<void> remove(const std::string&) override { return {}; }
  Result<void> sync_directory(const std::string&) override { return {}; }
  Result<std::uint64_t> free_bytes(const std::string&) override { return UINT64_MAX / 2; }
  Result<std::uint64_t> total_bytes(const std::string&) override { return UINT64_MAX / 2; }
};

enum class Disk : std::uint8_t { None, Os, Fsync };

class Bench {
 public:
  explicit Bench(Disk disk) {
    const char* base = std::getenv("SLUICE_BENCH_DIR");
    directory_ = std::string(base != nullptr ? base : "/tmp") + "/sluice-store-bench-" +
                 std::to_string(::getpid());
    std::filesystem::remove_all(directory_);
    if (disk == Disk::None) {
      files_ = std::make_unique<NoFileSystem>();
    } else {
      files_ = posix_file_system();
    }
    EmbeddedOptions options;
    options.directory = directory_;
    options.durability =
        disk == Disk::Os ? EmbeddedOptions::Durability::Os : EmbeddedOptions::Durability::Fsync;
    options.cache_bytes = 64 << 20;
    auto opened = open_embedded(*files_, clock_, options);
    if (!opened) std::abort();
    store = std::move(*opened);
    const auto made = store->open_queue("plant/+/state", true);
    if (!made) std::abort();
    queue = made->id;
    message.topic = "plant/17/state";
    message.payload = payload_;
    message.client_id = "meter-000017";
    message.host = "192.0.2.117";
    message.username = "meters";
    message.has_username = true;
    message.qos = 1;
    // A server that has run for a while: its cache is full, its memory is its own.
    if (disk == Disk::None) {
      while (store->statistics().bytes_appended < 2 * options.cache_bytes) append(64);
    }
  }

  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    store.reset();
    std::filesystem::remove_all(directory_);
  }

  BatchPtr append(std::int64_t messages) {
    while (true) {
      BatchPtr batch = store->new_batch();
      for (std::int64_t i = 0; i < messages; ++i) batch->add_message(message, {&queue, 1});
      if (store->append(batch)) return batch;
      // The log is behind: wait for it, as an event loop does by not reading.
      static_cast<void>(store->wait_durable(store->head()));
    }
  }

 private:
  std::string directory_;
  std::string payload_ = std::string(256, 'p');
  std::unique_ptr<FileSystem> files_;
  SystemClock clock_;

 public:
  NewMessage message;
  QueueId queue;
  std::unique_ptr<Store> store;
};

// CPU that was really spent, whatever clock the benchmark itself goes by.
class CpuMeter {
 public:
  explicit CpuMeter(int who) : who_(who), begin_(used()) {}
  [[nodiscard]] double seconds() const { return used() - begin_; }

 private:
  [[nodiscard]] double used() const {
    rusage usage{};
    ::getrusage(who_, &usage);
    const auto sum = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return sum(usage.ru_utime) + sum(usage.ru_stime);
  }

  int who_;
  double begin_;
};

void report(benchmark::State& state, std::int64_t messages, const CpuMeter& cpu) {
  state.SetItemsProcessed(messages);
  state.counters["cpu/msg"] = cpu.seconds() / static_cast<double>(messages);
}

void report_commits(benchmark::State& state, const Bench& bench) {
  const Statistics statistics = bench.store->statistics();
  state.counters["msg/commit"] =
      static_cast<double>(statistics.messages_appended) /
      static_cast<double>(std::max<std::uint64_t>(statistics.commits, 1));
}

// The appending thread alone: what an event loop pays.
void append_thread(benchmark::State& state) {
  Bench bench(Disk::None);
  const CpuMeter cpu(RUSAGE_THREAD);
  for (auto _ : state) bench.append(state.range(0));
  report(state, state.iterations() * state.range(0), cpu);
}
BENCHMARK(append_thread)->Arg(16)->Arg(64)->Arg(256);

// No more is under way than so many batches: what the clock did not see become durable is little.
constexpr std::size_t kUnderWay = 64;

void append(benchmark::State& state, Disk disk) {
  Bench bench(disk);
  std::deque<Position> ends;
  const CpuMeter cpu(RUSAGE_SELF);
  for (auto _ : state) {
    ends.push_back(bench.append(state.range(0))->end());
    if (ends.size() <= kUnderWay) continue;
    if (!bench.store->wait_durable(ends.front())) std::abort();
    ends.pop_front();
  }
  report(state, state.iterations() * state.range(0), cpu);
  report_commits(state, bench);
}
BENCHMARK_CAPTURE(append, no_disk, Disk::None)->Arg(16)->Arg(64)->Arg(256)->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(append, os, Disk::Os)
    ->Arg(16)
    ->Arg(64)
    ->Arg(256)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(append, fsync, Disk::Fsync)
    ->Arg(16)
    ->Arg(64)
    ->Arg(256)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// One batch at a time: what a lone publisher waits for.
void append_and_wait(benchmark::State& state) {
  Bench bench(Disk::Fsync);
  const CpuMeter cpu(RUSAGE_SELF);
  for (auto _ : state) {
    if (!bench.store->wait_durable(bench.append(state.range(0))->end())) std::abort();
  }
  report(state, state.iterations() * state.range(0), cpu);
}
BENCHMARK(append_and_wait)->Arg(1)->Arg(64)->MeasureProcessCPUTime()->UseRealTime();

// A task that starts before its queue: every record of the log is looked at, one in so many wanted.
void scan_log(benchmark::State& state) {
  Bench bench(Disk::Os);
  constexpr std::int64_t kMessages = 1'000'000;
  for (std::int64_t i = 0; i < kMessages; i += 64) {
    bench.message.topic = i / 64 % state.range(0) == 0 ? "plant/17/state" : "other/17/state";
    bench.append(64);
  }
  if (!bench.store->wait_durable(bench.store->head())) std::abort();
  const std::vector<std::string> filters{"plant/+/state"};
  const Position before(bench.store->head().get() - 1);
  std::int64_t found = 0;
  const CpuMeter cpu(RUSAGE_THREAD);
  for (auto _ : state) {
    ScanRequest request{.filters = filters, .after = {}, .before = before};
    bool at_end = false;
    while (!at_end) {
      const auto result = bench.store->scan_log(request);
      if (!result) std::abort();
      found += static_cast<std::int64_t>(result->entries.size());
      request.after = result->next;
      at_end = result->at_end;
    }
  }
  report(state, state.iterations() * kMessages, cpu);
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(bench.store->statistics().log_bytes));
  state.counters["found"] = static_cast<double>(found) / static_cast<double>(state.iterations());
}
BENCHMARK(scan_log)->Arg(1)->Arg(100)->UseRealTime()->Unit(benchmark::kMillisecond);

// What the index of topics costs each message: one topic for all of a batch, and a topic each.
void index_topics(benchmark::State& state) {
  std::vector<std::string> topics;
  for (std::int64_t i = 0; i < 4096; ++i) {
    const auto device = state.range(0) == 1 ? 17 : i * 7919 % 100'000;
    topics.push_back("plant/" + std::to_string(device % 40) + "/device-" + std::to_string(device) +
                     "/state");
  }
  constexpr std::size_t kBatch = 64;
  embedded::TopicFilter filter;
  std::size_t at = 0;
  std::int64_t messages = 0;
  for (auto _ : state) {
    embedded::TopicItems items;
    items.reserve(kBatch);
    const std::string* last = nullptr;
    for (std::size_t i = 0; i < kBatch; ++i) {
      const std::string& topic = topics[at++ % topics.size()];
      if (last == nullptr || *last != topic) items.add(topic);
      last = &topic;
    }
    filter.add(items.items());
    messages += kBatch;
    if (messages % 4096 == 0) {  // about a block's worth
      benchmark::DoNotOptimize(filter.folded());
      filter.begin(static_cast<std::uint64_t>(messages));
    }
  }
  state.SetItemsProcessed(messages);
}
BENCHMARK(index_topics)->Arg(1)->Arg(100'000);

// A log to be searched, made once: SLUICE_BENCH_MESSAGES of them (a million), 100 bytes each, of
// 50,000 devices; one in a million is an alarm.
struct Archive {
  Bench bench{Disk::Os};
  std::int64_t messages = 1'000'000;
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;

  Archive() {
    if (const char* wanted = std::getenv("SLUICE_BENCH_MESSAGES")) messages = std::atoll(wanted);
    std::string payload(100, 'p');
    begin_ms = SystemClock().wall_ms();
    for (std::int64_t i = 0; i < messages; i += 64) append(i, payload);
    if (!bench.store->wait_durable(bench.store->head())) std::abort();
    end_ms = SystemClock().wall_ms();
  }

  void append(std::int64_t first, const std::string& payload) {
    while (true) {
      const BatchPtr batch = bench.store->new_batch();
      for (std::int64_t i = first; i < first + 64; ++i) {
        const auto device = i * 7919 % 50'000;
        const std::string topic = "plant/" + std::to_string(device % 40) + "/device-" +
                                  std::to_string(device) +
                                  (i % 1'000'000 == 777'777 ? "/alarm" : "/state");
        auto message = bench.message;
        message.topic = topic;
        message.payload = payload;
        batch->add_message(message, {});
      }
      if (bench.store->append(batch)) return;
      static_cast<void>(bench.store->wait_durable(bench.store->head()));
    }
  }
};

Archive& archive() {
  static Archive made;
  return made;
}

// One page of 50, as a person asks for it: calls until it is full or the log ends.
void find_page(benchmark::State& state, const std::string& filter, bool newest_first,
               double part_of_time) {
  Archive& made = archive();
  const auto span = static_cast<double>(made.end_ms - made.begin_ms);
  std::uint64_t scanned = 0;
  std::uint64_t found = 0;
  std::uint64_t calls = 0;
  for (auto _ : state) {
    FindRequest request{.filter = filter, .newest_first = newest_first};
    if (part_of_time > 0) {
      request.from_ms = made.begin_ms + static_cast<std::int64_t>(span / 2);
      request.before_ms = *request.from_ms + static_cast<std::int64_t>(span * part_of_time);
    }
    while (true) {
      const auto result = made.bench.store->find(request);
      if (!result) std::abort();
      ++calls;
      scanned += result->scanned_bytes;
      found += result->messages.size();
      request.maximum_messages -= result->messages.size();
      request.beyond = result->next;
      if (result->at_end || request.maximum_messages == 0) break;
    }
  }
  const auto runs = static_cast<double>(state.iterations());
  state.counters["scanned"] = static_cast<double>(scanned) / runs;
  state.counters["found"] = static_cast<double>(found) / runs;
  state.counters["calls"] = static_cast<double>(calls) / runs;
  state.counters["log"] = static_cast<double>(made.bench.store->statistics().log_bytes);
}
BENCHMARK_CAPTURE(find_page, newest_of_all, "", true, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_page, newest_of_a_device, "plant/17/device-17/#", true, 0)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_page, a_device_in_a_thousandth_of_the_time, "plant/17/device-17/state",
                  false, 0.001)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_page, alarms, "plant/+/+/alarm", true, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_page, what_is_not_there, "other/#", true, 0)->Unit(benchmark::kMillisecond);

// What no index helps with: one call reads its share.
void find_unknown(benchmark::State& state) {
  Archive& made = archive();
  for (auto _ : state) {
    const auto result = made.bench.store->find({.filter = "+/+/+/+/+", .newest_first = true});
    if (!result || !result->messages.empty()) std::abort();
    state.counters["scanned"] = static_cast<double>(result->scanned_bytes);
  }
}
BENCHMARK(find_unknown)->Unit(benchmark::kMillisecond);

void read_cached(benchmark::State& state) {
  Bench bench(Disk::Os);
  constexpr int kMessages = 100'000;
  for (int i = 0; i < kMessages / 100; ++i) bench.append(100);
  ReadRequest request;
  request.queues = {&bench.queue, 1};
  request.maximum_messages = static_cast<std::size_t>(state.range(0));
  std::int64_t messages = 0;
  const CpuMeter cpu(RUSAGE_THREAD);
  for (auto _ : state) {
    auto result = bench.store->read_cached(request);
    if (!result) std::abort();
    messages += static_cast<std::int64_t>(result->entries.size());
    request.after = result->at_end ? Position() : result->next;
    benchmark::DoNotOptimize(result);
  }
  report(state, messages, cpu);
}
BENCHMARK(read_cached)->Arg(16)->Arg(64)->Arg(256);

}  // namespace
}  // namespace sluice::store
