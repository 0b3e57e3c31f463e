#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "connect/registry.hpp"
#include "connectors/http/http_settings.hpp"
#include "io/http_channel.hpp"

namespace sluice::connectors::http {

// What a record takes in a request of its own.
[[nodiscard]] connect::Placement place(const connect::SinkConfig& config,
                                       const connect::Record& record);

// One request after another, so that records arrive in their order; what waits meanwhile goes in
// the next one together.
//
// Owns:    its connection and the thread that uses it.
// Threads: the worker's; the thread of its own touches what mutex_ guards, and the channel.
// Fails:   never by itself. A request whose answer did not come may have arrived, and says so.
class HttpSink final : public connect::Sink {
 public:
  static Result<std::unique_ptr<connect::Sink>> make(const connect::SinkConfig& config,
                                                     Callbacks callbacks);

  struct Settings {
    std::string method;
    bool whole_records = true;
    std::string content_type;
    std::size_t batch_records = 1;
    std::size_t batch_bytes = 0;
  };
  HttpSink(Target target, Settings settings, Callbacks callbacks);
  ~HttpSink() override;
  HttpSink(const HttpSink&) = delete;
  HttpSink& operator=(const HttpSink&) = delete;

  Result<std::size_t> write(std::span<const connect::Record> records) override;
  Milliseconds collect(std::vector<connect::Delivery>& outcomes) override;
  std::string_view away() const override { return away_shown_; }
  void flush() override {}  // nothing waits for more
  void abandon() override;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  using Batch = std::vector<connect::Record>;
  using Outcomes = std::vector<connect::Delivery>;

  void run();
  [[nodiscard]] bool take(Batch& batch);
  void deliver(const Batch& batch);
  void give_back_all(const std::string& reason);
  // False: nothing more of this batch is to be sent now.
  [[nodiscard]] bool send(std::span<const connect::Record> records, Outcomes& outcomes);
  void judge(std::span<const connect::Record> records, const io::HttpResponse& response,
             Outcomes& outcomes);
  [[nodiscard]] io::HttpRequest request_of(std::span<const connect::Record> records) const;

  const Target target_;
  const Settings settings_;
  const Callbacks callbacks_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<connect::Record> waiting_;
  Outcomes outcomes_;
  std::size_t given_back_ = 0;  // of them: RetryLater, not yet collected
  std::string away_;
  SteadyTime not_before_{};  // Retry-After
  bool stopping_ = false;

  std::string away_shown_;    // the worker's thread only
  unsigned last_status_ = 0;  // the sink's own thread only, and:
  io::HttpChannel channel_;
  std::thread thread_;
};

}  // namespace sluice::connectors::http
