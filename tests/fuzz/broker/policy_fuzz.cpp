// Whatever document a policy is: it is refused with a reason, or it does what its effect says. A
// deny alone gives nobody anything; an allow gives nothing beyond its operations.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>

#include <boost/json/parse.hpp>

#include "broker/access/permissions.hpp"
#include "broker/access/policy.hpp"
#include "broker/access_control.hpp"

namespace {

using namespace sluice;  // a fuzzer has no other names
using namespace sluice::broker;

void look_at(const Policy& policy, const Permissions& permissions) {
  for (const auto* topic : {"a", "a/b", "$SYS/x", "u", "c/u"}) {
    for (const auto qos : {mqtt::Qos::AtMostOnce, mqtt::Qos::ExactlyOnce})
      if (permissions.may_publish(topic, qos, true) && !(policy.allow && policy.publish))
        std::abort();
    if (permissions.may_subscribe(topic, mqtt::Qos::AtLeastOnce) &&
        !(policy.allow && policy.subscribe))
      std::abort();
  }
  if (permissions.may_subscribe("#", mqtt::Qos::AtMostOnce) && !(policy.allow && policy.subscribe))
    std::abort();
  if (permissions.may_connect() && !(policy.allow && policy.connect)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse({reinterpret_cast<const char*>(data), size}, error);
  if (error || !parsed.is_object()) return 0;
  auto checked = schema::check(AccessControl::policy_fields(), parsed.get_object());
  if (checked.problems.empty()) check_policy(checked.value, checked.problems);
  if (!checked.problems.empty()) return 0;

  const auto policy = std::make_shared<const Policy>(policy_from(checked.value));
  const PolicySet set({{policy->name, policy}});
  for (const auto* name : {"u", "#", "+", "", "a/b", "$SYS"}) {
    Client client{.client_id = "c", .username = name, .has_username = true, .host = "10.1.2.3"};
    look_at(*policy, *compile_permissions(set, client));
    client.client_id = name;
    client.host = "no address";
    look_at(*policy, *compile_permissions(set, client));
  }
  return 0;
}
