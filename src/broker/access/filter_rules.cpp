#include "broker/access/filter_rules.hpp"

#include <algorithm>
#include <utility>

#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

constexpr std::size_t kFew = 8;  // from there on the tree is faster (bench/micro/access_bench.cpp)

}  // namespace

Says& Says::operator|=(const Says& more) {
  publish_allowed |= more.publish_allowed;
  publish_denied |= more.publish_denied;
  subscribe_allowed |= more.subscribe_allowed;
  subscribe_denied |= more.subscribe_denied;
  receive_denied = receive_denied || more.receive_denied;
  return *this;
}

void FilterRules::add(std::string filter, const Says& says) {
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
  if (many_) many_->match(topic, [&](const Says& found) { says |= found; });
  return says;
}

Says FilterRules::on_filter(std::string_view filter) const {
  auto says = on_everything_;
  for (const auto& rule : few_)
    if (mqtt::covers(rule.filter, filter)) says |= rule.says;
  if (many_) many_->match_covering(filter, [&](const Says& found) { says |= found; });
  return says;
}

}  // namespace sluice::broker
