#pragma once
#include <string_view>

#include "admin/route.hpp"
#include "admin/sources.hpp"

namespace sluice::admin {

// What is done with one kind of rules. Null: there are no clients that rules could be for.
[[nodiscard]] Response create_rule(broker::NamedDocuments* rules, const Call& call,
                                   std::string_view collection);
[[nodiscard]] Response list_rules(broker::NamedDocuments* rules, const Call& call);
[[nodiscard]] Response show_rule(broker::NamedDocuments* rules, const Call& call);
[[nodiscard]] Response change_rule(broker::NamedDocuments* rules, const Call& call);
[[nodiscard]] Response remove_rule(broker::NamedDocuments* rules, const Call& call);

// How often a block rule has refused somebody, and when last.
[[nodiscard]] Response show_refusals(Context& context, const Call& call);

// The same as what a route does, for the rules that stand at `kRules` of the sources.
template <auto kRules, const std::string_view& kCollection>
Response create_rule(Context& context, const Call& call) {
  return create_rule(context.sources.*kRules, call, kCollection);
}
template <auto kRules>
Response list_rules(Context& context, const Call& call) {
  return list_rules(context.sources.*kRules, call);
}
template <auto kRules>
Response show_rule(Context& context, const Call& call) {
  return show_rule(context.sources.*kRules, call);
}
template <auto kRules>
Response change_rule(Context& context, const Call& call) {
  return change_rule(context.sources.*kRules, call);
}
template <auto kRules>
Response remove_rule(Context& context, const Call& call) {
  return remove_rule(context.sources.*kRules, call);
}

}  // namespace sluice::admin
