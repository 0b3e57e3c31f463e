#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>

#include "connect/sink.hpp"

namespace sluice::connect {

// What arrived at the other side.
struct Arrived {
  std::string topic, key, value;
  std::vector<std::pair<std::string, std::string>> headers;
  std::int64_t timestamp_ms = 0;
};

class ScriptedSink;

// The other side of a scripted sink: outlives sinks, as a cluster outlives producers.
//
// Threads: any.
class OtherSide {
 public:
  // What becomes of a record; called once for each time it is handed over. Delivered if there is
  // none.
  using Judge = std::function<Verdict(const Record& record)>;

  void judge(Judge judge);
  void room(std::size_t records);      // how many a sink holds at most
  void hold(bool holding);             // while true, outcomes wait
  void at_once(bool at_once);          // what comes back need not wait
  void tries_successors(bool tries);   // false: they only wait for the one that comes back
  void away(std::string_view reason);  // as the sink says it; of static life
  void gathers_for(Sink::Milliseconds time);
  void refuse_writes(std::optional<Error> error);
  // The settings of the connection that the last sink was made with.
  void connected_with(boost::json::object settings);
  [[nodiscard]] boost::json::object last_connection() const;
  [[nodiscard]] std::vector<Arrived> arrived() const;
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::size_t handed_over() const;

 private:
  friend class ScriptedSink;
  mutable std::mutex mutex_;
  Judge judge_;
  std::size_t room_ = 1000;
  bool holding_ = false;
  bool at_once_ = false;
  bool tries_successors_ = true;
  std::string_view away_;
  Sink::Milliseconds gathers_for_{0};
  std::optional<Error> refusal_;
  boost::json::object connection_;
  std::vector<Arrived> arrived_;
  std::size_t handed_over_ = 0;
  std::map<const ScriptedSink*, std::function<void()>> changed_;  // several may be there
};

// A sink that keeps the promises of sink.hpp on a thread of its own: outcomes in batches of random
// size, and after a RetryLater everything it still holds comes back.
class ScriptedSink final : public Sink {
 public:
  ScriptedSink(OtherSide& other_side, Callbacks callbacks, std::uint64_t seed);
  ~ScriptedSink() override;

  [[nodiscard]] Result<std::size_t> write(std::span<const Record> records) override;
  [[nodiscard]] Milliseconds collect(std::vector<Delivery>& outcomes) override;
  [[nodiscard]] std::string_view away() const override;
  [[nodiscard]] Milliseconds gathers_for() const override;
  void flush() override {}
  void abandon() override;

 private:
  void run();
  void make_outcomes();

  OtherSide& other_side_;
  const Callbacks callbacks_;
  std::uint64_t random_;
  // Guarded by other_side_.mutex_.
  std::deque<Record> held_;
  std::vector<Delivery> outcomes_;  // not collected yet
  bool came_back_ = false;          // and one of them says RetryLater
  bool ending_ = false;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace sluice::connect
