// Asking what policies say, without being the client: the decision is that of compile(), which
// decides on live ones; which policies speak on it is asked of each alone, by the same rules.
#include "broker/access/access_question.hpp"

#include <algorithm>

#include <boost/asio/ip/address.hpp>
#include <boost/json/array.hpp>

#include "base/json_text.hpp"
#include "broker/access/permissions.hpp"
#include "broker/access/policy_fields.hpp"
#include "broker/access/state.hpp"
#include "broker/delayed.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using Problems = std::vector<schema::Problem>;

constexpr std::size_t kMostShown = 100;  // policies of one answer
constexpr std::string_view kReceive = "receive";

Operation operation_of(std::string_view name) {
  if (name == kPublish) return Operation::Publish;
  if (name == kSubscribe) return Operation::Subscribe;
  return name == kReceive ? Operation::Receive : Operation::Connect;
}

std::string_view word_of(Operation operation) {
  switch (operation) {
    case Operation::Publish:
      return kPublish;
    case Operation::Subscribe:
      return kSubscribe;
    case Operation::Receive:
      return kReceive;
    case Operation::Connect:
      break;
  }
  return kConnect;
}

// What policies are asked of: the inner topic of a delayed message, the filter of a shared
// subscription, as on the live way.
AccessQuestion question_of(const json::object& document) {
  AccessQuestion asked{.operation = operation_of(document.at("operation").get_string()),
                       .topic = text_at(document, "topic"),
                       .qos = static_cast<mqtt::Qos>(document.at("qos").get_int64()),
                       .retain = document.at("retained").get_bool()};
  if (asked.operation == Operation::Publish) {
    if (const auto delayed = parse_delayed_topic(asked.topic))
      asked.topic = std::string(delayed->topic);
  } else if (asked.operation == Operation::Subscribe) {
    if (const auto shared = mqtt::parse_shared_filter(asked.topic))
      asked.topic = shared->group.empty() ? std::string() : std::string(shared->filter);
  }
  return asked;
}

bool is_well_formed(const AccessQuestion& asked) {
  if (asked.operation == Operation::Connect) return true;
  if (!mqtt::is_valid_utf8(asked.topic)) return false;
  return asked.operation == Operation::Subscribe ? mqtt::is_valid_topic_filter(asked.topic)
                                                 : mqtt::is_valid_topic_name(asked.topic);
}

void check_question(const json::object& document, const std::vector<std::string>& listeners,
                    Problems& problems) {
  const auto asked = question_of(document);
  if (asked.operation == Operation::Connect && document.contains("topic"))
    problems.push_back({"/topic", "has no meaning when the operation is connect"});
  else if (asked.operation != Operation::Connect && !document.contains("topic"))
    problems.push_back({"/topic", "is required: a topic, or the filter of a subscription"});
  else if (!is_well_formed(asked))
    problems.push_back({"/topic", asked.operation == Operation::Subscribe
                                      ? "must be a topic filter"
                                      : "must be a topic name, without wildcards"});
  boost::system::error_code unreadable;
  if (const auto address = text_at(document, "address"); !address.empty())
    boost::asio::ip::make_address(address, unreadable);
  if (unreadable) problems.push_back({"/address", "must be an IPv4 or IPv6 address"});
  // Also because a name, once known, stays in memory for as long as the process.
  const auto listener = text_at(document, "listener");
  if (listener.empty() || listener == kAdministration || std::ranges::count(listeners, listener))
    return;
  std::string names;
  for (const auto& name : listeners) names += name + ", ";
  problems.push_back({"/listener", "must be one of " + names + "admin"});
}

Client client_of(const json::object& document) {
  const auto listener = text_at(document, "listener");
  return {.client_id = text_at(document, "client_id"),
          .username = text_at(document, "user"),
          .has_username = document.contains("user"),
          .host = text_at(document, "address"),
          .listener = listener.empty() ? ListenerName() : ListenerName(listener)};
}

json::array shown(const std::vector<const Policy*>& policies) {
  json::array all;
  for (const auto* policy : policies) {
    if (all.size() == kMostShown) break;
    all.push_back(json::object{
        {"name", policy->name}, {"id", policy->id}, {"effect", policy->allow ? kAllow : kDeny}});
  }
  return all;
}

std::string reason_of(const AccessQuestion& asked, bool allowed, std::size_t concerning,
                      const std::vector<const Policy*>& matching) {
  if (!matching.empty())
    return "policy `" + matching.front()->name +
           (allowed ? "` allows it, and none denies it"
                    : "` denies it, and a deny wins over every allow");
  if (allowed) return "no policy denies it: what is subscribed to is delivered";
  if (concerning == 0) return "no policy allows it: none is about this client";
  return "no policy allows it: of those about this client (" + std::to_string(concerning) +
         ") none allows it to " + std::string(word_of(asked.operation)) +
         (asked.operation == Operation::Connect ? "" : " this");
}

// Those that decide stand first: denies, then by name.
std::vector<const Policy*> speaking(const std::vector<const Policy*>& concerning,
                                    const Client& client, const AccessQuestion& asked) {
  std::vector<const Policy*> matching;
  std::ranges::copy_if(concerning, std::back_inserter(matching),
                       [&](const Policy* policy) { return speaks_on(*policy, client, asked); });
  std::ranges::sort(matching, [](const Policy* a, const Policy* b) {
    return a->allow != b->allow ? !a->allow : a->name < b->name;
  });
  return matching;
}

}  // namespace

std::string why_denied(const PolicySet& policies, const Client& client,
                       const AccessQuestion& asked) {
  const auto concerning = concerning_policies(policies, client);
  return reason_of(asked, false, concerning.size(), speaking(concerning, client, asked));
}

const schema::Fields& AccessControl::question_fields() {
  using schema::Type;
  static const schema::Fields kFields = {
      {.name = "operation",
       .type = Type::Choice,
       .help = "What it wants to do; `receive`: a message of a topic, through a subscription that "
               "it has.",
       .required = true,
       .choices = {std::string(kConnect), std::string(kPublish), std::string(kSubscribe),
                   std::string(kReceive)}},
      {.name = "topic",
       .help = "The topic, or the filter of a subscription. Not with connect.",
       .maximum = 65535},
      {.name = "user", .help = "Its user name. Left out: it has none.", .maximum = 1024},
      {.name = "client_id", .help = "Its client id.", .fallback = "", .maximum = 65535},
      {.name = "address",
       .help = "From which address. Left out: one that cannot be read, which the `sources` of a "
               "deny match, and those of an allow do not.",
       .fallback = "",
       .maximum = 64},
      {.name = "listener",
       .help = "Through which listener; `admin`: publishing by REST. Left out: it is not known, "
               "which the `listeners` of a deny match, and those of an allow do not.",
       .fallback = "",
       .maximum = 256},
      {.name = "qos",
       .type = Type::Integer,
       .help = "Of the publish or the subscription.",
       .fallback = 0,
       .minimum = 0,
       .maximum = 2},
      {.name = "retained",
       .type = Type::Boolean,
       .help = "Whether the publish has the retain flag.",
       .fallback = false},
  };
  return kFields;
}

Outcome<json::object> AccessControl::test_policies(const json::object& document) const {
  auto checked = schema::check(question_fields(), document);
  if (checked.problems.empty())
    check_question(checked.value, state_->options.listeners, checked.problems);
  if (!checked.problems.empty())
    return refuse({.errc = Errc::InvalidArgument,
                   .code = "invalid_document",
                   .detail = "this is no question to policies",
                   .hint = R"(send {"user": "meter", "operation": "publish", "topic": "a/b"})",
                   .fields = std::move(checked.problems)});
  const auto asked = question_of(checked.value);
  const auto client = client_of(checked.value);

  const auto set = state_->all_policies();
  const auto permissions = enabled() ? compile_permissions(*set, client) : state_->all_permissions;
  bool allowed = is_allowed(*permissions, asked);
  const auto concerning = concerning_policies(*set, client);
  const auto matching =
      enabled() ? speaking(concerning, client, asked) : std::vector<const Policy*>();

  auto reason = enabled() ? reason_of(asked, allowed, concerning.size(), matching)
                          : "access.enabled is false: everything is allowed";
  json::value decided_by;
  if (!matching.empty()) decided_by = matching.front()->name;
  if (asked.operation == Operation::Publish && asked.topic.starts_with('$')) {
    allowed = false;
    decided_by = nullptr;
    reason =
        "topics that begin with $ belong to the server: no client publishes there, whatever "
        "policies say";
  }
  json::array notes;
  if (!client.has_username && !user_may_exist({}))
    notes.emplace_back("without a user name nobody logs in while access.enabled is true");
  if (client.has_username && !user_may_exist(client.username))
    notes.emplace_back("there is no user `" + client.username + "`: it cannot log in");
  if (asked.operation != Operation::Connect && !permissions->may_connect())
    notes.emplace_back("no policy lets it connect so");
  return json::object{{"ok", allowed},
                      {"decision", allowed ? "allowed" : "denied"},
                      {"reason", reason},
                      {"decided_by", std::move(decided_by)},
                      {"policies", shown(matching)},
                      {"notes", std::move(notes)}};
}

}  // namespace sluice::broker
