#include <algorithm>

#include "load/flow.hpp"
#include "load/report.hpp"
#include "load/runs.hpp"

namespace sluice::load {
namespace {

// The counters at one moment; what lies between two of them was measured.
struct Sample {
  std::uint64_t at_ns = 0;
  std::uint64_t published = 0;  // acknowledged, or sent with QoS 0
  std::uint64_t received = 0;
  Usage server;
  double generator_cpu = 0;
  double machine_cpu = 0;
};

Sample sample(const Options& options, const Flow& flow) {
  const auto& totals = flow.totals;
  return {.at_ns = now_ns(),
          .published = options.qos == 0 ? totals.sent : totals.acknowledged,
          .received = totals.received,
          .server = usage_of(options.pid),
          .generator_cpu = own_cpu_seconds(),
          .machine_cpu = machine_cpu_seconds()};
}

void report_cpu(const Options& options, const Sample& before, const Sample& after, Report& report) {
  const auto seconds = static_cast<double>(after.at_ns - before.at_ns) / 1e9;
  const auto generator = after.generator_cpu - before.generator_cpu;
  const auto server = after.server.cpu_seconds - before.server.cpu_seconds;
  if (options.pid != 0) {
    const auto per = [&](std::uint64_t count) {
      return count == 0 ? 0 : server * 1e6 / static_cast<double>(count);
    };
    report.number("server_cpu_us_per_message", per(after.published - before.published), 3);
    if (options.subscribers != 0) {
      report.number("server_cpu_us_per_delivery", per(after.received - before.received), 3);
    }
    report.number("server_cores", server / seconds, 2);
    const auto system = after.server.system_seconds - before.server.system_seconds;
    report.number("server_system_share", server == 0 ? 0 : system / server, 2);
    report.mebibytes("rss_mib_begin", before.server.rss_bytes);
    report.mebibytes("rss_mib_end", after.server.rss_bytes);
  }
  report.number("generator_cores", generator / seconds, 2);
  const auto machine = after.machine_cpu - before.machine_cpu;
  report.number("other_cores", std::max(0.0, (machine - server - generator) / seconds), 2);
}

void report_flow(const Options& options, const Flow& flow, Report& report) {
  const auto& totals = flow.totals;
  report.times("puback", totals.to_puback);
  report.times("delivery", totals.to_delivery);
  report.number("sent", totals.sent);
  if (options.qos != 0) {
    report.number("refused", totals.refused);
    report.truth("all_acknowledged", flow.in_flight() == 0);
  }
  if (options.subscribers != 0) {
    report.number("lost", flow.expected() - std::min(flow.expected(), totals.received));
    report.number("gaps", totals.gaps);
    report.number("repeats", totals.repeats);
  }
}

void warm_up(const Options& options, Flow& flow) {
  const auto never = [] { return false; };
  if (options.messages == 0) {
    flow.run(now_ns() + static_cast<std::uint64_t>(options.warmup * 1e9), true, never);
  }
  flow.totals.clear_times();
}

// By time, or until so many messages came back.
void drive(const Options& options, Flow& flow) {
  if (options.messages == 0) {
    flow.run(now_ns() + static_cast<std::uint64_t>(options.seconds * 1e9), true,
             [] { return false; });
    return;
  }
  constexpr std::uint64_t kHourNs = 3'600'000'000'000;
  flow.run(now_ns() + kHourNs, true, [&] { return flow.totals.sent >= options.messages; });
  flow.settle();
}

}  // namespace

int run_flow(const Options& options) {
  Flow flow(options);
  warm_up(options, flow);
  const auto before = sample(options, flow);
  drive(options, flow);
  const auto after = sample(options, flow);
  const auto owed = flow.owed();
  // What is under way is settled, so that a run says whether everything came back.
  flow.settle();

  Report report;
  const auto seconds = static_cast<double>(after.at_ns - before.at_ns) / 1e9;
  const auto rate = [&](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to - from) / seconds;
  };
  report.number("seconds", seconds, 3);
  report.number("published_per_second", rate(before.published, after.published));
  if (options.subscribers != 0) {
    report.number("delivered_per_second", rate(before.received, after.received));
  }
  if (options.rate > 0) report.number("behind_at_the_end", owed);  // due, and not yet written
  report_cpu(options, before, after, report);
  report_flow(options, flow, report);
  report.print(options.json);
  return flow.in_flight() == 0 && flow.totals.refused == 0 ? 0 : 1;
}

}  // namespace sluice::load
