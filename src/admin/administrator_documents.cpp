// Accounts of the administration as documents: making, changing, deleting them.
#include <boost/json/object.hpp>

#include "admin/administrator_accounts.hpp"
#include "base/entity_id.hpp"
#include "broker/access/password_hash.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/named_documents.hpp"
#include "broker/save_change.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

Refusal invalid(std::vector<schema::Problem> problems) {
  return {.errc = Errc::InvalidArgument,
          .code = "invalid_document",
          .detail = "the document has " + std::to_string(problems.size()) + " fault(s)",
          .hint = "mend the listed fields and send it again",
          .fields = std::move(problems)};
}

Refusal not_found(std::string_view which) {
  return {.errc = Errc::NotFound,
          .code = "not_found",
          .detail = "there is no administrator " + std::string(which),
          .hint = "list them to see names and ids"};
}

Refusal last_administrator() {
  return {.errc = Errc::WrongState,
          .code = "last_administrator",
          .detail = "it is the last account with the role administrator",
          .hint = "give another account that role first"};
}

Outcome<std::string> hash(std::string_view password) {
  auto hashed = broker::hash_password(password);
  if (hashed) return *std::move(hashed);
  return refuse({.errc = hashed.error().code,
                 .code = "overloaded",
                 .detail = hashed.error().detail,
                 .hint = "try again in a moment"});
}

// What the document says about the password.
struct NewPassword {
  std::optional<std::string> text;  // none: the old one stays
  bool is_made = false;             // and is shown once
};
NewPassword password_in(const json::object& document, bool is_needed) {
  const auto* given = document.if_contains("password");
  if (given == nullptr && !is_needed) return {};
  if (given == nullptr || !given->is_string())
    return {.text = broker::random_password(), .is_made = true};
  return {.text = std::string(given->get_string())};
}

json::object entity(const json::object& fields, std::string_view id, const json::value& created,
                    const std::string& now) {
  json::object made{{"id", id}};
  for (const auto& [name, value] : fields) {
    if (name != "password") made[name] = value;
  }
  made["created"] = created;
  made["updated"] = now;
  return made;
}

Role role_in(const json::object& document) {
  return role_of(document.at("role").get_string()).value();
}

}  // namespace

const schema::Fields& AdministratorAccounts::fields() {
  using enum schema::Type;
  static const schema::Fields kFields = [] {
    auto name = broker::rule_name_field();
    name.help = "Who logs in. Stays as it is.";
    name.minimum = 1;
    return schema::Fields{
        std::move(name),
        {.name = "role",
         .type = Choice,
         .help = "viewer: reads everything but secrets; operator: acts, too, on what there is; "
                 "administrator: everything.",
         .required = true,
         .choices = {kRoleNames.begin(), kRoleNames.end()}},
        {.name = "password",
         .help = "Without one, or with null, one is made and shown in this answer alone.",
         .secret = true,
         .nullable = true,
         .minimum = std::int64_t{kShortestPassword},
         .maximum = 256},
        broker::rule_description_field(),
    };
  }();
  return kFields;
}

std::vector<json::object> AdministratorAccounts::all() const {
  return all_.with([](const All& all) {
    std::vector<json::object> shown;
    for (const auto& [name, stored] : all) shown.push_back(stored->document);
    return shown;
  });
}

Outcome<json::object> AdministratorAccounts::find(std::string_view which) const {
  const auto found = stored(which);
  if (!found) return refuse(not_found(which));
  return found->document;
}

Outcome<json::object> AdministratorAccounts::create(const json::object& document) {
  auto checked = schema::check(fields(), document);
  auto& problems = checked.problems;
  const auto* name = checked.value.if_contains("name");
  if (name != nullptr && name->is_string() && name->get_string() == kLocalName)
    problems.push_back({"/name", "is what the token in data/run acts under; choose another"});
  if (!problems.empty()) return refuse(invalid(std::move(problems)));

  const auto password = password_in(checked.value, true);
  SL_TRY(hashed, hash(*password.text));
  const std::scoped_lock lock(changing_);
  const std::string chosen(name->get_string());
  if (account(chosen))
    return refuse({.errc = Errc::AlreadyExists,
                   .code = "name_taken",
                   .detail = "there is an administrator named " + chosen + " already",
                   .hint = "choose another name, or change that one",
                   .fields = {{"/name", "is taken"}}});
  if (all().size() >= kMaximum)
    return refuse({.errc = Errc::WrongState,
                   .code = "limit_reached",
                   .detail = "there are " + std::to_string(kMaximum) + " administrators already",
                   .hint = "delete some that are not used"});
  const auto id = new_entity_id(clock_);
  const auto now = broker::rfc3339(clock_.wall_ms());
  auto shown = entity(checked.value, id, json::value(now), now);
  SL_TRY_VOID(save(std::make_shared<Stored>(Stored{
      .document = shown,
      .password_hash = std::move(hashed),
      .account = {
          .id = id, .name = chosen, .role = role_in(checked.value), .revision = ++revisions_}})));
  if (password.is_made) shown["password"] = *password.text;
  return shown;
}

Outcome<json::object> AdministratorAccounts::replace(std::string_view which,
                                                     const json::object& document) {
  auto checked = schema::check(fields(), broker::without_additions(document));
  const auto before = stored(which);
  if (!before) return refuse(not_found(which));
  const auto* name = checked.value.if_contains("name");
  if (name != nullptr && *name != before->document.at("name"))
    checked.problems.push_back({"/name", "cannot be changed: logins and the audit go by it"});
  if (!checked.problems.empty()) return refuse(invalid(std::move(checked.problems)));

  const auto password = password_in(document, false);
  std::string hashed;
  if (password.text) {
    SL_TRY(made, hash(*password.text));
    hashed = std::move(made);
  }
  const std::scoped_lock lock(changing_);
  const auto old = stored(before->account.id);
  if (!old) return refuse(not_found(which));
  auto changed = std::make_shared<Stored>(*old);
  changed->account.role = role_in(checked.value);
  const bool is_demoted = changed->account.role < old->account.role;
  if (is_demoted && is_last(*old)) return refuse(last_administrator());
  changed->document = entity(checked.value, old->account.id, old->document.at("created"),
                             broker::rfc3339(clock_.wall_ms()));
  if (password.text) {
    changed->password_hash = std::move(hashed);
    changed->account.has_first_password = false;
  }
  if (password.text || changed->account.role != old->account.role)
    changed->account.revision = ++revisions_;
  SL_TRY_VOID(save(changed));

  auto shown = changed->document;
  if (password.is_made) shown["password"] = *password.text;
  return shown;
}

Outcome<void> AdministratorAccounts::remove(std::string_view which) {
  const std::scoped_lock lock(changing_);
  const auto found = stored(which);
  if (!found) return refuse(not_found(which));
  if (is_last(*found)) return refuse(last_administrator());
  const auto batch = store_.new_batch();
  batch->erase(store::StateKind::Document, std::string(kPrefix) + found->account.id);
  SL_TRY_VOID(broker::save_change(store_, batch));
  all_.with([&](All& all) { all.erase(found->account.name); });
  return {};
}

Outcome<Account> AdministratorAccounts::set_password(std::string_view id,
                                                     std::string_view password) {
  SL_TRY(hashed, hash(password));
  const std::scoped_lock lock(changing_);
  const auto old = stored(id);
  if (!old) return refuse(not_found(id));
  auto changed = std::make_shared<Stored>(*old);
  changed->document["updated"] = broker::rfc3339(clock_.wall_ms());
  changed->password_hash = std::move(hashed);
  changed->account.has_first_password = false;
  changed->account.revision = ++revisions_;
  SL_TRY_VOID(save(changed));
  return changed->account;
}

}  // namespace sluice::admin
