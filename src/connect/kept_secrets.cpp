#include "connect/kept_secrets.hpp"

#include <algorithm>

#include <boost/json/object.hpp>

namespace sluice::connect {

namespace json = boost::json;

bool is_kept(const json::value* after, const json::value* given) {
  if (after == nullptr) return false;
  if (!after->is_object()) {
    const bool is_fresh = given != nullptr && *given != "***";
    return !is_fresh && after->is_string() && !after->get_string().empty();
  }
  const auto* members = given == nullptr ? nullptr : given->if_object();
  return std::ranges::any_of(after->get_object(), [&](const auto& member) {
    const auto* fresh = members == nullptr ? nullptr : members->if_contains(member.key());
    return is_kept(&member.value(), fresh);
  });
}

}  // namespace sluice::connect
