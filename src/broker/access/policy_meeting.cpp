// Whether two policies can speak on the same: what an import is told with.
#include <algorithm>

#include "broker/access/policy.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

// No names, no networks: any.
template <class Pattern>
bool lists_may_meet(const std::vector<Pattern>& one, const std::vector<Pattern>& other) {
  return one.empty() || other.empty() || std::ranges::any_of(one, [&](const Pattern& pattern) {
           return std::ranges::any_of(
               other, [&](const Pattern& another) { return pattern.may_meet(another); });
         });
}

bool resources_may_meet(const Policy& one, const Policy& other) {
  return std::ranges::any_of(one.resources, [&](const ResourceTemplate& resource) {
    const auto filter = resource.widest();
    return std::ranges::any_of(other.resources, [&](const ResourceTemplate& another) {
      return mqtt::may_overlap(filter, another.widest());
    });
  });
}

}  // namespace

bool may_meet(const Policy& one, const Policy& other) {
  if (!lists_may_meet(one.users, other.users) ||
      !lists_may_meet(one.client_ids, other.client_ids) ||
      !lists_may_meet(one.sources, other.sources) ||
      !lists_may_meet(one.listeners, other.listeners))
    return false;
  if (one.connect && other.connect) return true;
  if ((one.qos_mask & other.qos_mask) == 0) return false;
  const bool both_publish = one.publish && other.publish &&
                            ((one.retained && other.retained) || (one.general && other.general));
  const bool both_subscribe = one.subscribe && other.subscribe;
  return (both_publish || both_subscribe) && resources_may_meet(one, other);
}

}  // namespace sluice::broker
