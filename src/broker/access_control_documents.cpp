#include <boost/json/object.hpp>

#include "base/entity_id.hpp"
#include "broker/access/password_hash.hpp"
#include "broker/access/policy.hpp"
#include "broker/access/state.hpp"
#include "broker/access/task_rights.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/access_control.hpp"
#include "broker/named_documents.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

Refusal invalid(std::vector<schema::Problem> problems) {
  return {.errc = Errc::InvalidArgument,
          .code = "invalid_document",
          .detail = "the document has " + std::to_string(problems.size()) + " fault(s)",
          .hint = "mend the listed fields and send it again",
          .fields = std::move(problems)};
}

Refusal name_taken(std::string_view kind, std::string_view name) {
  return {.errc = Errc::AlreadyExists,
          .code = "name_taken",
          .detail = "there is a " + std::string(kind) + " named " + std::string(name) + " already",
          .hint = "choose another name, or delete the other one first",
          .fields = {{"/name", "is taken"}}};
}

Refusal not_found(std::string_view kind, std::string_view which) {
  return {.errc = Errc::NotFound,
          .code = "not_found",
          .detail = "there is no " + std::string(kind) + " " + std::string(which),
          .hint = "list them to see names and ids"};
}

Refusal too_many(std::string_view kind, std::size_t maximum) {
  return {.errc = Errc::WrongState,
          .code = "limit_reached",
          .detail = "there are " + std::to_string(maximum) + " " + std::string(kind) + " already",
          .hint = "delete some that are not used"};
}

Refusal not_hashed(const Error& why) {
  return {.errc = why.code,
          .code = "overloaded",
          .detail = why.detail,
          .hint = "try again in a moment"};
}

std::string key_of(std::string_view prefix, const std::string& id) {
  return std::string(prefix) + id;
}

class Trial final : public PolicyTrial {
 public:
  Trial(std::shared_ptr<const PolicySet> policies, std::shared_ptr<const Users> users)
      : policies_(std::move(policies)), users_(std::move(users)) {}

  [[nodiscard]] PermissionsPtr compile(const Client& client) const override {
    return compile_permissions(*policies_, client);
  }
  [[nodiscard]] AccountRightsPtr rights_of(const std::string& user,
                                           const std::string& client_id) const override {
    return rights_by(policies_, *users_, user, client_id);
  }

 private:
  const std::shared_ptr<const PolicySet> policies_;
  const std::shared_ptr<const Users> users_;
};

class TrialOfNothing final : public PolicyTrial {
 public:
  [[nodiscard]] PermissionsPtr compile(const Client&) const override {
    return everything_allowed();
  }
  [[nodiscard]] AccountRightsPtr rights_of(const std::string&, const std::string&) const override {
    return all_rights();
  }
};

}  // namespace

json::object as_entity(const json::object& fields, const std::string& id, const std::string& now) {
  json::object entity;
  entity["id"] = id;
  for (const auto& [name, value] : fields) entity[name] = value;
  entity["created"] = now;
  entity["updated"] = now;
  return entity;
}

Result<UserPtr> user_from_stored(const json::object& stored, std::uint64_t revision) {
  auto user = std::make_shared<User>();
  user->document = stored;
  user->revision = revision;
  const auto* id = stored.if_contains("id");
  const auto* name = stored.if_contains("name");
  const auto* hash = stored.if_contains("password_hash");
  for (const auto* part : {id, name, hash}) {
    if (part == nullptr || !part->is_string()) {
      return fail(Errc::Corrupt, "id, name or password_hash is missing");
    }
  }
  user->id = id->get_string();
  user->password_hash = hash->get_string();
  user->document.erase("password_hash");
  if (const auto* scram = stored.if_contains("scram")) {
    user->scram = scram->is_string() ? scram_from_text(scram->get_string()) : std::nullopt;
    if (!user->scram) return fail(Errc::Corrupt, "scram is damaged");
    user->document.erase("scram");
  }
  return user;
}

Outcome<json::object> AccessControl::create_user(const json::object& document) {
  auto checked = schema::check(user_fields(), document);
  if (!checked.problems.empty()) return refuse(invalid(std::move(checked.problems)));

  auto fields = checked.value;
  const auto* given = fields.if_contains("password");
  const bool is_made = given == nullptr || !given->is_string();
  const std::string password = is_made ? random_password() : std::string(given->get_string());
  fields.erase("password");
  const std::string name(fields.at("name").get_string());
  if (state_->all_users()->contains(name)) return refuse(name_taken("user", name));
  const auto hash = hash_password(password);
  if (!hash) return refuse(not_hashed(hash.error()));
  const auto verifier = scram_verifier(password);

  const std::scoped_lock lock(state_->changing);
  const auto old = state_->all_users();
  if (old->contains(name)) return refuse(name_taken("user", name));
  if (old->size() >= kMaximumUsers) return refuse(too_many("users", kMaximumUsers));
  const auto id = new_entity_id(state_->clock);
  auto stored = as_entity(fields, id, rfc3339(state_->clock.wall_ms()));
  stored["password_hash"] = *hash;
  stored["scram"] = to_text(verifier);
  SL_TRY_VOID(state_->put(key_of(kUserPrefix, id), stored));

  const auto user = user_from_stored(stored, ++state_->revisions);
  auto changed = std::make_shared<Users>(*old);
  changed->emplace(name, *user);
  state_->users.with([&](auto& current) { current = std::move(changed); });
  note_change();

  auto shown = (*user)->document;
  if (is_made) shown["password"] = password;
  return shown;
}

// Whoever is connected stays so: a password is asked for at CONNECT.
Outcome<json::object> AccessControl::replace_user(std::string_view which,
                                                  const json::object& document) {
  auto checked = schema::check(user_fields(), without_additions(document));
  auto& fields = checked.value;
  const auto before = state_->find_user(which);
  if (!before) return refuse(not_found("user", which));
  const auto* name = fields.if_contains("name");
  if (name != nullptr && *name != before->document.at("name"))
    checked.problems.push_back({"/name", "cannot be changed: clients log in with it"});
  if (!checked.problems.empty()) return refuse(invalid(std::move(checked.problems)));

  std::optional<std::string> password;
  bool is_made = false;
  if (const auto* given = document.if_contains("password")) {
    is_made = !given->is_string();
    password = is_made ? random_password() : std::string(given->get_string());
  }
  fields.erase("password");
  std::string hash;
  std::string scram;
  if (password) {
    const auto hashed = hash_password(*password);
    if (!hashed) return refuse(not_hashed(hashed.error()));
    hash = *hashed;
    scram = to_text(scram_verifier(*password));
  }

  const std::scoped_lock lock(state_->changing);
  const auto old = state_->find_user(before->id);
  if (!old) return refuse(not_found("user", which));
  auto stored = as_entity(fields, old->id, rfc3339(state_->clock.wall_ms()));
  stored["created"] = old->document.at("created");
  stored["password_hash"] = password ? hash : old->password_hash;
  if (!password && old->scram) scram = to_text(*old->scram);
  if (!scram.empty()) stored["scram"] = scram;
  SL_TRY_VOID(state_->put(key_of(kUserPrefix, old->id), stored));

  const auto user = user_from_stored(stored, ++state_->revisions);
  auto changed = std::make_shared<Users>(*state_->all_users());
  (*changed)[std::string(old->document.at("name").get_string())] = *user;
  state_->users.with([&](auto& current) { current = std::move(changed); });
  note_change();

  auto shown = (*user)->document;
  if (is_made) shown["password"] = *password;
  return shown;
}

std::vector<json::object> AccessControl::users() const {
  std::vector<json::object> shown;
  const auto all = state_->all_users();
  for (const auto& [name, user] : *all) shown.push_back(user->document);
  return shown;
}

Outcome<json::object> AccessControl::user(std::string_view which) const {
  const auto found = state_->find_user(which);
  if (!found) return refuse(not_found("user", which));
  return found->document;
}

Outcome<void> AccessControl::remove_user(std::string_view which) {
  const std::scoped_lock lock(state_->changing);
  const auto found = state_->find_user(which);
  if (!found) return refuse(not_found("user", which));
  SL_TRY_VOID(state_->erase(key_of(kUserPrefix, found->id)));

  auto changed = std::make_shared<Users>(*state_->all_users());
  changed->erase(std::string(found->document.at("name").get_string()));
  state_->users.with([&](auto& current) { current = std::move(changed); });
  note_change();
  return {};
}

Outcome<json::object> AccessControl::checked_policy(const json::object& document) const {
  auto checked = schema::check(policy_fields(), document);
  if (checked.problems.empty()) check_policy(checked.value, checked.problems);
  if (checked.problems.empty())
    check_policy_listeners(checked.value, state_->options.listeners, checked.problems);
  if (!checked.problems.empty()) return refuse(invalid(std::move(checked.problems)));
  return std::move(checked.value);
}

Outcome<json::object> AccessControl::create_policy(const json::object& document) {
  const auto fields = checked_policy(document);
  if (!fields) return fields;
  const std::string name(fields->at("name").get_string());
  const std::scoped_lock lock(state_->changing);
  auto changed = state_->all_policies()->by_name();
  if (changed.contains(name)) return refuse(name_taken("policy", name));
  if (changed.size() >= kMaximumPolicies) return refuse(too_many("policies", kMaximumPolicies));
  const auto id = new_entity_id(state_->clock);
  const auto stored = as_entity(*fields, id, rfc3339(state_->clock.wall_ms()));
  SL_TRY_VOID(state_->put(key_of(kPolicyPrefix, id), stored));

  changed.emplace(name, std::make_shared<const Policy>(policy_from(stored)));
  auto set = std::make_shared<const PolicySet>(std::move(changed));
  state_->policies.with([&](auto& current) { current = std::move(set); });
  note_change();
  return stored;
}

Outcome<json::object> AccessControl::replace_policy(std::string_view which,
                                                    const json::object& document) {
  const auto fields = checked_policy(without_additions(document));
  if (!fields) return fields;
  const std::string name(fields->at("name").get_string());
  const std::scoped_lock lock(state_->changing);
  const auto old = state_->all_policies()->find(which);
  if (!old) return refuse(not_found("policy", which));
  auto changed = state_->all_policies()->by_name();
  changed.erase(old->name);
  if (changed.contains(name)) return refuse(name_taken("policy", name));
  auto stored = as_entity(*fields, old->id, rfc3339(state_->clock.wall_ms()));
  stored["created"] = old->document.at("created");
  SL_TRY_VOID(state_->put(key_of(kPolicyPrefix, old->id), stored));

  changed.emplace(name, std::make_shared<const Policy>(policy_from(stored)));
  auto set = std::make_shared<const PolicySet>(std::move(changed));
  state_->policies.with([&](auto& current) { current = std::move(set); });
  note_change();
  return stored;
}

Outcome<PolicyTrialPtr> AccessControl::try_policy(
    const std::optional<std::string>& which, const std::optional<json::object>& document) const {
  const auto now = state_->all_policies();
  auto changed = now->by_name();
  if (which) {
    const auto old = now->find(*which);
    if (!old) return refuse(not_found("policy", *which));
    changed.erase(old->name);
  }
  if (document) {
    const auto fields = checked_policy(which ? without_additions(*document) : *document);
    if (!fields) return tl::unexpected(fields.error());
    const std::string name(fields->at("name").get_string());
    if (changed.contains(name)) return refuse(name_taken("policy", name));
    if (changed.size() >= kMaximumPolicies) return refuse(too_many("policies", kMaximumPolicies));
    changed.emplace(name, std::make_shared<const Policy>(policy_from(as_entity(*fields, "", ""))));
  }
  if (!enabled()) return std::make_shared<const TrialOfNothing>();
  return std::make_shared<const Trial>(std::make_shared<const PolicySet>(std::move(changed)),
                                       state_->all_users());
}

std::vector<json::object> AccessControl::policies() const {
  std::vector<json::object> shown;
  const auto all = state_->all_policies();
  for (const auto& [name, policy] : all->by_name()) shown.push_back(policy->document);
  return shown;
}

Outcome<json::object> AccessControl::policy(std::string_view which) const {
  const auto found = state_->all_policies()->find(which);
  if (!found) return refuse(not_found("policy", which));
  return found->document;
}

Outcome<void> AccessControl::remove_policy(std::string_view which) {
  const std::scoped_lock lock(state_->changing);
  const auto found = state_->all_policies()->find(which);
  if (!found) return refuse(not_found("policy", which));
  SL_TRY_VOID(state_->erase(key_of(kPolicyPrefix, found->id)));

  auto changed = state_->all_policies()->by_name();
  changed.erase(found->name);
  auto set = std::make_shared<const PolicySet>(std::move(changed));
  state_->policies.with([&](auto& current) { current = std::move(set); });
  note_change();
  return {};
}

}  // namespace sluice::broker
