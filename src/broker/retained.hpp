#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function_ref.hpp"
#include "base/guarded.hpp"
#include "broker/filter_tree.hpp"
#include "broker/memory_bounds.hpp"
#include "model/message.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// The last retained message of each topic, as the log's head has it.
//
// Threads: any. A message is a compact copy: it does not keep a batch of the log in memory.
class Retained {
 public:
  void set(const model::MessagePtr& message);
  // What a batch says, its empty messages included. [MQTT-3.3.1-5] [MQTT-3.3.1-6] Called while the
  // log's order is held, so that what is newest there is what is kept here.
  void take(const store::BatchPtr& batch);
  // Whoever writes records of retained messages holds this from the look at what is newest until
  // they are appended: so the last record of a topic is that of its last message, whichever worker
  // writes it. Taken before the log's order, never within.
  [[nodiscard]] std::unique_lock<std::mutex> hold_records() { return std::unique_lock(records_); }
  [[nodiscard]] model::MessagePtr find(std::string_view topic) const;  // null: there is none
  // A copy that keeps less in memory, or null: none. Not if another one has taken its place.
  void replace(const model::MessagePtr& message, const model::MessagePtr& by);
  [[nodiscard]] std::size_t size() const;
  // What they take, without the trees and tables around them.
  [[nodiscard]] const MemoryBoundPtr& memory() const { return memory_; }
  [[nodiscard]] static std::size_t bytes_of(const model::Message& message) {
    return message.topic.size() + message.payload.size() + message.properties.size();
  }
  // A part of the way through those whose topic matches the filter, level by level in the order of
  // their names: at most `most` behind the topic `after`, or from the beginning if that is empty.
  // Whoever goes on keeps nothing but a topic. Publishers wait meanwhile: no more than kLooks names
  // are looked at, however many match or do not.
  static constexpr std::size_t kLooks = 1000;  // some hundred microseconds
  struct Step {
    std::vector<model::MessagePtr> found;
    std::string after;  // whence the next step goes on; nothing need be retained there
    bool at_end = false;
    std::size_t looks = 0;
  };
  [[nodiscard]] Step step(std::string_view filter, std::string_view after, std::size_t most) const;
  // Step by step, with those who publish in between; what they do may be among it or not. Not on an
  // event loop.
  [[nodiscard]] std::vector<model::MessagePtr> match(
      std::string_view filter, std::string_view after = {},
      std::size_t most = std::numeric_limits<std::size_t>::max()) const;

  // Whether the time of one is over.
  [[nodiscard]] bool some_expired(std::int64_t now_ms) const {
    return now_ms >= first_expiry_ms_.load(std::memory_order_relaxed);
  }
  // Takes away at most `most` whose time is over, if `forget` says that their records are: it is
  // asked once. What has taken the place of one of them meanwhile stays; its record follows.
  // Returns how many. The caller holds the records.
  std::size_t drop_expired(std::int64_t now_ms, std::size_t most,
                           FunctionRef<bool(std::span<const std::string_view>)> forget);

 private:
  struct Node {
    model::MessagePtr message;
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  };
  struct Tree {
    Node root;
    std::size_t size = 0;
    std::set<std::pair<std::int64_t, Node*>> expiring;  // those that do, by the time when
  };
  class Walk;
  template <class Work>
  void change(Work work);
  void let_changes_through() const;
  void set(Tree& tree, const model::MessagePtr& message);
  void erase(Tree& tree, std::string_view topic);
  [[nodiscard]] static const Node* node_of(const Tree& tree, std::string_view topic);
  void note_first_expiry(const Tree& tree);

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  const MemoryBoundPtr memory_ = std::make_shared<MemoryBound>();
  std::mutex records_;
  Guarded<Tree> tree_;
  std::atomic<std::uint32_t> changing_{0};  // threads that change it, or wait to
  std::atomic<std::int64_t> first_expiry_ms_{kNever};
};

}  // namespace sluice::broker
