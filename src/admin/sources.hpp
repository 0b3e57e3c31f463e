#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "broker/access_control.hpp"
#include "broker/block_rules.hpp"
#include "broker/client_subscription.hpp"
#include "broker/drain.hpp"
#include "broker/named_documents.hpp"
#include "broker/outside_message.hpp"
#include "broker/rights_preview.hpp"
#include "broker/session_list.hpp"
#include "broker/tracer.hpp"
#include "connect/registry.hpp"
#include "connect/service.hpp"
#include "model/message.hpp"
#include "store/store.hpp"

namespace sluice::admin {

using broker::ClientQuery;
using broker::RightsEffect;

// What the administration shows and works on. Everything referred to outlives the server; the
// functions are called from its threads, may block, and may be empty.
struct Sources {
  store::Store& store;
  broker::AccessControl& access;
  connect::Service& integration;
  const connect::Registry& connectors;
  metrics::Registry& metrics;
  const Clock& clock;
  std::function<boost::json::object()> broker_overview = {};
  // A page; members have `client_id`.
  std::function<Outcome<boost::json::array>(const ClientQuery&)> clients = {};
  // One of them by its id; disconnected; its session ended, durable when it returns.
  std::function<Outcome<boost::json::object>(const std::string& client_id)> client = {};
  std::function<Outcome<boost::json::object>(const std::string& client_id)> disconnect_client = {};
  std::function<Outcome<void>(const std::string& client_id)> end_client_session = {};
  // What a change of policies would take away from clients and their sessions.
  std::function<Outcome<broker::RightsEffect>(const broker::PolicyTrialPtr&)> preview_rights = {};
  // Retained messages by topic: at most `limit` behind the topic `after`; of one topic, or null;
  // forgotten, durable when it returns.
  std::function<std::vector<model::MessagePtr>(const std::string& filter, const std::string& after,
                                               std::size_t limit)>
      retained = {};
  std::function<model::MessagePtr(const std::string& topic)> retained_message = {};
  std::function<Outcome<void>(const std::string& topic)> remove_retained = {};
  // Sends those that are connected to another server, so many a second; how many there are.
  std::function<std::size_t(const broker::Redirect&, double per_second)> drain = {};
  // Rules; null where there are no clients.
  broker::NamedDocuments* block_rules = nullptr;
  // Of a block rule by its name: whom it has refused.
  std::function<broker::BlockRules::Refusals(const std::string& rule)> refusals_of = {};
  broker::NamedDocuments* auto_subscriptions = nullptr;
  broker::NamedDocuments* enrichment_rules = nullptr;
  broker::NamedDocuments* groups = nullptr;
  // Groups that clients are in, by filter; of one: with its members.
  std::function<boost::json::array(const std::optional<std::string>& only)> groups_in_use = {};
  std::function<std::uint32_t()> groups_allowed = {};  // of them: `mqtt.groups`
  std::function<Result<void>(const std::string& group)> end_group = {};
  // Of a client by its id: what it is subscribed to, one more, one less. Durable when they return.
  std::function<Outcome<boost::json::array>(const std::string& client_id)> subscriptions_of = {};
  std::function<Outcome<boost::json::object>(const std::string& client_id,
                                             const broker::ClientSubscription& wanted)>
      subscribe_client = {};
  std::function<Outcome<void>(const std::string& client_id, const std::string& filter)>
      unsubscribe_client = {};
  // Subscriptions of all clients: a page.
  std::function<Outcome<broker::ClientPage::Whole>(const broker::SubscriptionQuery&)>
      subscriptions = {};
  // Publishes, and waits until it is durable.
  std::function<Outcome<broker::Published>(const broker::OutsideMessage&)> publish = {};
  // Who is to get it and how far they are: arrays `sessions`, `groups`, `tasks`.
  std::function<boost::json::object(const model::Message&)> consumers = {};
  broker::Tracer* tracer = nullptr;
  std::function<boost::json::object()> settings = {};  // effective, with origin, secrets masked
  // A merge patch of the settings as a document; as `settings` afterwards, durable.
  std::function<Outcome<boost::json::object>(const boost::json::object& patch)> change_settings =
      {};
  std::function<std::vector<std::string>()> unready = {};  // reasons besides the store's
  std::function<std::vector<std::string>()> notices = {};  // what will need a person before long
};

}  // namespace sluice::admin
