#include "broker/access_control.hpp"

#include <boost/json/parse.hpp>

#include "base/log.hpp"
#include "broker/access/permissions.hpp"
#include "broker/access/state.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using mqtt::ReasonCode;

Error damaged(std::string_view key, std::string_view why) {
  return {.code = Errc::Corrupt,
          .detail = "the stored document " + std::string(key) + " is damaged: " + std::string(why)};
}

Result<json::object> parse_stored(std::string_view key, std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error || !value.is_object()) return tl::unexpected(damaged(key, "not a JSON object"));
  return std::move(value.get_object());
}

// What is stored was checked when it came; what does not pass now is damage, and a policy that
// cannot be read must not be left out silently.
Result<PolicyPtr> policy_from_stored(const json::object& stored) {
  json::object fields = stored;
  for (const auto* added : {"id", "created", "updated"}) fields.erase(added);
  auto checked = schema::check(AccessControl::policy_fields(), fields);
  if (checked.problems.empty()) check_policy(checked.value, checked.problems);
  if (!checked.problems.empty()) {
    return fail(Errc::Corrupt,
                checked.problems.front().pointer + " " + checked.problems.front().detail);
  }
  return std::make_shared<const Policy>(policy_from(stored));
}

// They were there when it was made.
void warn_of_listeners(const Policy& policy, const std::vector<std::string>& known) {
  std::vector<schema::Problem> problems;
  check_policy_listeners(policy.document, known, problems);
  for (const auto& problem : problems)
    log::warn("a policy names a listener that there is not",
              {{"policy", policy.name}, {"field", problem.pointer}, {"problem", problem.detail}});
}

}  // namespace

AccessControl::AccessControl(store::Store& store, const Clock& clock, Options options)
    : state_(std::make_unique<State>(store, clock, options)) {}

AccessControl::~AccessControl() {
  stop();
}

void AccessControl::stop() {
  for (const auto& method : state_->options.methods)
    if (method != nullptr) method->stop();
  state_->pool.stop();
}

Result<void> AccessControl::load() {
  const std::scoped_lock lock(state_->changing);
  auto users = std::make_shared<Users>();
  std::map<std::string, PolicyPtr> policies;
  std::optional<Error> failure;

  SL_TRY_VOID(state_->store.scan(
      store::StateKind::Document, kUserPrefix, [&](std::string_view key, std::string_view text) {
        const auto stored = parse_stored(key, text);
        const auto user = stored.and_then([&](const json::object& document) {
          return user_from_stored(document, ++state_->revisions);
        });
        if (user)
          users->insert_or_assign(std::string((*user)->document.at("name").get_string()), *user);
        if (!user) failure = damaged(key, user.error().detail);
        return user.has_value();
      }));
  if (failure) return tl::unexpected(*failure);
  SL_TRY_VOID(state_->store.scan(store::StateKind::Document, kPolicyPrefix,
                                 [&](std::string_view key, std::string_view text) {
                                   const auto stored = parse_stored(key, text);
                                   const auto policy = stored.and_then(policy_from_stored);
                                   if (policy) policies.insert_or_assign((*policy)->name, *policy);
                                   if (!policy) failure = damaged(key, policy.error().detail);
                                   return policy.has_value();
                                 }));
  if (failure) return tl::unexpected(*failure);
  for (const auto& [name, policy] : policies) warn_of_listeners(*policy, state_->options.listeners);
  if (enabled()) SL_TRY_VOID(state_->load_salts_key());

  log::info("access control loaded", {{"enabled", enabled() ? "true" : "false"},
                                      {"users", users->size()},
                                      {"policies", policies.size()}});
  state_->users.with([&](auto& current) { current = std::move(users); });
  auto set = std::make_shared<const PolicySet>(std::move(policies));
  state_->policies.with([&](auto& current) { current = std::move(set); });
  note_change();
  return {};
}

void AccessControl::note_change() {
  generation_.fetch_add(1, std::memory_order_release);
  for (auto* listener : {&state_->change_listener, &state_->task_listener}) {
    listener->with([](const auto& changed) {
      if (changed) changed();
    });
  }
}

void AccessControl::set_change_listener(std::function<void()> changed) {
  state_->change_listener.with([&](auto& current) { current = std::move(changed); });
}

bool AccessControl::enabled() const {
  return state_->options.enabled;
}

PermissionsPtr AccessControl::compile(const Client& client) const {
  if (!enabled()) return state_->all_permissions;
  return compile_permissions(*state_->all_policies(), client);
}

bool AccessControl::user_exists(std::string_view username) const {
  if (!enabled()) return true;
  return state_->all_users()->contains(username);
}

std::string AccessControl::user_id(std::string_view username) const {
  if (!enabled()) return {};
  const auto all = state_->all_users();
  const auto found = all->find(username);
  return found == all->end() ? std::string() : found->second->id;
}

}  // namespace sluice::broker
