// Very many sessions whose clients are away: what they cost, and what they cost those who publish.
#include <chrono>
#include <memory>
#include <poll.h>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "load/clients.hpp"
#include "load/report.hpp"
#include "load/runs.hpp"

namespace sluice::load {
namespace {

using std::chrono_literals::operator""s;

constexpr std::size_t kAtOnce = 64;
constexpr std::size_t kParts = 10;  // of the run, each with a rate of its own
constexpr std::uint64_t kPublishes = 100'000;

std::string topic_of(const Options& options, std::size_t number) {
  return options.topic + "/session/" + std::to_string(number);
}

// Each connects, subscribes and leaves; all of it is acknowledged.
void begin_some(const Options& options, std::size_t first, std::size_t count) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (auto number = first; number < first + count; ++number) {
    auto connection = std::make_unique<Connection>(options.host, options.port);
    const auto client_id = "load-s" + std::to_string(number);
    connection->ask_log_in(persistent_connect_of(options, client_id));
    connection->ask_subscribe(topic_of(options, number), mqtt::Qos::AtLeastOnce);
    connections.push_back(std::move(connection));
  }
  for (const auto& connection : connections) connection->finish_log_in();
  for (const auto& connection : connections) {
    connection->finish_subscribe();
    connection->log_out();
  }
  for (const auto& connection : connections) connection->wait_for_end();
}

void begin_all(const Options& options, Report& report) {
  std::vector<double> rates;
  Histogram batches;
  const auto begun = now_ns();
  for (std::size_t part = 0; part < kParts; ++part) {
    const auto end = options.sessions * (part + 1) / kParts;
    const auto first = options.sessions * part / kParts;
    const auto part_begun = now_ns();
    for (auto number = first; number < end; number += kAtOnce) {
      const auto batch_begun = now_ns();
      begin_some(options, number, std::min(kAtOnce, end - number));
      batches.add(now_ns() - batch_begun);
    }
    rates.push_back(static_cast<double>(end - first) * 1e9 /
                    static_cast<double>(now_ns() - part_begun));
  }
  report.number("sessions", std::uint64_t{options.sessions});
  report.number("sessions_per_second", static_cast<double>(options.sessions) * 1e9 /
                                           static_cast<double>(now_ns() - begun));
  report.number("sessions_per_second_first_tenth", rates.front());
  report.number("sessions_per_second_last_tenth", rates.back());
  report.times("batch_of_64", batches);
}

// One message for a session at a time, never the same topic twice in a row.
void publish_to_some(const Options& options, Report& report) {
  Connection connection(options.host, options.port);
  connection.log_in(connect_of(options, "load-publisher"));
  const std::string payload(options.size, 'x');
  const auto count = options.messages == 0 ? kPublishes : options.messages;
  std::mt19937_64 random(options.sessions);
  std::vector<std::uint64_t> sent_at(65536);
  Histogram to_puback;
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  const auto before = usage_of(options.pid);
  const auto begun = now_ns();
  while (acknowledged < count) {
    for (; sent < count && sent - acknowledged < options.window; ++sent) {
      const auto id = static_cast<std::uint16_t>(sent % 65535 + 1);
      sent_at[id] = now_ns();
      mqtt::encode(connection.output(), connection.version(),
                   mqtt::Publish{.topic = topic_of(options, random() % options.sessions),
                                 .payload = payload,
                                 .qos = mqtt::Qos::AtLeastOnce,
                                 .packet_id = id,
                                 .properties = {}});
    }
    connection.flush();
    pollfd socket{.fd = connection.descriptor(), .events = POLLIN, .revents = 0};
    if (connection.has_output()) socket.events |= POLLOUT;
    ::poll(&socket, 1, -1);
    connection.receive([&](const mqtt::Frame& frame) {
      const auto ack = mqtt::decode_ack(connection.version(), frame.type, frame.body);
      if (!ack || mqtt::is_error(ack->reason)) throw std::runtime_error("a publish was refused");
      ++acknowledged;
      to_puback.add(now_ns() - sent_at[ack->packet_id]);
    });
  }
  const auto seconds = static_cast<double>(now_ns() - begun) / 1e9;
  const auto used = usage_of(options.pid).cpu_seconds - before.cpu_seconds;
  report.number("published_per_second", static_cast<double>(count) / seconds);
  report.number("server_cpu_us_per_message", used * 1e6 / static_cast<double>(count), 3);
  report.times("puback", to_puback);
}

}  // namespace

int run_sessions(const Options& options) {
  std::this_thread::sleep_for(1s);  // what the server still does after its start
  Report report;
  const auto before = usage_of(options.pid);
  begin_all(options, report);
  std::this_thread::sleep_for(3s);
  const auto after = usage_of(options.pid);
  const auto count = static_cast<double>(options.sessions);
  report.number("server_cpu_us_per_session", (after.cpu_seconds - before.cpu_seconds) * 1e6 / count,
                1);
  report.number(
      "rss_bytes_per_session",
      (static_cast<double>(after.rss_bytes) - static_cast<double>(before.rss_bytes)) / count);
  publish_to_some(options, report);
  report.print(options.json);
  return 0;
}

}  // namespace sluice::load
