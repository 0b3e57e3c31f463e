// The filter table's part that holds back who publishes too much for a task.
#include <algorithm>

#include "base/check.hpp"
#include "broker/filter_table.hpp"

namespace sluice::broker {

class FilterTable::FilterBrake final : public Brake {
 public:
  FilterBrake(FilterTable& table, const Entry* entry, PublishLimitPtr limit)
      : table_(table), entry_(entry), limit_(std::move(limit)) {}
  ~FilterBrake() override {
    limit_->end();
    {
      const std::scoped_lock lock(table_.mutex_);
      const auto [first, last] = table_.limits_.equal_range(entry_);
      const auto mine =
          std::find_if(first, last, [&](const auto& e) { return e.second == limit_; });
      if (mine != last) table_.limits_.erase(mine);
      table_.version_.fetch_add(1, std::memory_order_release);
    }
    if (table_.room_listener_) table_.room_listener_();
  }
  FilterBrake(const FilterBrake&) = delete;
  FilterBrake& operator=(const FilterBrake&) = delete;

  void hold_at(store::Position end) override {
    if (limit_->set(end) && table_.room_listener_) table_.room_listener_();
  }

 private:
  FilterTable& table_;
  const Entry* entry_;  // stays while the filter is acquired, and so as long as this
  PublishLimitPtr limit_;
};

std::unique_ptr<Brake> FilterTable::brake(std::string_view filter, std::function<void()> on_held) {
  auto limit = std::make_shared<PublishLimit>(std::move(on_held));
  const std::scoped_lock lock(mutex_);
  const Entry* found = tree_.find(filter);
  SL_CHECK(found != nullptr && found->acquired > 0);
  limits_.emplace(found, limit);
  version_.fetch_add(1, std::memory_order_release);
  return std::make_unique<FilterBrake>(*this, found, std::move(limit));
}

}  // namespace sluice::broker
