// Clients and subscriptions, a page at a time. There may be very many: each worker looks at its
// sessions in steps and serves its clients in between.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "base/refusal.hpp"
#include "broker/client_page.hpp"

namespace sluice::broker {

class Broker;

// Which clients are wanted: those behind `after`, ascending by id, at most `limit`; nothing: any.
struct ClientQuery {
  std::size_t limit = 50;
  std::string after = {};
  std::optional<std::string> client_id = {};
  std::optional<std::string> client_id_contains = {};  // a part of it, anywhere
  std::optional<std::string> username = {};
  std::optional<std::string> status = {};  // `connected`, `disconnected`
  std::optional<std::string> address = {};
  std::optional<std::string> listener = {};
};

// Which subscriptions of all clients are wanted. An empty text: any.
struct SubscriptionQuery {
  std::size_t limit = 50;
  std::string after_client;  // only those behind this client and filter
  std::string after_filter;
  std::string client_id;
  std::string filter_prefix;  // of the filter as the client wrote it
  std::string topic;          // only filters that match this topic
  std::string group;
};

// Not from a worker's thread. Overloaded: the workers did not come to it in time.
[[nodiscard]] Outcome<ClientPage::Whole> list_subscriptions(Broker& broker,
                                                            const SubscriptionQuery& query);
[[nodiscard]] Outcome<ClientPage::Whole> list_clients(Broker& broker, const ClientQuery& query);

}  // namespace sluice::broker
