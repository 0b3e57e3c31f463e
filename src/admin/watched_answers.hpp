#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "admin/http.hpp"
#include "admin/live_stream.hpp"

namespace sluice::admin {

// Answers that those who listen look at: asked for again and again in their place, and told when
// they are others than before, or that they are not. ADR 0072.
//
// Owns:    a thread. Of each stream at most kMostOfStream requests, and a hash of what it was told.
// Threads: any, but start() and stop() from one. Requests are answered on its thread, one after the
//          other: a slow one makes others late, and nobody wait.
class WatchedAnswers {
 public:
  static constexpr std::size_t kMostOfStream = 16;
  static constexpr std::string_view kApi = "/api/v1";  // who listens names paths without it
  // What is larger is told without its body: who looks at it asks for it.
  static constexpr std::size_t kMostBytes = 64 * 1024;
  static constexpr std::chrono::milliseconds kEvery{2'000};

  using Answer = std::function<Response(const Request&)>;
  explicit WatchedAnswers(Answer answer) : answer_(std::move(answer)) {}
  ~WatchedAnswers() { stop(); }
  WatchedAnswers(const WatchedAnswers&) = delete;
  WatchedAnswers& operator=(const WatchedAnswers&) = delete;

  void start();
  void stop();  // idempotent; waits for one answer at most
  [[nodiscard]] bool is_stopping() const { return stopping_; }

  // Until the stream ends. `listening`: the request for the stream; who may listen asks with what
  // it came with. `targets`: of GET requests, `/api/v1/tasks?limit=50`, at most kMostOfStream.
  void watch(const std::shared_ptr<LiveStream>& stream, const Request& listening,
             const std::vector<std::string>& targets);
  // What its thread does each time, for tests. `only_new`: those that were never answered.
  void round(bool only_new = false);

 private:
  struct Watched {
    Request request;
    std::optional<std::uint64_t> told;  // of the last answer
  };
  struct Watcher {
    std::weak_ptr<LiveStream> stream;
    std::vector<Watched> watched;
    bool is_new = true;
  };
  struct Made {  // in one round, for all who ask for the same with the same credentials
    const Request* request;
    std::string event;
    std::uint64_t hash;
  };

  void run();
  [[nodiscard]] const Made& answer(const Request& request, std::vector<Made>& made) const;

  const Answer answer_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Watcher> coming_;
  std::atomic<bool> stopping_ = false;  // a round ends early by it

  std::vector<Watcher> watchers_;  // of the thread
  std::thread thread_;
};

// As a server-sent event: `target`, `status`, and the body where there is one that fits.
[[nodiscard]] std::string answer_event(std::string_view target, const Response& response);

}  // namespace sluice::admin
