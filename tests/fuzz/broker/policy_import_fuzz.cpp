// Whatever document of TDMQ comes: it is refused with a place and a reason, or each policy made of
// it is one that may be made; an allow of it allows publishing nothing that it did not allow there,
// and a deny denies at least as much.
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include "base/check.hpp"
#include "broker/access/permissions.hpp"
#include "broker/access/policy.hpp"
#include "broker/access/tdmq_policies.hpp"
#include "broker/access_control.hpp"
#include "broker/wildcard.hpp"

namespace {

using namespace sluice;  // a fuzzer has no other names
using namespace sluice::broker;

// As far as it is known how they are read there: `*` is any characters.
bool is_plain(std::string_view pattern) {
  return pattern.find_first_of("+#?$%") == std::string_view::npos;
}

void check_reach(const TdmqPolicy& theirs, const std::vector<Policy>& made) {
  for (const auto& pattern : theirs.topics)
    if (!is_plain(pattern)) return;
  for (const std::string topic : {"a", "a/b", "a/b/c", "a/", "/a", "ab", "plant/7/state"}) {
    bool there = false;
    for (const auto& pattern : theirs.topics) there = there || matches_wildcard(pattern, topic);
    bool here = false;
    for (const auto& policy : made)
      here = here || speaks_on(policy, Client{},
                               {.operation = Operation::Publish, .topic = topic, .retain = true});
    const bool is_asked = theirs.publish && theirs.retained && theirs.qos.front() == 0;
    if (!is_asked) continue;
    if (theirs.allow) SL_CHECK(there || !here);
    if (!theirs.allow) SL_CHECK(here || !there);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse({reinterpret_cast<const char*>(data), size}, error);
  if (error || !parsed.is_object()) return 0;
  const auto theirs = read_tdmq_policies(parsed.get_object());
  if (!theirs) {
    SL_CHECK(!theirs.error().fields.empty());
    return 0;
  }
  const auto translated = translate(*theirs);
  SL_CHECK(translated.size() == theirs->size());
  std::set<std::string> names;
  for (std::size_t i = 0; i < translated.size(); ++i) {
    std::vector<Policy> made;
    for (const auto& document : translated[i].made) {
      auto checked = schema::check(AccessControl::policy_fields(), document);
      if (checked.problems.empty()) check_policy(checked.value, checked.problems);
      // More than ten topics are refused whole.
      if (!checked.problems.empty()) {
        SL_CHECK((*theirs)[i].topics.size() > 10 || (*theirs)[i].users.size() > 1000 ||
                 (*theirs)[i].client_ids.size() > 1000 || (*theirs)[i].addresses.size() > 1000);
        return 0;
      }
      made.push_back(policy_from(checked.value));
      SL_CHECK(names.insert(made.back().name).second);
    }
    SL_CHECK(!made.empty() || (*theirs)[i].allow);
    check_reach((*theirs)[i], made);
  }
  return 0;
}
