#include <poll.h>
#include <thread>

#include "load/flow.hpp"
#include "load/report.hpp"
#include "load/runs.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t kQuietNs = 5'000'000'000;
constexpr std::uint64_t kHourNs = 3'600'000'000'000;
const std::string kClient = "load-offline";

// Publishers without a subscriber, until everything is acknowledged.
void fill(Options options, Report& report) {
  options.subscribers = 0;
  Flow flow(options);
  const auto before = usage_of(options.pid);
  const auto begun = now_ns();
  flow.run(begun + kHourNs, true, [&] { return flow.totals.acknowledged >= options.messages; });
  const auto seconds = static_cast<double>(now_ns() - begun) / 1e9;
  const auto after = usage_of(options.pid);
  const auto count = static_cast<double>(flow.totals.acknowledged);
  report.number("filled", flow.totals.acknowledged);
  report.number("refused", flow.totals.refused);
  report.number("fill_per_second", count / seconds);
  report.number("fill_cpu_us_per_message", (after.cpu_seconds - before.cpu_seconds) * 1e6 / count,
                3);
  report.number(
      "rss_bytes_per_message",
      (static_cast<double>(after.rss_bytes) - static_cast<double>(before.rss_bytes)) / count);
  report.times("puback", flow.totals.to_puback);
}

// The session comes back and takes everything; true when nothing is missing.
bool drain(const Options& options, Report& report) {
  Totals totals;
  const auto before = usage_of(options.pid);
  const auto begun = now_ns();
  auto last = begun;  // when something came
  Subscriber subscriber(options, totals, kClient, "");
  pollfd socket{.fd = subscriber.connection.descriptor(), .events = POLLIN, .revents = 0};
  while (totals.received < options.messages && now_ns() - last < kQuietNs) {
    const auto received = totals.received;
    subscriber.on_readable();
    subscriber.connection.flush();
    if (totals.received != received) last = now_ns();
    socket.events = subscriber.connection.has_output() ? POLLIN | POLLOUT : POLLIN;
    ::poll(&socket, 1, 20);
  }
  const auto seconds = static_cast<double>(last - begun) / 1e9;
  const auto after = usage_of(options.pid);
  const auto count = static_cast<double>(totals.received);
  report.number("drained", totals.received);
  report.number("lost", options.messages - std::min(options.messages, totals.received));
  report.number("gaps", totals.gaps);
  report.number("repeats", totals.repeats);
  report.number("drain_per_second", totals.received == 0 ? 0 : count / seconds);
  report.number("drain_cpu_us_per_message",
                count == 0 ? 0 : (after.cpu_seconds - before.cpu_seconds) * 1e6 / count, 3);
  return totals.received >= options.messages;
}

}  // namespace

int run_offline(const Options& given) {
  auto options = given;
  options.persistent = true;
  options.qos = 1;
  if (options.messages == 0) throw std::runtime_error("--offline needs --messages");
  forget_session(options, kClient);
  {
    Totals unused;
    Subscriber subscriber(options, unused, kClient, options.topic + "/+");
    subscriber.connection.log_out();
  }
  Report report;
  fill(options, report);
  const bool complete = drain(options, report);
  forget_session(options, kClient);
  report.print(options.json);
  return complete ? 0 : 1;
}

}  // namespace sluice::load
