#include <set>

#include "admin/actions.hpp"
#include "admin/administrator_actions.hpp"
#include "admin/audit_actions.hpp"
#include "admin/event_actions.hpp"
#include "admin/group_actions.hpp"
#include "admin/history_actions.hpp"
#include "admin/integration_routes.hpp"
#include "admin/message_json.hpp"
#include "admin/page.hpp"
#include "admin/route.hpp"
#include "admin/rule_actions.hpp"
#include "admin/target.hpp"
#include "admin/token_actions.hpp"
#include "broker/auto_subscriptions.hpp"
#include "broker/block_rules.hpp"
#include "broker/enrichment_rules.hpp"

namespace sluice::admin {
namespace {

using enum Method;

constexpr Parameter kEffect{"effect", "Only those with this effect."};

std::vector<Route> session_routes() {
  return {
      {.method = Post,
       .path = "/api/v1/session",
       .id = "logIn",
       .summary = "Log in: a bearer token, also set as a cookie.",
       .run = log_in,
       .guard = Guard::Open,
       .body = Body::Document,
       .document = login_fields},
      {.method = Get,
       .path = "/api/v1/session",
       .id = "showSession",
       .summary = "Who is logged in.",
       .run = show_session,
       .guard = Guard::Viewer},
      {.method = Delete,
       .path = "/api/v1/session",
       .id = "logOut",
       .summary = "Log out: the token ends.",
       .answers = {204},
       .run = log_out,
       .guard = Guard::Viewer,
       .is_audited = false},
      {.method = Post,
       .path = "/api/v1/session:password",
       .id = "changeOwnPassword",
       .summary = "Change the password of who is logged in. All logins of the account end; the "
                  "answer is a new one.",
       .run = change_own_password,
       .guard = Guard::Viewer,
       .body = Body::Document,
       .document = own_password_fields},
  };
}

std::vector<Route> status_routes() {
  return {
      {.path = "/api/v1/overview",
       .id = "showOverview",
       .summary = "What a start page needs.",
       .run = show_overview,
       .guard = Guard::Viewer},
      {.path = "/api/v1/settings",
       .id = "showSettings",
       .summary = "Effective settings, with where each comes from.",
       .run = show_settings,
       .guard = Guard::Viewer},
      {.method = Patch,
       .path = "/api/v1/settings",
       .id = "changeSettings",
       .summary = "Change settings that can change while running: kept over restarts, over the "
                  "settings file, under the environment and --set. null takes a change back.",
       .run = change_settings,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "settings file, as JSON"},
      {.path = "/api/v1/connectors",
       .id = "listConnectors",
       .summary = "The settings of every connector, as JSON Schema.",
       .run = list_connectors,
       .guard = Guard::Viewer,
       .query = {kName},
       .is_list = true},
      {.path = "/api/v1/clients",
       .id = "listClients",
       .summary = "MQTT clients with a session, by client id.",
       .run = list_clients,
       .guard = Guard::Viewer,
       .query = {{"client_id", "Only the one with this client id."},
                 {"client_id_contains", "Only those with this in their client id, case counts."},
                 {"username", "Only those of this user."},
                 {"status", "Only those that are `connected`, or `disconnected`."},
                 {"address", "Only those from this address."},
                 {"listener", "Only those that came through this listener last."}},
       .is_list = true},
      {.path = "/api/v1/clients/{name}",
       .id = "showClient",
       .summary = "One client, with its subscriptions, what is in flight, and its will.",
       .run = show_client,
       .guard = Guard::Viewer,
       .query = {{"subscriptions",
                  "`false`: without the list, which may be long; `subscription_count` is there."}}},
      {.path = "/api/v1/clients/{name}/trace",
       .id = "listClientTrace",
       .summary = "Messages that a client has published, was sent and acknowledged, newest first, "
                  "of those that are traced: `PUT /tracing` with its id in `client_ids` has all of "
                  "them from then on, which `traced` says. `since` is the oldest that is kept of "
                  "any client.",
       .run = list_client_trace,
       .guard = Guard::Viewer,
       .is_list = true,
       .is_query = true},
      {.method = Post,
       .path = "/api/v1/clients/{name}:disconnect",
       .id = "disconnectClient",
       .summary = "Disconnect a client: 0x98 with MQTT 5. Its session stays, its will is sent; it "
                  "may come back at once, unless a block rule keeps it out.",
       .run = disconnect_client,
       .guard = Guard::Operator},
      {.method = Delete,
       .path = "/api/v1/clients/{name}",
       .id = "deleteClient",
       .summary = "End the session of a client, connected or not: its subscriptions and all that "
                  "waits for it are gone. Its will is sent.",
       .answers = {204},
       .run = delete_client,
       .guard = Guard::Operator},
      {.method = Post,
       .path = "/api/v1/clients:drain",
       .id = "drainClients",
       .summary = "Send the clients that are connected to another server. Their sessions stay; "
                  "`mqtt.redirect_to` keeps them from coming back.",
       .answers = {202},
       .run = drain_clients,
       .guard = Guard::Operator,
       .body = Body::Document,
       .document = drain_fields},
      {.path = "/api/v1/openapi.yaml",
       .id = "showOpenapi",
       .summary = "This description.",
       .run = show_openapi,
       .guard = Guard::Viewer,
       .content_type = "application/yaml"},
      {.path = "/metrics",
       .id = "showMetrics",
       .summary = "Metrics in the text format of Prometheus.",
       .run = show_metrics,
       .guard = Guard::Metrics,
       .content_type = "text/plain"},
      {.path = "/health/live",
       .id = "showLive",
       .summary = "Does the process answer?",
       .run = show_live,
       .guard = Guard::Open},
      {.path = "/health/ready",
       .id = "showReady",
       .summary = "Are messages accepted? 503 with reasons when not.",
       .run = show_ready,
       .guard = Guard::Open},
  };
}

std::vector<Route> access_routes() {
  return {
      {.method = Post,
       .path = "/api/v1/users",
       .id = "createUser",
       .summary = "Make an MQTT user. A password that was made is shown in this answer alone.",
       .answers = {201},
       .run = create_user,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = broker::AccessControl::user_fields},
      {.path = "/api/v1/users",
       .id = "listUsers",
       .summary = "MQTT users, by name.",
       .run = list_users,
       .guard = Guard::Viewer,
       .query = {kName, kNameContains},
       .is_list = true},
      {.path = "/api/v1/users/{name}",
       .id = "showUser",
       .summary = "One MQTT user.",
       .run = show_user,
       .guard = Guard::Viewer},
      {.method = Patch,
       .path = "/api/v1/users/{name}",
       .id = "changeUser",
       .summary = "Change the password or the description of an MQTT user; `password` null: one is "
                  "made and shown in this answer alone. Who is connected stays so.",
       .run = change_user,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "user"},
      {.method = Delete,
       .path = "/api/v1/users/{name}",
       .id = "deleteUser",
       .summary = "Delete an MQTT user. Its sessions end at once, with their subscriptions, queues "
                  "and wills.",
       .answers = {204},
       .run = delete_user,
       .guard = Guard::Administrator},
      {.method = Post,
       .path = "/api/v1/policies",
       .id = "createPolicy",
       .summary = "Make a policy. It holds at once, for connected clients too.",
       .answers = {201},
       .run = create_policy,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = broker::AccessControl::policy_fields},
      {.path = "/api/v1/policies",
       .id = "listPolicies",
       .summary = "Policies, by name.",
       .run = list_policies,
       .guard = Guard::Viewer,
       .query = {kName, kNameContains, kEffect},
       .is_list = true},
      {.path = "/api/v1/policies/{name}",
       .id = "showPolicy",
       .summary = "One policy.",
       .run = show_policy,
       .guard = Guard::Viewer},
      {.method = Patch,
       .path = "/api/v1/policies/{name}",
       .id = "changePolicy",
       .summary = "Change a policy. It holds at once, for connected clients too.",
       .run = change_policy,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "policy"},
      {.method = Delete,
       .path = "/api/v1/policies/{name}",
       .id = "deletePolicy",
       .summary = "Delete a policy.",
       .answers = {204},
       .run = delete_policy,
       .guard = Guard::Administrator},
      {.method = Post,
       .path = "/api/v1/policies:import",
       .id = "importPolicies",
       .summary = "Make all policies of a document, or none: {\"policies\": [...]}, what "
                  "GET /policies answers, or those of TDMQ for MQTT, as its API or its console "
                  "has them. The answer names each whose result is not the same here, and why.",
       .run = import_policies,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .query = {{"format", "`sluice`, which is the default, or `tdmq`."},
                 {"dry_run", "true: the report alone; nothing is made."}}},
      {.method = Post,
       .path = "/api/v1/policies:preview",
       .id = "previewPolicyChange",
       .summary = "What a change of one policy would take away at once. Nothing is changed: "
                  "`clients_disconnected`, `subscriptions_dropped`, `clients` (ids of the first "
                  "ten of them), `tasks` (whose account would lack a right).",
       .run = preview_policy_change,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = policy_change_fields,
       .is_audited = false},
      {.method = Post,
       .path = "/api/v1/policies:test",
       .id = "testPolicies",
       .summary = "Whether a client would be allowed to do something, and which policies say so: "
                  "those that decide first, at most 100. Nothing is done.",
       .run = test_policies,
       .guard = Guard::Viewer,
       .body = Body::Document,
       .document = broker::AccessControl::question_fields,
       .is_audited = false},
  };
}

constexpr std::string_view kBlockRules = "/api/v1/block-rules";
constexpr std::string_view kEnrichmentRules = "/api/v1/enrichment-rules";
constexpr std::string_view kAutoSubscriptions = "/api/v1/auto-subscriptions";

std::vector<Route> block_rule_routes() {
  constexpr Parameter kRuleType{"type", "Only those that look at this: client_id, user, address."};
  return {
      {.method = Post,
       .path = kBlockRules,
       .id = "createBlockRule",
       .summary =
           "Keep clients out, by client id, user or address: 0x8A, with MQTT 3 return code 5. "
           "Those that are connected are disconnected at once.",
       .answers = {201},
       .run = create_rule<&Sources::block_rules, kBlockRules>,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = broker::BlockRules::fields},
      {.path = kBlockRules,
       .id = "listBlockRules",
       .summary = "Block rules, by name; also those whose time is over.",
       .run = list_rules<&Sources::block_rules>,
       .guard = Guard::Viewer,
       .query = {kName, kNameContains, kRuleType},
       .is_list = true},
      {.path = "/api/v1/block-rules/{name}",
       .id = "showBlockRule",
       .summary = "One block rule.",
       .run = show_rule<&Sources::block_rules>,
       .guard = Guard::Viewer},
      {.path = "/api/v1/block-rules/{name}/refusals",
       .id = "showBlockRuleRefusals",
       .summary = "How often it has refused a connect since the server started, or since it got "
                  "its name, and when last.",
       .run = show_refusals,
       .guard = Guard::Viewer},
      {.method = Patch,
       .path = "/api/v1/block-rules/{name}",
       .id = "changeBlockRule",
       .summary = "Change a block rule. It holds at once, for connected clients too.",
       .run = change_rule<&Sources::block_rules>,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "block rule"},
      {.method = Delete,
       .path = "/api/v1/block-rules/{name}",
       .id = "deleteBlockRule",
       .summary = "Delete a block rule.",
       .answers = {204},
       .run = remove_rule<&Sources::block_rules>,
       .guard = Guard::Administrator},
  };
}

std::vector<Route> enrichment_rule_routes() {
  return {
      {.method = Post,
       .path = kEnrichmentRules,
       .id = "createEnrichmentRule",
       .summary = "Add MQTT 5 properties to messages as the server receives them, so that every "
                  "reader has them. Holds at once.",
       .answers = {201},
       .run = create_rule<&Sources::enrichment_rules, kEnrichmentRules>,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = broker::EnrichmentRules::fields},
      {.path = kEnrichmentRules,
       .id = "listEnrichmentRules",
       .summary = "Enrichment rules, by name.",
       .run = list_rules<&Sources::enrichment_rules>,
       .guard = Guard::Viewer,
       .query = {kName, kNameContains},
       .is_list = true},
      {.path = "/api/v1/enrichment-rules/{name}",
       .id = "showEnrichmentRule",
       .summary = "One enrichment rule.",
       .run = show_rule<&Sources::enrichment_rules>,
       .guard = Guard::Viewer},
      {.method = Patch,
       .path = "/api/v1/enrichment-rules/{name}",
       .id = "changeEnrichmentRule",
       .summary = "Change an enrichment rule. It holds from the next message on.",
       .run = change_rule<&Sources::enrichment_rules>,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "enrichment rule"},
      {.method = Delete,
       .path = "/api/v1/enrichment-rules/{name}",
       .id = "deleteEnrichmentRule",
       .summary = "Delete an enrichment rule.",
       .answers = {204},
       .run = remove_rule<&Sources::enrichment_rules>,
       .guard = Guard::Administrator},
  };
}

std::vector<Route> subscription_routes() {
  return {
      {.method = Post,
       .path = kAutoSubscriptions,
       .id = "createAutoSubscription",
       .summary = "Subscribe clients when they connect, as far as their policies allow it.",
       .answers = {201},
       .run = create_rule<&Sources::auto_subscriptions, kAutoSubscriptions>,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = broker::AutoSubscriptions::fields},
      {.path = kAutoSubscriptions,
       .id = "listAutoSubscriptions",
       .summary = "Auto-subscription rules, by name.",
       .run = list_rules<&Sources::auto_subscriptions>,
       .guard = Guard::Viewer,
       .query = {kName, kNameContains},
       .is_list = true},
      {.path = "/api/v1/auto-subscriptions/{name}",
       .id = "showAutoSubscription",
       .summary = "One auto-subscription rule.",
       .run = show_rule<&Sources::auto_subscriptions>,
       .guard = Guard::Viewer},
      {.method = Patch,
       .path = "/api/v1/auto-subscriptions/{name}",
       .id = "changeAutoSubscription",
       .summary = "Change an auto-subscription rule, for those who connect from now on.",
       .run = change_rule<&Sources::auto_subscriptions>,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "auto-subscription rule"},
      {.method = Delete,
       .path = "/api/v1/auto-subscriptions/{name}",
       .id = "deleteAutoSubscription",
       .summary = "Delete an auto-subscription rule. Subscriptions that it made stay.",
       .answers = {204},
       .run = remove_rule<&Sources::auto_subscriptions>,
       .guard = Guard::Administrator},
      {.path = "/api/v1/subscriptions",
       .id = "listSubscriptions",
       .summary = "What all clients are subscribed to, by client id and filter. A page with very "
                  "long filters may hold fewer than `limit`.",
       .run = list_subscriptions,
       .guard = Guard::Viewer,
       .query = {{"client_id", "Only those of this client."},
                 {"filter_prefix", "Only filters that begin so, `$share/{group}/` included."},
                 {"topic", "Only filters that match this topic."},
                 {"group", "Only those in this shared subscription group."}},
       .is_list = true},
      {.path = "/api/v1/clients/{name}/subscriptions",
       .id = "listClientSubscriptions",
       .summary = "What a client is subscribed to, with what its SUBSCRIBE said, what is in flight "
                  "and what waits. The filter is also the name, by which they go.",
       .run = list_client_subscriptions,
       .guard = Guard::Viewer,
       .is_list = true},
      {.method = Post,
       .path = "/api/v1/clients/{name}/subscriptions",
       .id = "createClientSubscription",
       .summary = "Subscribe a client that has a session, connected or not, at once.",
       .answers = {201},
       .run = create_client_subscription,
       .guard = Guard::Operator,
       .body = Body::Document,
       .document = client_subscription_fields},
      {.method = Delete,
       .path = "/api/v1/clients/{name}/subscriptions/{filter}",
       .id = "deleteClientSubscription",
       .summary = "End a subscription of a client, whoever made it.",
       .answers = {204},
       .run = delete_client_subscription,
       .guard = Guard::Operator},
  };
}

std::vector<Route> message_routes() {
  return {
      {.path = "/api/v1/retained",
       .id = "listRetained",
       .summary = "Retained messages by topic, each with the first KiB of its payload.",
       .run = list_retained,
       .guard = Guard::Viewer,
       .query = {{"filter",
                  "Only topics that this filter matches; without one all but those that "
                  "begin with `$`."}},
       .is_list = true},
      {.path = "/api/v1/retained/{topic}",
       .id = "showRetained",
       .summary = "The retained message of a topic, with the first 64 KiB of its payload.",
       .run = show_retained,
       .guard = Guard::Viewer},
      {.method = Delete,
       .path = "/api/v1/retained/{topic}",
       .id = "deleteRetained",
       .summary = "Forget the retained message of a topic. Subscribers are sent nothing; stored "
                  "messages stay.",
       .answers = {204},
       .run = delete_retained,
       .guard = Guard::Operator},
      {.path = "/api/v1/topics",
       .id = "listTopics",
       .summary = "First levels of the topics of the newest messages, at most 20,000 of them, with "
                  "how many came per second since `from`.",
       .run = list_topics,
       .guard = Guard::Viewer,
       .query = {{"filter", "Only topics that this filter matches."},
                 {"depth", "How many levels are told apart: 1, which is the default, to 128."}},
       .is_list = true,
       .is_query = true},
      {.path = "/api/v1/messages",
       .id = "listMessages",
       .summary = "Stored messages by topic and time. A page may hold fewer than `limit`, or none, "
                  "while `next` goes on: one request looks at a bounded part of the log.",
       .run = list_messages,
       .guard = Guard::Viewer,
       .query = {{"filter", "A topic filter; without one all messages."},
                 {"from", "Stored then or later: RFC 3339."},
                 {"to", "Stored before then: RFC 3339."},
                 {"order", "`newest` first, which is the default, or `oldest`."}},
       .is_list = true,
       .is_query = true},
      {.method = Post,
       .path = "/api/v1/messages",
       .id = "publishMessage",
       .summary = "Publish a message. Answered once it is durable, with its id. MQTT users may "
                  "with their name and password: their policies decide.",
       .answers = {201},
       .run = publish_message,
       .guard = Guard::OperatorOrUser,
       .body = Body::Document,
       .document = message_fields,
       .is_audited = false},
      {.path = "/api/v1/messages/{id}",
       .id = "showMessage",
       .summary = "One stored message, with the first 64 KiB of its payload.",
       .run = show_message,
       .guard = Guard::Viewer,
       .is_query = true},
      {.path = "/api/v1/messages/{id}/trace",
       .id = "traceMessage",
       .summary = "What happened to a message: when it was received, whether it is durable, and "
                  "for each session, group and task whether it has passed it.",
       .run = trace_message,
       .guard = Guard::Viewer,
       .is_query = true},
      {.path = "/api/v1/tracing",
       .id = "showTracing",
       .summary = "Of which messages exact times are kept, and how many.",
       .run = show_tracing,
       .guard = Guard::Viewer},
      {.method = Put,
       .path = "/api/v1/tracing",
       .id = "setTracing",
       .summary = "Keep exact times of these messages from now on, until the server ends. An empty "
                  "document switches it off.",
       .run = set_tracing,
       .guard = Guard::Operator,
       .body = Body::Document,
       .document = tracing_fields},
  };
}

}  // namespace

const std::vector<Route>& routes() {
  static const std::vector<Route> kRoutes = [] {
    std::vector<Route> all;
    for (auto* group :
         {session_routes, administrator_routes, token_routes, audit_routes, event_routes,
          history_routes, status_routes, access_routes, block_rule_routes, enrichment_rule_routes,
          group_routes, subscription_routes, message_routes, connection_routes, task_routes,
          dead_letter_routes}) {
      for (auto& route : group()) all.push_back(std::move(route));
    }
    return all;
  }();
  return kRoutes;
}

std::string_view resource_of(const Route& route) {
  if (!route.resource.empty()) return route.resource;
  auto path = route.path.substr(1);
  if (path.starts_with("api/v1/")) path.remove_prefix(std::string_view("api/v1/").size());
  return path.substr(0, path.find_first_of("/:"));
}

bool is_for_every_scope(const Route& route) {
  const auto resource = resource_of(route);
  return route.guard == Guard::Open || resource == "session" || resource == "openapi.yaml";
}

const std::vector<std::string>& resources() {
  static const std::vector<std::string> kResources = [] {
    std::set<std::string> found;
    for (const auto& route : routes()) {
      if (!is_for_every_scope(route)) found.emplace(resource_of(route));
    }
    return std::vector<std::string>(found.begin(), found.end());
  }();
  return kResources;
}

RoutePath route_path(const Route& route) {
  RoutePath path;
  auto target = parse_target(route.path);
  if (!target) return path;
  return {.parts = std::move(target->parts), .verb = std::move(target->verb)};
}

}  // namespace sluice::admin
