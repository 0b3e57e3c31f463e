#include "broker/waiting_for_room.hpp"

#include <algorithm>

#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

void WaitingForRoom::wait(std::weak_ptr<ClientConnection> client, MatchPtr match) {
  clients_.push_back({std::move(client), std::move(match)});
  note_count();
  // A limit that moved before it was counted told nobody.
  look_soon();
}

void WaitingForRoom::look_soon() {
  if (count_ == 0 || looks_soon_.exchange(true)) return;
  worker_.post([this] {
    looks_soon_ = false;
    look();
  });
}

void WaitingForRoom::note_count() {
  const auto before = count_.exchange(clients_.size());
  auto& all = worker_.broker().waiting_for_room();
  all.fetch_add(clients_.size(), std::memory_order_relaxed);
  all.fetch_sub(before, std::memory_order_relaxed);
}

void WaitingForRoom::look() {
  const auto head = worker_.broker().store().head();
  const auto is_full = [&](const PublishLimitPtr& limit) { return limit->is_reached(head); };
  std::vector<std::shared_ptr<ClientConnection>> go_on;
  std::erase_if(clients_, [&](const Client& client) {
    auto connection = client.connection.lock();
    if (connection && connection->waits_for_room() &&
        std::ranges::any_of(client.match->limits, is_full))
      return false;
    if (connection) go_on.push_back(std::move(connection));
    return true;
  });
  note_count();
  for (const auto& connection : go_on) connection->on_room();
}

void show_waiting_for_room(metrics::Registry& registry,
                           std::shared_ptr<const std::atomic<std::size_t>> count) {
  registry.observe({.name = "sluice_clients_waiting_for_room",
                    .help = "Clients that are read no further because a task that they publish for "
                            "blocks: its back-log is at backlog_bytes.",
                    .kind = metrics::Kind::Gauge},
                   {}, [count = std::move(count)] {
                     return static_cast<double>(count->load(std::memory_order_relaxed));
                   });
}

}  // namespace sluice::broker
