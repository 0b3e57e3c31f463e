// What it costs to decide whether a client may publish, with 10,000 policies and 1,000 users, and
// to make what is decided on when the policies have changed.
#include <array>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <boost/json/array.hpp>

#include "base/check.hpp"
#include "broker/access/permissions.hpp"
#include "broker/access/policy.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

constexpr int kUsers = 1000;
constexpr int kPolicies = 10'000;

std::string user(int number) {
  return "user-" + std::to_string(number);
}

PolicyPtr policy(const std::string& name, bool allow, json::array users, json::array resources) {
  json::object document{{"name", name},
                        {"effect", allow ? "allow" : "deny"},
                        {"operations", {"connect", "publish", "subscribe"}},
                        {"users", std::move(users)},
                        {"resources", std::move(resources)}};
  auto checked = schema::check(AccessControl::policy_fields(), document);
  SL_CHECK(checked.problems.empty());
  return std::make_shared<const Policy>(policy_from(checked.value));
}

using ByName = std::map<std::string, PolicyPtr>;

void add(ByName& policies, PolicyPtr made) {
  auto name = made->name;
  policies.emplace(std::move(name), std::move(made));
}

// Ten policies for each user, one of which denies.
PolicySet of_each_user() {
  ByName policies;
  for (int i = 0; i < kPolicies; ++i) {
    const auto name = "policy-" + std::to_string(i);
    const auto part = "part-" + std::to_string(i / kUsers);
    add(policies, policy(name, i >= kUsers, {user(i % kUsers)},
                         {"plant/${username}/" + part + "/+", "site/" + part + "/#"}));
  }
  return PolicySet(std::move(policies));
}

// Of 10,000 policies a hundred are for everybody, five of which deny.
PolicySet with_a_hundred_for_all() {
  ByName policies;
  for (int i = 0; i < kPolicies; ++i) {
    const auto name = "policy-" + std::to_string(i);
    const bool is_for_all = i < 100;
    json::array users;
    if (!is_for_all) users.emplace_back(user(i % kUsers));
    add(policies, policy(name, i >= 5, std::move(users),
                         {"plant/${username}/part-" + std::to_string(i % 100) + "/+"}));
  }
  return PolicySet(std::move(policies));
}

// The worst there is: every policy is for everybody.
PolicySet all_for_all() {
  ByName policies;
  for (int i = 0; i < kPolicies; ++i)
    add(policies, policy("policy-" + std::to_string(i), i >= 5, {},
                         {"plant/${username}/part-" + std::to_string(i) + "/+"}));
  return PolicySet(std::move(policies));
}

Client client_of(int number) {
  return {.client_id = "client-" + std::to_string(number),
          .username = user(number),
          .has_username = true,
          .host = "10.1.2.3"};
}

void decide(benchmark::State& state, PolicySet (*make)()) {
  const auto policies = make();
  std::vector<PermissionsPtr> permissions;
  std::vector<std::string> topics;
  for (int i = 0; i < kUsers; i += 10) {
    permissions.push_back(compile_permissions(policies, client_of(i)));
    topics.push_back("plant/" + user(i) + "/part-7/state");
  }
  std::size_t next = 0;
  std::size_t allowed = 0;
  for (auto _ : state) {
    const auto which = next++ % permissions.size();
    allowed += permissions[which]->may_publish(topics[which], mqtt::Qos::AtLeastOnce, false);
  }
  SL_CHECK(allowed == next);
}

void compile(benchmark::State& state, PolicySet (*make)()) {
  const auto policies = make();
  int next = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(compile_permissions(policies, client_of(next++ % kUsers)));
}

BENCHMARK_CAPTURE(decide, of_each_user, of_each_user);
BENCHMARK_CAPTURE(decide, with_a_hundred_for_all, with_a_hundred_for_all);
BENCHMARK_CAPTURE(decide, all_for_all, all_for_all);
BENCHMARK_CAPTURE(compile, of_each_user, of_each_user);
BENCHMARK_CAPTURE(compile, with_a_hundred_for_all, with_a_hundred_for_all);
BENCHMARK_CAPTURE(compile, all_for_all, all_for_all);

}  // namespace
}  // namespace sluice::broker
