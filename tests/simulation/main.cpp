// simulation [--seed N] [--episodes N] [--seconds N] [--steps N]: docs/design/simulation.md
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <unistd.h>

#include "base/log.hpp"
#include "simulation/world.hpp"

namespace {

using sluice::simulation::Totals;
using sluice::simulation::Violation;
using sluice::simulation::World;

struct Options {
  std::uint64_t seed = 0;
  bool is_random = true;
  std::uint64_t episodes = 0;  // 0: as many as fit
  std::uint64_t seconds = 60;
  std::uint64_t steps = 20'000;  // of an episode
  bool says_each = false;
  bool logs = false;
  std::string history;  // a file for it
};

bool read(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--each") {
      options.says_each = true;
      continue;
    }
    if (name == "--log") {
      options.logs = true;
      continue;
    }
    if (i + 1 == argc) return false;
    if (name == "--history") {
      options.history = argv[++i];
      continue;
    }
    char* end = nullptr;
    const auto value = std::strtoull(argv[++i], &end, 10);
    if (*end != '\0') return false;
    if (name == "--seed") {
      options.seed = value;
      options.is_random = false;
    } else if (name == "--episodes") {
      options.episodes = value;
    } else if (name == "--seconds") {
      options.seconds = value;
    } else if (name == "--steps" && value > 0) {
      options.steps = value;
    } else {
      return false;
    }
  }
  return true;
}

std::string scratch_directory() {
  const bool has_memory = std::filesystem::is_directory("/dev/shm");
  const std::filesystem::path base =
      has_memory ? "/dev/shm" : std::filesystem::temp_directory_path();
  return (base / ("sluice-simulation-" + std::to_string(::getpid()))).string();
}

void print(const Totals& totals, double seconds) {
  const auto number = [](const char* name, std::uint64_t value) {
    std::printf("  %-24s %llu\n", name, static_cast<unsigned long long>(value));
  };
  number("episodes", totals.episodes);
  number("steps", totals.steps);
  number("processes killed", totals.kills);
  number("power cuts", totals.power_cuts);
  number("killed while starting", totals.kills_while_starting);
  number("stopped cleanly", totals.clean_stops);
  number("views lost", totals.views_lost);
  number("disk operations", totals.disk_operations);
  number("of them failed", totals.disk_failures);
  number("pieces of writes lost", totals.pieces_lost);
  number("of them torn", totals.torn);
  number("connections broken", totals.connections_broken);
  number("subscriptions changed", totals.subscriptions_changed);
  number("reads of files", totals.files_asked_for);
  number("messages acknowledged", totals.acknowledged);
  number("deliveries", totals.delivered);
  std::printf("  %-24s %.1f\n", "seconds", seconds);
  std::printf("  %-24s %016llx\n", "trace", static_cast<unsigned long long>(totals.trace));
}

// For the summary of a run of all tests (tools/test_report.py).
void print_report(const Totals& totals, std::uint64_t seed, double seconds) {
  std::printf(
      "report: seeds from %llu, %llu episodes, %llu steps, %llu kills, %llu power cuts, %llu "
      "pieces "
      "of writes lost, %llu torn, %llu messages acknowledged, %.0f s\n",
      static_cast<unsigned long long>(seed), static_cast<unsigned long long>(totals.episodes),
      static_cast<unsigned long long>(totals.steps), static_cast<unsigned long long>(totals.kills),
      static_cast<unsigned long long>(totals.power_cuts),
      static_cast<unsigned long long>(totals.pieces_lost),
      static_cast<unsigned long long>(totals.torn),
      static_cast<unsigned long long>(totals.acknowledged), seconds);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read(argc, argv, options)) {
    std::fprintf(stderr,
                 "simulation [--seed N] [--episodes N] [--seconds N] [--steps N] [--each] [--log]\n"
                 "  --seed      of the first episode; the next has the next. Random otherwise\n"
                 "  --episodes  how many; otherwise as many as fit into --seconds (60)\n"
                 "  --steps     of an episode (20000)\n"
                 "  --each      one line for each episode\n"
                 "  --log       the server's log lines\n"
                 "  --history   a file for the history\n");
    return 2;
  }
  if (options.is_random) options.seed = std::random_device()() % 1'000'000'000;
  if (!options.logs) sluice::log::set_level(sluice::log::Level::Error);
  static_cast<void>(
      sluice::log::set_up(options.logs ? sluice::log::Level::Debug : sluice::log::Level::Error,
                          sluice::log::Format::Text, options.logs ? "" : "/dev/null"));
  std::printf("seed %llu, %llu steps an episode\n", static_cast<unsigned long long>(options.seed),
              static_cast<unsigned long long>(options.steps));
  std::fflush(stdout);
  const auto begin = std::chrono::steady_clock::now();
  const auto passed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  Totals totals;
  for (std::uint64_t i = 0;
       options.episodes != 0 ? i < options.episodes
                             : i == 0 || passed() < static_cast<double>(options.seconds);
       ++i) {
    const auto seed = options.seed + i;
    World world(seed, options.steps, scratch_directory());
    if (!options.history.empty()) world.write_history(options.history);
    Violation::context = [&] {
      return world.history() + "again: simulation --seed " + std::to_string(seed) +
             " --episodes 1 --steps " + std::to_string(options.steps);
    };
    const auto episode = world.run();
    if (options.says_each) {
      std::printf("seed %llu: %llu steps, trace %016llx\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(episode.steps),
                  static_cast<unsigned long long>(episode.trace));
      std::fflush(stdout);
    }
    totals.add(episode);
  }
  print(totals, passed());
  print_report(totals, options.seed, passed());
  return 0;
}
