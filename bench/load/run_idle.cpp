#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "load/clients.hpp"
#include "load/report.hpp"
#include "load/runs.hpp"

namespace sluice::load {
namespace {

using std::chrono_literals::operator""s;

constexpr std::size_t kAtOnce = 64;  // connects under way: a small backlog must not drop any

using Connections = std::vector<std::unique_ptr<Connection>>;

std::string name_of(std::size_t number) {
  return "load-i" + std::to_string(number);
}

void open_some(const Options& options, std::size_t until, Connections& connections) {
  const auto first = connections.size();
  for (auto number = first; number < until; ++number) {
    auto connection = std::make_unique<Connection>(options.host, options.port);
    const auto client_id = name_of(number);
    connection->ask_log_in(options.persistent ? persistent_connect_of(options, client_id)
                                              : connect_of(options, client_id));
    connections.push_back(std::move(connection));
  }
  for (auto number = first; number < until; ++number) connections[number]->finish_log_in();
  if (!options.persistent) return;
  for (auto number = first; number < until; ++number) {
    connections[number]->ask_subscribe(options.topic + "/idle/" + std::to_string(number),
                                       mqtt::Qos::AtLeastOnce);
  }
  for (auto number = first; number < until; ++number) connections[number]->finish_subscribe();
}

double bytes_each(const Usage& now, const Usage& before, std::size_t count) {
  return (static_cast<double>(now.rss_bytes) - static_cast<double>(before.rss_bytes)) /
         static_cast<double>(count);
}

}  // namespace

int run_idle(const Options& options) {
  std::this_thread::sleep_for(1s);  // what the server still does after its start
  Connections connections;
  Report report;
  const auto before = usage_of(options.pid);
  const auto begun = now_ns();
  while (connections.size() < options.idle) {
    open_some(options, std::min(options.idle, connections.size() + kAtOnce), connections);
  }
  const auto seconds = static_cast<double>(now_ns() - begun) / 1e9;
  const auto connected = usage_of(options.pid);
  std::this_thread::sleep_for(3s);  // and what it gives back
  const auto held = usage_of(options.pid);
  const auto count = static_cast<double>(options.idle);
  report.number("connections", count);
  report.number("connects_per_second", count / seconds);
  report.number("cpu_us_per_connect", (connected.cpu_seconds - before.cpu_seconds) * 1e6 / count,
                1);
  report.number("rss_bytes_per_connection", bytes_each(held, before, options.idle));
  report.number("idle_cores", (held.cpu_seconds - connected.cpu_seconds) / 3, 3);
  if (options.persistent) {
    for (auto& connection : connections) connection->log_out();
    connections.clear();
    std::this_thread::sleep_for(3s);
    report.number("rss_bytes_per_session", bytes_each(usage_of(options.pid), before, options.idle));
  }
  report.print(options.json);
  return 0;
}

}  // namespace sluice::load
