// What a policy of TDMQ for MQTT says, read and checked.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/refusal.hpp"

namespace sluice::broker {

struct TdmqPolicy {
  std::string name = {};
  std::string remark = {};
  std::int64_t priority = 0;
  bool allow = false;
  bool connect = false;
  bool publish = false;
  bool subscribe = false;
  std::vector<std::string> topics = {};
  std::vector<std::string> users = {};  // patterns; none: any
  std::vector<std::string> client_ids = {};
  std::vector<std::string> addresses = {};  // or ranges
  std::vector<std::int64_t> qos = {0, 1, 2};
  bool retained = true;
  bool general = true;
};

inline constexpr std::size_t kMostImportedPolicies = 1000;

// Of an answer of DescribeAuthorizationPolicies, of {"policies": [...]}, or of one policy alone;
// each as the API has it (`PolicyName`, `Effect`, `Resources`, ...) or as its console does
// (`effect`, `actions`, `topics`, `conditions`). By priority; where none has one, their order is
// it. Refuses: invalid_document, with where in `document`. What is not known is refused by name: it
// could be a condition.
[[nodiscard]] Outcome<std::vector<TdmqPolicy>> read_tdmq_policies(
    const boost::json::object& document);

}  // namespace sluice::broker
