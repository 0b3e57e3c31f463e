#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace sluice::broker {

// A few threads for work that is heavy on memory and time, behind a bounded queue for each peer
// (base/peer.hpp). Peers take turns: one that sends a thousand makes nobody else wait for them.
//
// Threads: submit() from any; stop() from one that is not of the pool.
class PasswordPool {
 public:
  struct Bounds {
    std::size_t waiting = 0;           // in all
    std::size_t waiting_per_peer = 0;  // at least 1
  };
  PasswordPool(std::size_t threads, Bounds bounds);
  ~PasswordPool();
  PasswordPool(const PasswordPool&) = delete;
  PasswordPool& operator=(const PasswordPool&) = delete;

  // Not Taken: `work` is not run. Full also when it is stopped.
  enum class Admission : std::uint8_t { Taken, PeerFull, Full };
  [[nodiscard]] Admission submit(const std::string& peer, std::function<void()> work);
  // Waits for what runs and forgets what waits; nothing is taken any more. Idempotent.
  void stop();

 private:
  using Work = std::function<void()>;
  using Waiting = std::unordered_map<std::string, std::deque<Work>>;
  void run();
  [[nodiscard]] Work take_next();  // with mutex_ held, and something waiting

  const Bounds bounds_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Waiting waiting_;                // by peer, none empty
  std::deque<std::string> turns_;  // each peer of waiting_ once, the next one first
  std::size_t count_ = 0;          // of all that waits
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::broker
