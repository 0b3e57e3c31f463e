// Accounts of tasks: what one may do, and how it comes and goes together with its task.
#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/entity_id.hpp"
#include "broker/access/password_hash.hpp"
#include "broker/access/state.hpp"
#include "broker/access/task_rights.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

constexpr std::size_t kResourcesOfOne = 10;  // of a policy: interface.md §4
constexpr std::size_t kLongestStem = 26;     // of a name, so that a number goes behind it

tl::unexpected<Refusal> invalid_account(std::vector<schema::Problem> problems) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the account cannot be made",
                 .hint = "correct the fields that are named and send it again",
                 .fields = std::move(problems)});
}

// Nobody means a variable where a task has a filter.
void add_problems(std::string_view place, const std::vector<std::string>& resources,
                  std::vector<schema::Problem>& problems) {
  for (std::size_t i = 0; i < resources.size(); ++i) {
    const auto parsed = ResourceTemplate::parse(resources[i]);
    const auto pointer = std::string(place) + '/' + std::to_string(i);
    if (!parsed)
      problems.push_back({pointer, "cannot stand in a policy: " + parsed.error().detail});
    else if (parsed->has_variables())
      problems.push_back({pointer, "cannot stand in a policy: `" + resources[i] +
                                       "` has a variable of policies in it"});
  }
}

// `stem`, or with a number behind it where that is taken.
template <class IsTaken>
std::string free_name(const std::string& stem, IsTaken is_taken) {
  auto name = stem;
  for (int number = 2; is_taken(name); ++number) name = stem + '-' + std::to_string(number);
  return name;
}

}  // namespace

class AccessControl::PreparedChange final : public AccountChange {
 public:
  explicit PreparedChange(AccessControl& access)
      : access_(access),
        lock_(access.state_->changing),
        users_(std::make_shared<Users>(*access.state_->all_users())),
        policies_(access.state_->all_policies()->by_name()),
        now_(rfc3339(access.state_->clock.wall_ms())) {}

  [[nodiscard]] Outcome<void> add(const AccountWish& wish, const std::string& password_hash,
                                  const ScramVerifier& verifier) {
    SL_TRY_VOID(add_user(wish, password_hash, verifier));
    SL_TRY_VOID(add_policies(wish, wish.publishes ? "publish" : "subscribe", wish.resources));
    SL_TRY_VOID(add_policies(wish, "publish", wish.published_besides));
    set_ = std::make_shared<const PolicySet>(policies_);
    return {};
  }

  // A user that was deleted and made anew since is another one's, and a policy that says something
  // of others, too, stays theirs.
  void remove(const MadeAccount& made) {
    made_ = made;
    const auto found = users_->find(made.user);
    if (found != users_->end() && found->second->id == made.user_id) {
      erased_.push_back(std::string(kUserPrefix) + made.user_id);
      users_->erase(found);
    }
    std::erase_if(policies_, [&](const auto& named) {
      const auto& policy = *named.second;
      const bool is_ours = std::ranges::find(made.policy_ids, policy.id) != made.policy_ids.end() &&
                           policy.users.size() == 1 && policy.users.front().matches(made.user) &&
                           !policy.users.front().is_prefix;
      if (is_ours) erased_.push_back(std::string(kPolicyPrefix) + policy.id);
      return is_ours;
    });
    set_ = std::make_shared<const PolicySet>(policies_);
  }

  [[nodiscard]] const MadeAccount& account() const override { return made_; }
  [[nodiscard]] AccountRightsPtr rights(const std::string& client_id) const override {
    if (!access_.enabled()) return all_rights();
    return rights_by(set_, *users_, made_.user, client_id);
  }
  void put(store::Batch& batch) const override {
    for (const auto& [key, text] : put_) batch.put(store::StateKind::Document, key, text);
    for (const auto& key : erased_) batch.erase(store::StateKind::Document, key);
  }
  void apply() override {
    access_.state_->users.with([&](auto& current) { current = users_; });
    access_.state_->policies.with([&](auto& current) { current = set_; });
    access_.note_change();
  }

 private:
  [[nodiscard]] static std::string stem_of(const AccountWish& wish) {
    return ("task-" + wish.owner).substr(0, kLongestStem);
  }

  [[nodiscard]] Outcome<void> add_user(const AccountWish& wish, const std::string& password_hash,
                                       const ScramVerifier& verifier) {
    if (users_->size() >= kMaximumUsers)
      return refuse({.errc = Errc::WrongState,
                     .code = "limit_reached",
                     .detail = "there are as many users as there may be",
                     .hint = "delete some that are not used"});
    made_.user = wish.user.empty()
                     ? free_name(stem_of(wish), [&](const auto& n) { return users_->contains(n); })
                     : wish.user;
    if (users_->contains(made_.user))
      return refuse({.errc = Errc::AlreadyExists,
                     .code = "name_taken",
                     .detail = "there is a user named " + made_.user + " already",
                     .hint = "leave `create_account` out to run as that user, or `account` for a "
                             "name that is made",
                     .fields = {{"/account", "is taken"}}});
    auto checked = schema::check(
        user_fields(), json::object{{"name", made_.user},
                                    {"description", "Made with the task " + wish.owner + "."}});
    if (!checked.problems.empty())
      return invalid_account({{"/account", checked.problems.front().detail}});
    checked.value.erase("password");
    made_.user_id = new_entity_id(access_.state_->clock);
    auto stored = as_entity(checked.value, made_.user_id, now_);
    stored["password_hash"] = password_hash;
    stored["scram"] = to_text(verifier);
    put_.emplace_back(std::string(kUserPrefix) + made_.user_id, json::serialize(stored));
    users_->emplace(made_.user, *user_from_stored(stored, ++access_.state_->revisions));
    return {};
  }

  [[nodiscard]] Outcome<void> add_policies(const AccountWish& wish, std::string_view operation,
                                           const std::vector<std::string>& resources) {
    const auto count = (resources.size() + kResourcesOfOne - 1) / kResourcesOfOne;
    if (policies_.size() + count > kMaximumPolicies)
      return refuse({.errc = Errc::WrongState,
                     .code = "limit_reached",
                     .detail = "there are as many policies as there may be",
                     .hint = "delete some that are not used"});
    for (auto at = resources.begin(); at != resources.end();) {
      const auto end = at + std::min<std::ptrdiff_t>(kResourcesOfOne, resources.end() - at);
      const auto name =
          free_name(stem_of(wish), [&](const auto& n) { return policies_.contains(n); });
      const auto checked =
          access_.checked_policy({{"name", name},
                                  {"description", "Made with the task " + wish.owner + "."},
                                  {"effect", "allow"},
                                  {"operations", json::array{json::value(operation)}},
                                  {"resources", json::array(at, end)},
                                  {"users", json::array{json::value(made_.user)}}});
      if (!checked) return tl::unexpected(checked.error());
      const auto id = new_entity_id(access_.state_->clock);
      const auto stored = as_entity(*checked, id, now_);
      put_.emplace_back(std::string(kPolicyPrefix) + id, json::serialize(stored));
      policies_.emplace(name, std::make_shared<const Policy>(policy_from(stored)));
      made_.policy_ids.push_back(id);
      at = end;
    }
    return {};
  }

  AccessControl& access_;
  const std::unique_lock<std::mutex> lock_;
  std::shared_ptr<Users> users_;
  std::map<std::string, PolicyPtr> policies_;
  std::shared_ptr<const PolicySet> set_;
  const std::string now_;
  MadeAccount made_;
  std::vector<std::pair<std::string, std::string>> put_;  // key, document
  std::vector<std::string> erased_;                       // keys
};

void AccessControl::watch(std::function<void()> changed) {
  state_->task_listener.with([&](auto& current) { current = std::move(changed); });
}

AccountRightsPtr AccessControl::rights_of(const std::string& user,
                                          const std::string& client_id) const {
  if (!enabled()) return all_rights();
  return rights_by(state_->all_policies(), *state_->all_users(), user, client_id);
}

Outcome<std::unique_ptr<AccountChange>> AccessControl::prepare_account(const AccountWish& wish) {
  std::vector<schema::Problem> problems;
  add_problems("/resources", wish.resources, problems);
  add_problems("/published_besides", wish.published_besides, problems);
  if (!problems.empty()) return invalid_account(std::move(problems));
  // Shown to nobody: who wants to log in as this user sets another one.
  const auto password = random_password();
  const auto hash = hash_password(password);
  if (!hash)
    return refuse({.errc = hash.error().code,
                   .code = "overloaded",
                   .detail = hash.error().detail,
                   .hint = "try again in a moment"});
  const auto verifier = scram_verifier(password);
  auto change = std::make_unique<PreparedChange>(*this);
  SL_TRY_VOID(change->add(wish, *hash, verifier));
  return Outcome<std::unique_ptr<AccountChange>>(std::move(change));
}

std::unique_ptr<AccountChange> AccessControl::prepare_removal(const MadeAccount& made) {
  auto change = std::make_unique<PreparedChange>(*this);
  change->remove(made);
  return change;
}

}  // namespace sluice::broker
