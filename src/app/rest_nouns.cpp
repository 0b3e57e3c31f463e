// What there is to administer from the command line: nouns, verbs, and the columns of lists.
#include <algorithm>
#include <array>

#include "admin/actions.hpp"
#include "admin/group_actions.hpp"
#include "admin/page.hpp"
#include "app/rest_commands.hpp"

namespace sluice::app {
namespace {

using Columns = std::string_view;

constexpr std::array<std::string_view, 6> kConnectionVerbs = {"create", "list",   "show",
                                                              "update", "delete", "verify"};
constexpr std::array<std::string_view, 14> kTaskVerbs = {
    "create", "list",   "show",    "update", "copy",         "start",  "pause",
    "seek",   "replay", "preview", "delete", "dead-letters", "events", "errors"};
constexpr std::array<std::string_view, 4> kDeadLetterVerbs = {"list", "show", "redrive", "delete"};
constexpr std::array<std::string_view, 5> kRuleVerbs = {"create", "list", "show", "update",
                                                        "delete"};
constexpr std::array<std::string_view, 6> kAdministratorVerbs = {"create", "list",   "show",
                                                                 "update", "delete", "password"};
constexpr std::array<std::string_view, 7> kPolicyVerbs = {"create", "list", "show",  "update",
                                                          "delete", "test", "import"};
constexpr std::array<std::string_view, 3> kSubscriptionVerbs = {"list", "add", "remove"};
constexpr std::array<std::string_view, 7> kClientVerbs = {"list",  "show",   "disconnect", "delete",
                                                          "drain", "events", "trace"};
constexpr std::array<std::string_view, 4> kTokenVerbs = {"create", "list", "show", "delete"};
constexpr std::array<std::string_view, 2> kSettingVerbs = {"list", "update"};
constexpr std::array<std::string_view, 2> kAuditVerbs = {"list", "show"};
constexpr std::array<std::string_view, 1> kEventVerbs = {"list"};
constexpr std::array<std::string_view, 3> kRetainedVerbs = {"list", "show", "delete"};
constexpr std::array<std::string_view, 4> kMessageVerbs = {"list", "show", "trace", "publish"};

constexpr std::array<Columns, 5> kConnectionColumns = {"name", "type", "status", "status_reason",
                                                       "updated"};
constexpr std::array<Columns, 6> kTaskColumns = {"name",      "status",   "lag_messages",
                                                 "delivered", "rejected", "status_reason"};
constexpr std::array<Columns, 3> kUserColumns = {"name", "description", "created"};
constexpr std::array<Columns, 4> kAdministratorColumns = {"name", "role", "description", "updated"};
constexpr std::array<Columns, 6> kTokenColumns = {"name",  "role",    "scope",
                                                  "owner", "expires", "last_used"};
constexpr std::array<Columns, 6> kAuditColumns = {"time",    "user",    "operation",
                                                  "subject", "outcome", "address"};
constexpr std::array<Columns, 4> kSettingColumns = {"name", "value", "origin", "reloadable"};
constexpr std::array<Columns, 5> kEventColumns = {"time", "event", "subject", "reason", "address"};
constexpr std::array<Columns, 5> kPolicyColumns = {"name", "effect", "operations", "resources",
                                                   "users"};
constexpr std::array<Columns, 5> kBlockRuleColumns = {"name", "type", "value", "except", "until"};
constexpr std::array<Columns, 5> kAutoSubscriptionColumns = {"name", "filters", "qos", "users",
                                                             "client_ids"};
constexpr std::array<Columns, 5> kEnrichmentRuleColumns = {"name", "enabled", "priority", "topics",
                                                           "user_properties"};
constexpr std::array<Columns, 6> kGroupColumns = {"name",    "made",    "strategy",
                                                  "members", "updated", "description"};
constexpr std::array<Columns, 6> kSubscriptionColumns = {"filter",    "qos",          "no_local",
                                                         "in_flight", "lag_messages", "group"};
constexpr std::array<Columns, 6> kClientColumns = {"client_id", "status",        "username",
                                                   "address",   "subscriptions", "lag_messages"};
constexpr std::array<Columns, 7> kMessageColumns = {
    "timestamp", "id", "topic", "qos", "client_id", "payload_bytes", "payload"};
constexpr std::array<Columns, 6> kRetainedColumns = {"topic",     "timestamp",     "qos",
                                                     "client_id", "payload_bytes", "payload"};
constexpr std::array<Columns, 6> kDeadLetterColumns = {"rejected_at", "message_id", "class",
                                                       "topic",       "client_id",  "reason"};

constexpr ListQuery kByName{.contains = admin::kNameContains.name};
constexpr ListQuery kByClientId{.contains = "client_id_contains"};
constexpr ListQuery kConnectionQuery{.contains = admin::kNameContains.name,
                                     .sorts = admin::kConnectionSorts};
constexpr ListQuery kTaskQuery{.contains = admin::kNameContains.name, .sorts = admin::kTaskSorts};
constexpr ListQuery kGroupQuery{.contains = admin::kNameContains.name, .sorts = admin::kGroupSorts};

constexpr std::array<Noun, 19> kNouns = {
    Noun{"connection", "/connections", "Addresses and credentials of outside systems",
         kConnectionVerbs, kConnectionColumns, kConnectionQuery},
    Noun{"task", "/tasks", "Flows from topics to outside systems", kTaskVerbs, kTaskColumns,
         kTaskQuery},
    Noun{"dead-letter", "/tasks",
         "Messages that a task could not deliver: look, send again, delete", kDeadLetterVerbs,
         kDeadLetterColumns},
    Noun{"user", "/users", "MQTT users", kRuleVerbs, kUserColumns, kByName, true},
    Noun{"administrator", "/administrators", "Who may use the administration, and what for",
         kAdministratorVerbs, kAdministratorColumns, kByName, true},
    Noun{"token", "/tokens", "Bearer tokens for programs, as SLUICE_TOKEN takes them", kTokenVerbs,
         kTokenColumns, kByName, true},
    Noun{"policy", "/policies", "Who may connect, publish and subscribe", kPolicyVerbs,
         kPolicyColumns, kByName},
    Noun{"audit", "/audit", "Who changed what by REST, and what was refused", kAuditVerbs,
         kAuditColumns},
    Noun{"event", "/events", "What happened to clients, sessions, messages and tasks", kEventVerbs,
         kEventColumns},
    Noun{"client", "/clients", "MQTT clients with a session", kClientVerbs, kClientColumns,
         kByClientId},
    Noun{"subscription", "/clients", "What clients are subscribed to", kSubscriptionVerbs,
         kSubscriptionColumns},
    Noun{"block-rule", "/block-rules", "Who is kept out, by client id, user or address", kRuleVerbs,
         kBlockRuleColumns, kByName},
    Noun{"auto-subscription", "/auto-subscriptions",
         "What clients are subscribed to when they connect", kRuleVerbs, kAutoSubscriptionColumns,
         kByName},
    Noun{"enrichment-rule", "/enrichment-rules", "What the server adds to messages", kRuleVerbs,
         kEnrichmentRuleColumns, kByName},
    Noun{"group", "/groups", "Shared subscription groups", kRuleVerbs, kGroupColumns, kGroupQuery},
    Noun{"message", "/messages", "Stored messages: find, show, trace, publish", kMessageVerbs,
         kMessageColumns},
    Noun{"retained", "/retained", "Retained messages, by topic", kRetainedVerbs, kRetainedColumns},
    Noun{"setting", "/settings", "Settings in effect and where each comes from; change them",
         kSettingVerbs, kSettingColumns},
    Noun{"overview", "/overview", "What a start page needs", {}, {}},
};

}  // namespace

std::span<const Noun> nouns() {
  return kNouns;
}

const Noun* find_noun(std::string_view name) {
  const auto it = std::ranges::find(kNouns, name, &Noun::name);
  return it == kNouns.end() ? nullptr : &*it;
}

std::string_view verb_help(std::string_view verb) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 25> kHelp = {
      {{"create", "Make one from a JSON document"},
       {"list", "All of them"},
       {"show", "One of them"},
       {"delete", "Delete it"},
       {"verify", "Try it: every step on the way to the other side"},
       {"start", "Start it where it stopped"},
       {"pause", "Pause it; what is in flight is settled first"},
       {"dead-letters", "Messages that the other side refused"},
       {"trace", "What happened to it; of a client: its messages that are traced"},
       {"update", "Change it, while it works too: a JSON merge patch"},
       {"copy", "Make a task like it, which does not run yet"},
       {"seek", "Go on from another place in the log"},
       {"replay", "Send a range of the log again, to another topic: by a task of its own"},
       {"preview", "The record that would be made of a message; nothing is written"},
       {"redrive", "Send them again; each goes once it has arrived"},
       {"add", "Subscribe the client; its policies must cover the filter"},
       {"remove", "End a subscription of the client"},
       {"test", "Would it be allowed, and which policies say so? Exit code 1: denied"},
       {"import", "Make all of a document; what is not as it was there is told"},
       {"disconnect", "Disconnect it; its session stays"},
       {"drain", "Send those that are connected to another server"},
       {"password", "Change the password of who is logged in: SLUICE_USER, SLUICE_PASSWORD"},
       {"events", "What happened to it"},
       {"errors", "Why it waited, failed or rejected messages, and how often"},
       {"publish", "Publish one; done once it is durable"}}};
  for (const auto& [name, help] : kHelp) {
    if (name == verb) return help;
  }
  return {};
}

}  // namespace sluice::app
