#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "broker/queues.hpp"
#include "store/store.hpp"

namespace sluice::test {

// What a publisher sends, with everything that a test need not say.
struct Publication {
  std::string topic;
  std::string payload = {};
  std::string client_id = "publisher";
  std::string properties = {};  // encoded
  std::string host = "10.0.0.1";
  std::string username = {};
  bool has_username = false;
  std::uint16_t packet_id = 0;
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;
};

// The queues of a store without a broker: publish() puts a message into those whose filters match.
//
// Threads: any.
class MemoryQueues final : public broker::Queues {
 public:
  explicit MemoryQueues(store::Store& store) : store_(store) {}

  [[nodiscard]] Result<store::Store::OpenedQueue> acquire(std::string_view filter) override;
  void release(std::string_view filter) override;
  [[nodiscard]] Result<void> settle() override { return {}; }
  [[nodiscard]] std::unique_ptr<broker::Brake> brake(std::string_view filter,
                                                     std::function<void()> on_held) override;
  // Where the brakes of the filter hold; off: UINT64_MAX, also when there is none.
  [[nodiscard]] store::Position held_at(std::string_view filter) const;
  void tell_held(std::string_view filter);  // as when a client is held back

  // Ordered when it returns. Position of the message.
  store::Position publish(const Publication& publication);
  // In one batch, as a turn of an event loop does it.
  void publish_all(const std::vector<Publication>& publications);
  [[nodiscard]] std::size_t open() const;

 private:
  class MemoryBrake;
  struct Open {
    store::Store::OpenedQueue queue;
    int users = 0;
  };
  [[nodiscard]] std::vector<store::QueueId> matching(std::string_view topic) const;

  store::Store& store_;
  mutable std::mutex mutex_;
  std::map<std::string, Open, std::less<>> queues_;
  std::multimap<std::string, MemoryBrake*, std::less<>> brakes_;
};

}  // namespace sluice::test
