#include "broker/statistics.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

#include "broker/broker.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {
namespace {

enum class Figure : std::uint8_t {
  Version,
  Node,
  Uptime,
  Connected,
  Sessions,
  Subscriptions,
  Retained,
  Delayed,
  Received,
  Sent,
  Refused,
  LogHead,
  LogDurable,
};

struct FigureTopic {
  std::string_view name;
  Figure value;
};

// Named as mosquitto names what it has, too.
constexpr std::array<FigureTopic, 13> kFigures = {{
    {"$SYS/broker/version", Figure::Version},
    {"$SYS/broker/node", Figure::Node},
    {"$SYS/broker/uptime", Figure::Uptime},
    {"$SYS/broker/clients/connected", Figure::Connected},
    {"$SYS/broker/clients/total", Figure::Sessions},
    {"$SYS/broker/subscriptions/count", Figure::Subscriptions},
    {"$SYS/broker/retained messages/count", Figure::Retained},
    {"$SYS/broker/delayed messages/count", Figure::Delayed},
    {"$SYS/broker/messages/received", Figure::Received},
    {"$SYS/broker/messages/sent", Figure::Sent},
    {"$SYS/broker/messages/refused", Figure::Refused},
    {"$SYS/broker/log/head", Figure::LogHead},
    {"$SYS/broker/log/durable", Figure::LogDurable},
}};

std::string json_text_of(std::string_view text) {
  return '"' + std::string(text) + '"';
}

}  // namespace

// What the workers know, each of its own.
struct Statistics::Sum {
  std::atomic<std::size_t> open{0};  // workers that have not said
  std::atomic<std::size_t> connected{0};
  std::atomic<std::size_t> sessions{0};
  std::atomic<std::size_t> subscriptions{0};
};

Statistics::Statistics(Broker& broker) : broker_(broker), started_(broker.clock().steady()) {}

void Statistics::on_subscribed() {
  broker_.worker(0).post([this] { begin(); });
}

// SUBACK goes first: the round is another turn.
void Statistics::begin() {
  using std::chrono::milliseconds;
  const auto since =
      std::chrono::duration_cast<milliseconds>(broker_.clock().steady() - last_round_);
  go_on(std::max<milliseconds>(milliseconds(1), kShortestInterval - since));
}

void Statistics::go_on(std::chrono::milliseconds after) {
  auto& timers = broker_.worker(0).timers();
  if (timer_) timers.cancel(*timer_);
  timer_ = timers.after(after, [this] {
    timer_.reset();
    round();
  });
}

bool Statistics::has_reader() const {
  return broker_.filters().some_dollar_filter() &&
         std::ranges::any_of(kFigures, [this](const FigureTopic& topic) {
           return !broker_.worker(0).match(topic.name)->nobody();
         });
}

void Statistics::round() {
  if (!has_reader()) return;  // the next one begins it again
  last_round_ = broker_.clock().steady();
  const auto sum = std::make_shared<Sum>();
  sum->open = broker_.worker_count();
  for (std::size_t i = 0; i < broker_.worker_count(); ++i) {
    auto* worker = &broker_.worker(i);
    worker->post([this, sum, worker] {
      sum->connected += worker->tally().connected;
      sum->sessions += worker->sessions().size();
      sum->subscriptions += worker->tally().subscriptions;
      if (sum->open.fetch_sub(1) == 1) broker_.worker(0).post([this, sum] { publish(*sum); });
    });
  }
  go_on(kInterval);
}

void Statistics::publish(const Sum& sum) {
  const auto text = [&](Figure value) -> std::string {
    const auto& counters = broker_.counters();
    switch (value) {
      case Figure::Version:
        return json_text_of(broker_.options().version);
      case Figure::Node:
        return json_text_of(broker_.options().node_name);
      case Figure::Uptime:
        return std::to_string(
            std::chrono::duration_cast<std::chrono::seconds>(broker_.clock().steady() - started_)
                .count());
      case Figure::Connected:
        return std::to_string(sum.connected);
      case Figure::Sessions:
        return std::to_string(sum.sessions);
      case Figure::Subscriptions:
        return std::to_string(sum.subscriptions);
      case Figure::Retained:
        return std::to_string(broker_.retained().size());
      case Figure::Delayed:
        return std::to_string(static_cast<std::int64_t>(counters.delayed.value()));
      case Figure::Received:
        return std::to_string(static_cast<std::uint64_t>(counters.messages_received.value()));
      case Figure::Sent:
        return std::to_string(static_cast<std::uint64_t>(counters.messages_sent.value()));
      case Figure::Refused:
        return std::to_string(static_cast<std::uint64_t>(counters.publishes_refused.value()));
      case Figure::LogHead:
        return std::to_string(broker_.store().head().get());
      case Figure::LogDurable:
        return std::to_string(broker_.store().durable().get());
    }
    return {};
  };
  auto& events = broker_.worker(0).events();
  for (const auto& [name, value] : kFigures) events.add(std::string(name), text(value));
}

}  // namespace sluice::broker
