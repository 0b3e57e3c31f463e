// Clients of one worker that are held back because a task has no room for more of what they
// publish.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/metrics.hpp"
#include "broker/filter_table.hpp"

namespace sluice::broker {

class ClientConnection;
class Worker;

// Threads: the worker's, but look_soon(): any.
class WaitingForRoom {
 public:
  explicit WaitingForRoom(Worker& worker) : worker_(worker) {}

  void wait(std::weak_ptr<ClientConnection> client, MatchPtr match);
  // A limit has moved: who has room now goes on.
  void look_soon();
  [[nodiscard]] std::size_t size() const { return count_.load(); }

 private:
  struct Client {
    std::weak_ptr<ClientConnection> connection;
    MatchPtr match;  // by which it found no room
  };
  void look();
  void note_count();

  Worker& worker_;
  std::vector<Client> clients_;
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> looks_soon_{false};
};

// As a metric: how many there are on all workers.
void show_waiting_for_room(metrics::Registry& registry,
                           std::shared_ptr<const std::atomic<std::size_t>> count);

}  // namespace sluice::broker
