// Policies of TDMQ for MQTT, said as policies of ours: what is the same, and what is not.
//
// What cannot be said exactly is said so that nobody may do more than there: an allow becomes
// narrower, or is left out; a deny becomes wider.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "broker/access/tdmq_document.hpp"

namespace sluice::broker {

struct TranslatedPolicy {
  std::string name = {};                       // as it is called there
  std::int64_t priority = 0;                   // the smallest comes first
  std::vector<boost::json::object> made = {};  // documents of ours; none: it is not carried
  std::vector<std::string> differences = {};   // sentences for people
};

// Each by itself; what their order meant is not looked at. Pure.
[[nodiscard]] std::vector<TranslatedPolicy> translate(const std::vector<TdmqPolicy>& policies);

}  // namespace sluice::broker
