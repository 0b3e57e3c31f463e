// A load generator for MQTT servers: one thread, one epoll, publishers and subscribers of one kind.
//
//   sluice_load --port 1883 --pid SERVER --publishers 100 --subscribers 1 --qos 1 --seconds 10
//
// What each figure means stands in README.md beside this file.
#include <cstdio>
#include <exception>
#include <sys/resource.h>

#include "load/runs.hpp"

namespace sluice::load {
namespace {

int run(const Options& options) {
  if (options.idle != 0) return run_idle(options);
  if (options.connects > 0) return run_connects(options);
  if (options.sessions != 0) return run_sessions(options);
  return options.offline ? run_offline(options) : run_flow(options);
}

void settle_options(Options& options) {
  if (options.one_per_write) options.batch = 1;
}

void allow_many_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace sluice::load

int main(int argc, char** argv) {
  CLI::App app{"Load for an MQTT server"};
  sluice::load::Options options;
  sluice::load::declare(app, options);
  CLI11_PARSE(app, argc, argv);
  sluice::load::settle_options(options);
  sluice::load::allow_many_files();
  try {
    return sluice::load::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice_load: %s\n", error.what());
    return 2;
  }
}
