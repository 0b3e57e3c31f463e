#include "broker/access/filter_rules.hpp"

#include <algorithm>
#include <utility>

#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

constexpr std::size_t kFew = 8;  // from there on the tree is faster (bench/micro/access_bench.cpp)

}  // namespace

void FilterRules::add(std::string filter, Says says) {
  of_all_ |= says;
  if (filter.empty())
    on_everything_ |= says;
  else
    few_.push_back({.filter = std::move(filter), .says = says});
}

void FilterRules::make_ready() {
  if (few_.size() <= kFew) {
    few_.shrink_to_fit();
    return;
  }
  many_ = std::make_unique<FilterTree<Says>>();
  for (const auto& rule : few_) many_->at(rule.filter) |= rule.says;
  few_ = {};
}

Says FilterRules::on_topic(std::string_view topic) const {
  auto says = on_everything_;
  for (const auto& rule : few_)
    if (mqtt::matches(rule.filter, topic)) says |= rule.says;
  if (many_) many_->match(topic, [&](Says found) { says |= found; });
  return says;
}

Says FilterRules::on_filter(std::string_view filter) const {
  auto says = on_everything_;
  for (const auto& rule : few_)
    if (mqtt::covers(rule.filter, filter)) says |= rule.says;
  if (many_) many_->match_covering(filter, [&](Says found) { says |= found; });
  return says;
}

}  // namespace sluice::broker
