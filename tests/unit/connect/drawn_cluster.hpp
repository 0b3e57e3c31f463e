// A cluster with transactions whose fate is drawn: committed, undone, refused, or committed with
// the answer lost for good. It outlives sinks and servers, as a cluster does.
#pragma once
#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "connect/sink.hpp"

namespace sluice::connect {

// Threads: any, with `mutex` held.
struct DrawnCluster {
  std::mutex mutex;
  std::vector<std::pair<std::string, std::string>> committed;  // key, value
  std::map<std::string, std::string> places;                   // by transactional id
  std::mt19937_64 random;

  std::uint64_t below(std::uint64_t bound) { return random() % bound; }
  [[nodiscard]] std::size_t count() {
    const std::scoped_lock lock(mutex);
    return committed.size();
  }
};

// Each key's values arrived once, and in order if that is asked for; returns what arrived.
inline std::set<std::pair<std::string, std::string>> expect_once(DrawnCluster& cluster,
                                                                 bool in_order) {
  const std::scoped_lock lock(cluster.mutex);
  std::map<std::string, int> last;
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& [key, value] : cluster.committed) {
    EXPECT_TRUE(seen.insert({key, value}).second) << key << ":" << value << " arrived twice";
    const auto number = std::stoi(value);
    if (in_order && last.contains(key)) EXPECT_LT(last[key], number) << key;
    last[key] = number;
  }
  return seen;
}

// Everything happens within the worker's own calls; what becomes of a transaction is drawn.
class DrawnSink final : public Sink, private Transactions {
 public:
  DrawnSink(DrawnCluster& cluster, std::string transactional_id, Callbacks callbacks)
      : cluster_(cluster), id_(std::move(transactional_id)), callbacks_(std::move(callbacks)) {}

  Result<std::size_t> write(std::span<const Record> records) override {
    EXPECT_TRUE(was_asked_) << "written before the place was asked for";
    if (is_ended_) return 0;
    const std::scoped_lock lock(cluster_.mutex);
    const auto count = std::min<std::size_t>(records.size(), 1 + cluster_.below(50));
    open_.insert(open_.end(), records.begin(), records.begin() + static_cast<long>(count));
    return count;
  }
  Milliseconds collect(std::vector<Delivery>& outcomes) override {
    if (is_ended_ && !never_answers_) decide();
    outcomes.insert(outcomes.end(), outcomes_.begin(), outcomes_.end());
    outcomes_.clear();
    return is_ended_ && !never_answers_ ? Milliseconds(1) : kNotByItself;
  }
  std::string_view away() const override { return {}; }
  void flush() override {}
  void abandon() override {
    is_in_doubt_ = is_in_doubt_ || (is_ended_ && never_answers_);
    for (const auto& record : open_)
      outcomes_.push_back({record.token, Verdict::RetryLater, false, false, "given up"});
    open_.clear();
    is_ended_ = false;
    callbacks_.on_ready();
  }
  Transactions* transactions() override { return this; }

 private:
  Result<std::string> last_place() override {
    const std::scoped_lock lock(cluster_.mutex);
    if (cluster_.below(4) == 0) return fail(Errc::Unavailable, "away");
    was_asked_ = true;
    return cluster_.places[id_];
  }
  void end(std::string place) override {
    if (open_.empty()) return;
    place_ = std::move(place);
    is_ended_ = true;
    {
      // Committed, but the answer is lost; until somebody else asks.
      const std::scoped_lock lock(cluster_.mutex);
      never_answers_ = std::ranges::none_of(open_, is_refused) && cluster_.below(12) == 0;
      if (never_answers_) commit();
    }
    callbacks_.on_ready();
  }
  [[nodiscard]] bool is_in_doubt() const override { return is_in_doubt_; }
  void commit() {
    cluster_.places[id_] = place_;
    for (const auto& record : open_) cluster_.committed.emplace_back(*record.key, record.value);
  }
  // The same message is refused each time: that is what rejected means.
  static bool is_refused(const Record& record) {
    return std::hash<std::string_view>()(record.value) % 100 < 2;
  }
  void decide() {
    const std::scoped_lock lock(cluster_.mutex);
    const auto dice = cluster_.below(8);
    if (dice == 0) return;  // not yet
    const auto refused = std::ranges::find_if(open_, is_refused);
    const bool is_committed = dice > 2 && refused == open_.end();
    if (is_committed) commit();
    for (const auto& record : open_) {
      const auto verdict = is_committed                                     ? Verdict::Delivered
                           : refused != open_.end() && &record == &*refused ? Verdict::Rejected
                                                                            : Verdict::RetryLater;
      outcomes_.push_back(
          {record.token, verdict, false, dice == 1, is_committed ? "" : "the dice say so"});
    }
    open_.clear();
    is_ended_ = false;
  }

  DrawnCluster& cluster_;
  const std::string id_;
  const Callbacks callbacks_;
  std::vector<Record> open_;
  std::vector<Delivery> outcomes_;
  std::string place_;
  bool was_asked_ = false, is_ended_ = false, never_answers_ = false, is_in_doubt_ = false;
};

}  // namespace sluice::connect
