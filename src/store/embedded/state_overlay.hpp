#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.hpp"
#include "store/embedded/batch.hpp"
#include "store/store.hpp"

namespace sluice::store::embedded {

// Small state as the stream's head has it, as far as the view does not know it yet.
//
// Owns:    the changes since the last checkpoint, and apart from them those that a checkpoint is
//          writing right now (frozen).
// Threads: all calls from any thread; changes come in log order.
class StateOverlay {
 public:
  // nullopt inside: erased.
  using Value = std::optional<std::string>;
  using Changes = std::map<std::string, Value, std::less<>>;
  static constexpr std::size_t kKinds = 256;
  using ByKind = std::array<Changes, kKinds>;

  void put(StateKind kind, std::string_view key, std::string_view value);
  void erase(StateKind kind, std::string_view key);

  // Nothing: not changed since the last checkpoint, the view knows.
  [[nodiscard]] std::optional<Value> find(StateKind kind, std::string_view key) const;
  // The changes of keys that begin with `prefix` and sort behind `after`; empty: all of them.
  // `open_view` runs under the same lock: what it opens and the changes are of one moment.
  [[nodiscard]] Changes range(StateKind kind, std::string_view prefix, std::string_view after,
                              FunctionRef<void()> open_view) const;

  // The checkpoint: freeze, write frozen() to the view, drop_frozen().
  void freeze();
  [[nodiscard]] bool has_frozen() const;
  [[nodiscard]] const ByKind& frozen() const { return *frozen_; }  // constant until dropped
  void drop_frozen();

 private:
  mutable std::mutex mutex_;
  std::unique_ptr<ByKind> active_ = std::make_unique<ByKind>();
  std::unique_ptr<ByKind> frozen_;
};

}  // namespace sluice::store::embedded
