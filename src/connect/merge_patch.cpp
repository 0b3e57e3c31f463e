#include "connect/merge_patch.hpp"

namespace sluice::connect {

namespace json = boost::json;

json::object merge_patch(json::object target, const json::object& patch) {
  for (const auto& [name, value] : patch) {
    if (value.is_null()) {
      target.erase(name);
    } else if (const auto* nested = value.if_object()) {
      auto& member = target[name];
      auto* before = member.if_object();
      member = merge_patch(before != nullptr ? std::move(*before) : json::object(), *nested);
    } else {
      target[name] = value;
    }
  }
  return target;
}

}  // namespace sluice::connect
