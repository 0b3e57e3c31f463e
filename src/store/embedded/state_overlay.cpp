#include "store/embedded/state_overlay.hpp"

#include <iterator>

#include "base/check.hpp"

namespace sluice::store::embedded {
namespace {

std::size_t index_of(StateKind kind) {
  return static_cast<std::size_t>(kind);
}

void set(StateOverlay::Changes& changes, std::string_view key, StateOverlay::Value value) {
  const auto found = changes.lower_bound(key);
  if (found != changes.end() && found->first == key) {
    found->second = std::move(value);
  } else {
    changes.emplace_hint(found, key, std::move(value));
  }
}

// Later changes replace earlier ones. Both ascend: where one went says where the next one goes.
void copy_range(const StateOverlay::Changes& from, std::string_view prefix, std::string_view after,
                StateOverlay::Changes& into) {
  auto next = into.begin();
  auto at = after < prefix || after.empty() ? from.lower_bound(prefix) : from.upper_bound(after);
  for (; at != from.end() && at->first.starts_with(prefix); ++at) {
    next = std::next(into.insert_or_assign(next, at->first, at->second));
  }
}

}  // namespace

void StateOverlay::put(StateKind kind, std::string_view key, std::string_view value) {
  const std::scoped_lock lock(mutex_);
  set((*active_)[index_of(kind)], key, std::string(value));
}

void StateOverlay::erase(StateKind kind, std::string_view key) {
  const std::scoped_lock lock(mutex_);
  set((*active_)[index_of(kind)], key, std::nullopt);
}

std::optional<StateOverlay::Value> StateOverlay::find(StateKind kind, std::string_view key) const {
  const std::scoped_lock lock(mutex_);
  for (const ByKind* changes : {active_.get(), frozen_.get()}) {
    if (changes == nullptr) continue;
    const Changes& of_kind = (*changes)[index_of(kind)];
    if (const auto found = of_kind.find(key); found != of_kind.end()) return found->second;
  }
  return std::nullopt;
}

StateOverlay::Changes StateOverlay::range(StateKind kind, std::string_view prefix,
                                          std::string_view after,
                                          FunctionRef<void()> open_view) const {
  Changes changes;
  const std::scoped_lock lock(mutex_);
  open_view();
  if (frozen_ != nullptr) copy_range((*frozen_)[index_of(kind)], prefix, after, changes);
  copy_range((*active_)[index_of(kind)], prefix, after, changes);
  return changes;
}

void StateOverlay::freeze() {
  const std::scoped_lock lock(mutex_);
  SL_CHECK(frozen_ == nullptr);
  frozen_ = std::exchange(active_, std::make_unique<ByKind>());
}

bool StateOverlay::has_frozen() const {
  const std::scoped_lock lock(mutex_);
  return frozen_ != nullptr;
}

void StateOverlay::drop_frozen() {
  std::unique_ptr<ByKind> dropped;  // freed without the lock
  const std::scoped_lock lock(mutex_);
  dropped = std::move(frozen_);
}

}  // namespace sluice::store::embedded
