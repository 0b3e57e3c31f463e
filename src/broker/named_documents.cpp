#include "broker/named_documents.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/entity_id.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/save_change.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 3> kAddedToRules = {"id", "created", "updated"};

bool is_rule_name(std::string_view text) {
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
         std::string_view::npos;
}

std::string_view name_of_rule(const json::object& document) {
  return document.at("name").get_string();
}

Refusal invalid_rule(std::vector<schema::Problem> problems) {
  return {.errc = Errc::InvalidArgument,
          .code = "invalid_document",
          .detail = "the document has " + std::to_string(problems.size()) + " fault(s)",
          .hint = "mend the listed fields and send it again",
          .fields = std::move(problems)};
}

json::object rule_entity(const json::object& fields, const json::value& id,
                         const json::value& created, const std::string& now) {
  json::object entity{{"id", id}};
  for (const auto& [name, value] : fields) entity[name] = value;
  entity["created"] = created;
  entity["updated"] = now;
  return entity;
}

// By id before name: a rule may be called as another one's id reads.
auto place_of_rule(const NamedDocuments::All& all, std::string_view which) {
  const auto by_id = std::ranges::find_if(
      all, [&](const json::object& document) { return document.at("id").get_string() == which; });
  return by_id != all.end() ? by_id : std::ranges::find(all, which, name_of_rule);
}

bool is_rule_name_taken(const NamedDocuments::All& all, std::string_view name) {
  return std::ranges::find(all, name, name_of_rule) != all.end();
}

}  // namespace

json::object without_additions(const json::object& document) {
  auto given = document;
  for (const auto added : kAddedToRules) given.erase(added);
  return given;
}

schema::Field rule_name_field() {
  return {.name = "name",
          .help = "Unique.",
          .required = true,
          .minimum = 3,
          .maximum = 64,
          .pattern_help = "letters, digits, _ - .",
          .allowed = is_rule_name};
}

schema::Field rule_description_field() {
  return {.name = "description", .help = "For people.", .fallback = "", .maximum = 128};
}

std::vector<std::string> texts_in(const json::value& list) {
  std::vector<std::string> texts;
  for (const auto& value : list.get_array()) texts.emplace_back(value.get_string());
  return texts;
}

NamedDocuments::NamedDocuments(store::Store& store, const Clock& clock, const DocumentKind& kind,
                               Listener changed)
    : store_(store), clock_(clock), kind_(kind), changed_(std::move(changed)) {}

// What is stored was checked when it came; what does not pass now is damage, and a rule that cannot
// be read must not be left out silently.
Result<void> NamedDocuments::load() {
  const std::scoped_lock lock(changing_);
  All found;
  std::optional<std::string> damaged;
  SL_TRY_VOID(store_.scan(
      store::StateKind::Document, kind_.prefix, [&](std::string_view key, std::string_view text) {
        boost::system::error_code error;
        auto value = json::parse(text, error);
        bool good = !error && value.is_object() && value.get_object().contains("id");
        good = good && checked(without_additions(value.get_object()), false).has_value();
        if (good)
          found.push_back(std::move(value.get_object()));
        else
          damaged = key;
        return good;
      }));
  if (damaged) return fail(Errc::Corrupt, "the stored document " + *damaged + " is damaged");
  std::ranges::sort(found, {}, name_of_rule);
  publish(std::move(found));
  return {};
}

NamedDocuments::All NamedDocuments::all() const {
  return all_.with([](const All& all) { return all; });
}

Outcome<json::object> NamedDocuments::find(std::string_view which) const {
  return all_.with([&](const All& all) -> Outcome<json::object> {
    const auto found = place_of_rule(all, which);
    if (found != all.end()) return *found;
    return refuse({.errc = Errc::NotFound,
                   .code = "not_found",
                   .detail = "there is no " + std::string(kind_.noun) + " " + std::string(which),
                   .hint = "list them to see names and ids"});
  });
}

Outcome<json::object> NamedDocuments::checked(const json::object& document, bool is_new) const {
  auto found = schema::check(kind_.fields(), document);
  if (found.problems.empty() && kind_.check != nullptr) kind_.check(found.value, found.problems);
  if (found.problems.empty() && is_new && kind_.check_new != nullptr)
    kind_.check_new(found.value, found.problems);
  if (!found.problems.empty()) return refuse(invalid_rule(std::move(found.problems)));
  return std::move(found.value);
}

Outcome<json::object> NamedDocuments::create(const json::object& document) {
  auto fields = checked(document, true);
  if (!fields) return fields;
  const std::string name(name_of_rule(*fields));
  const std::scoped_lock lock(changing_);
  auto all = this->all();
  if (is_rule_name_taken(all, name))
    return refuse(
        {.errc = Errc::AlreadyExists,
         .code = "name_taken",
         .detail = "there is a " + std::string(kind_.noun) + " named " + name + " already",
         .hint = "choose another name, or change that one",
         .fields = {{"/name", "is taken"}}});
  if (all.size() >= kind_.maximum)
    return refuse({.errc = Errc::WrongState,
                   .code = "limit_reached",
                   .detail = "there are " + std::to_string(kind_.maximum) + ' ' +
                             std::string(kind_.noun) + "s already, as many as there may be",
                   .hint = "delete one that is not used, or add to one that there is"});
  const auto now = rfc3339(clock_.wall_ms());
  const auto id = new_entity_id(clock_);
  auto entity = rule_entity(*fields, json::value(id), json::value(now), now);
  const auto batch = store_.new_batch();
  batch->put(store::StateKind::Document, std::string(kind_.prefix) + id, json::serialize(entity));
  SL_TRY_VOID(save_change(store_, batch));
  all.insert(std::ranges::upper_bound(all, std::string_view(name), {}, name_of_rule), entity);
  publish(std::move(all));
  return entity;
}

Outcome<json::object> NamedDocuments::replace(std::string_view which,
                                              const json::object& document) {
  auto fields = checked(without_additions(document), true);
  if (!fields) return fields;
  const std::scoped_lock lock(changing_);
  const auto old = find(which);
  if (!old) return old;
  auto all = this->all();
  all.erase(place_of_rule(all, which));
  if (is_rule_name_taken(all, name_of_rule(*fields)))
    return refuse({.errc = Errc::AlreadyExists,
                   .code = "name_taken",
                   .detail = "another " + std::string(kind_.noun) + " has this name",
                   .hint = "choose another name",
                   .fields = {{"/name", "is taken"}}});
  auto entity = rule_entity(*fields, old->at("id"), old->at("created"), rfc3339(clock_.wall_ms()));
  const auto batch = store_.new_batch();
  batch->put(store::StateKind::Document,
             std::string(kind_.prefix) + std::string(old->at("id").get_string()),
             json::serialize(entity));
  SL_TRY_VOID(save_change(store_, batch));
  all.insert(std::ranges::upper_bound(all, name_of_rule(entity), {}, name_of_rule), entity);
  publish(std::move(all));
  return entity;
}

Outcome<void> NamedDocuments::remove(std::string_view which) {
  const std::scoped_lock lock(changing_);
  const auto found = find(which);
  if (!found) return tl::unexpected(found.error());
  const auto batch = store_.new_batch();
  batch->erase(store::StateKind::Document,
               std::string(kind_.prefix) + std::string(found->at("id").get_string()));
  SL_TRY_VOID(save_change(store_, batch));
  auto all = this->all();
  all.erase(place_of_rule(all, found->at("id").get_string()));
  publish(std::move(all));
  return {};
}

void NamedDocuments::publish(All all) {
  all_.with([&](All& current) { current = all; });
  if (changed_) changed_(all);
}

}  // namespace sluice::broker
