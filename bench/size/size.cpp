// Fills the log of a data directory through the store, or reads it, and says what that cost: the
// part of `./dev bench size` that a client cannot do fast enough.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "store/embedded/engine.hpp"

namespace sluice::size {
namespace {

struct Options {
  std::string data;
  std::string filter = "#";
  bool fsync = true;
  std::uint64_t messages = 1'000'000;
  std::size_t payload = 32;
  std::size_t batch = 64;          // messages of one turn of a worker
  std::uint64_t waiting = 512;     // KiB that may wait for the disk
  std::uint64_t newest = 100'000;  // messages: where they begin is told
  std::uint64_t rare = 1'000;      // messages, evenly between the others, of a topic of their own
  std::uint64_t after = 0;         // a position: read from there
};

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "sluice_size: %s\n", what.c_str());
  std::exit(1);
}

template <class Value>
Value checked(Result<Value> result) {
  if (!result) give_up(result.error().detail);
  return std::move(*result);
}

std::unique_ptr<store::Store> open(const Options& options, FileSystem& files, const Clock& clock) {
  store::EmbeddedOptions engine;
  engine.directory = options.data;
  using Durability = store::EmbeddedOptions::Durability;
  engine.durability = options.fsync ? Durability::Fsync : Durability::Os;
  return checked(store::open_embedded(files, clock, engine));
}

// What the messages are about: 1,024 devices under sixteen first levels, and the rare one.
struct Topics {
  std::vector<std::string> of_devices;
  std::string rare = "rare/device/alarm";

  Topics() {
    for (int i = 0; i < 1024; ++i) {
      of_devices.push_back("plant-" + std::to_string(i % 16) + "/device-" + std::to_string(i) +
                           "/state");
    }
  }
};

// Of one device after the other, from half to one and a half of the size asked for: topics and
// sizes differ as they do in life, and so do the distances that the index keeps.
store::NewMessage message(const Topics& topics, const Options& options, std::uint64_t number,
                          std::string_view bytes) {
  const std::uint64_t mixed = number * 0x9e3779b97f4a7c15ULL >> 32;
  const std::uint64_t every = std::max<std::uint64_t>(options.messages / options.rare, 1);
  store::NewMessage message;
  message.topic = topics.of_devices[mixed % topics.of_devices.size()];
  if (number % every == every / 2) message.topic = topics.rare;
  message.payload = bytes.substr(0, options.payload / 2 + mixed / 16 % (options.payload + 1));
  message.client_id = "publisher-1";
  message.host = "192.0.2.1";
  message.qos = 1;
  return message;
}

// Ends as a killed process does.
[[noreturn]] void fill(const Options& options) {
  const auto files = posix_file_system();
  const SystemClock clock;
  auto store = open(options, *files, clock);
  const auto queue = checked(store->open_queue(options.filter, true)).id;
  const std::string bytes(options.payload * 2, 'x');
  const Topics topics;
  const auto begin = Steady::now();
  const double cpu = cpu_seconds();
  std::uint64_t newest_after = 0;
  for (std::uint64_t done = 0; done < options.messages;) {
    if (options.messages - done >= options.newest) newest_after = store->head().get();
    const auto batch = store->new_batch();
    for (std::size_t i = 0; i < options.batch && done < options.messages; ++i, ++done) {
      batch->add_message(message(topics, options, done, bytes), {&queue, 1});
    }
    const auto appended = store->append(batch);
    if (!appended) give_up(appended.error().detail);
    // Publishers wait for acknowledgements: so much is under way at once, and no more.
    const std::uint64_t waiting = appended->get() - store->durable().get();
    if (waiting > options.waiting << 10 && waiting < 1ULL << 32) {
      const auto durable =
          store->wait_durable(store::Position(appended->get() - (options.waiting << 9)));
      if (!durable) give_up(durable.error().detail);
    }
  }
  if (const auto durable = store->wait_durable(store->head()); !durable) {
    give_up(durable.error().detail);
  }
  const double took = seconds_since(begin);
  const double used = cpu_seconds() - cpu;
  const auto count = static_cast<double>(options.messages);
  std::printf(
      "{\"messages\": %llu, \"seconds\": %.3f, \"append_us\": %.4f, \"append_cpu_us\": %.4f, "
      "\"log_bytes\": %llu, \"checkpoints\": %llu, \"rss_bytes\": %llu, \"newest_after\": "
      "%llu}\n",
      static_cast<unsigned long long>(options.messages), took, took / count * 1e6,
      used / count * 1e6, static_cast<unsigned long long>(store->statistics().log_bytes),
      static_cast<unsigned long long>(store->statistics().checkpoints),
      static_cast<unsigned long long>(resident_bytes()),
      static_cast<unsigned long long>(newest_after));
  std::fflush(stdout);
  ::raise(SIGKILL);
  std::abort();
}

// From files: a store that was just opened has nothing in memory.
void read(const Options& options) {
  const auto files = posix_file_system();
  const SystemClock clock;
  const auto opening = Steady::now();
  auto store = open(options, *files, clock);
  const double opened = seconds_since(opening);
  const std::uint64_t rss = resident_bytes();
  const auto queue = checked(store->open_queue(options.filter, true)).id;
  store::ReadRequest request;
  request.queues = {&queue, 1};
  request.after = store::Position(options.after);
  const auto begin = Steady::now();
  const double cpu = cpu_seconds();
  double first = 0;
  std::uint64_t count = 0;
  while (count < options.messages) {
    const auto result = checked(store->read(request));
    if (count == 0) first = seconds_since(begin);
    count += result.entries.size();
    request.after = result.next;
    if (result.at_end) break;
  }
  if (count == 0) give_up("nothing stands there");
  const double took = seconds_since(begin);
  const double used = cpu_seconds() - cpu;
  std::printf(
      "{\"read\": %llu, \"open_seconds\": %.4f, \"open_rss_bytes\": %llu, \"first_ms\": %.3f, "
      "\"read_us\": %.4f, \"read_cpu_us\": %.4f}\n",
      static_cast<unsigned long long>(count), opened, static_cast<unsigned long long>(rss),
      first * 1e3, took / static_cast<double>(count) * 1e6,
      used / static_cast<double>(count) * 1e6);
}

}  // namespace
}  // namespace sluice::size

int main(int argc, char** argv) {
  CLI::App app("Fills and reads the log of a data directory, without a server");
  sluice::size::Options options;
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* help) {
    auto* command = app.add_subcommand(name, help);
    command->add_option("--data", options.data)->required();
    command->add_option("--filter", options.filter);
    command->add_option("--messages", options.messages);
    command->add_option("--payload", options.payload);
    return command;
  };
  auto* fill = add("fill", "appends messages, then ends as if killed");
  fill->add_option("--batch", options.batch);
  fill->add_flag("!--os", options.fsync);
  fill->add_option("--newest", options.newest, "where so many before the end begin is told");
  fill->add_option("--rare", options.rare, "so many of a topic of their own")
      ->check(CLI::PositiveNumber);
  auto* read = add("read", "opens the store and reads the queue from files");
  read->add_option("--after", options.after, "position; 0: from the oldest");
  CLI11_PARSE(app, argc, argv);
  if (*fill) sluice::size::fill(options);
  sluice::size::read(options);
  return 0;
}
