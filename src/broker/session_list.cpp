#include "broker/session_list.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <utility>

#include "broker/broker.hpp"
#include "broker/client_administration.hpp"
#include "broker/session.hpp"
#include "broker/session_walk.hpp"
#include "broker/shared_group.hpp"
#include "broker/ticket.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

constexpr std::size_t kLooksPerStep = 2000;  // a fraction of a millisecond
constexpr std::size_t kLooksToShow = 10;     // what it costs to make a row
constexpr std::size_t kFewReaders = 1000;    // of a topic: who they are is asked in one step

bool is_wanted(const SubscriptionQuery& query, const Subscription& subscription) {
  return subscription.name.starts_with(query.filter_prefix) &&
         (query.group.empty() || subscription.group() == query.group) &&
         (query.topic.empty() || mqtt::matches(subscription.filter(), query.topic));
}

json::object shown_with_client(const Session& session, const Subscription& subscription) {
  json::object shown{{"client_id", session.client().client_id},
                     {"status", session.connection() ? "connected" : "disconnected"}};
  for (auto& member : shown_subscription(session, subscription))
    shown.emplace(member.key(), std::move(member.value()));
  return shown;
}

// Returns how many looks it took.
std::size_t add_session(const Session& session, const SubscriptionQuery& query, ClientPage& page) {
  const std::string_view client_id = session.client().client_id;
  if (session.ended() || session.only_will() || client_id < query.after_client ||
      !page.may_take(client_id))
    return 1;
  std::size_t looks = 1 + session.subscriptions().size();
  for (const auto& subscription : session.subscriptions()) {
    if (client_id == query.after_client && subscription.name <= query.after_filter) continue;
    if (!is_wanted(query, subscription)) continue;
    const auto show = [&] {
      looks += kLooksToShow;
      return shown_with_client(session, subscription);
    };
    page.add(client_id, subscription.name, show);
  }
  return looks;
}

// Adds what a session has for the page; returns how many looks it took.
using Look = std::function<std::size_t(Session& session, ClientPage& page)>;

// From this client id on.
Outcome<ClientPage::Whole> page_of_all(Broker& broker, const std::string& from, std::size_t limit,
                                       std::size_t most_bytes, const Look& look) {
  std::vector<ClientPage> pages;
  for (std::size_t i = 0; i < broker.worker_count(); ++i) {
    auto& worker = broker.worker(i);
    // By value: the answer may come when nobody waits for it any more.
    const auto walk = [&worker, from, limit, most_bytes, look](const auto& ticket) {
      const auto look_while_room = [look](Session& session,
                                          ClientPage& page) -> std::optional<std::size_t> {
        if (!page.may_take(session.client().client_id)) return std::nullopt;
        return look(session, page);
      };
      std::make_shared<SessionWalk<ClientPage>>(
          worker, from, kLooksPerStep, ClientPage(limit, most_bytes), look_while_room, ticket)
          ->go_on();
    };
    auto part = ask_worker<ClientPage>(worker, walk);
    if (!part) return tl::unexpected(part.error());
    pages.push_back(std::move(*part));
  }
  return ClientPage::merge(std::move(pages), limit, most_bytes);
}

// Without a look at all the others.
Outcome<ClientPage::Whole> page_of_one(Broker& broker, const std::string& client_id,
                                       std::size_t limit, const Look& look) {
  auto& worker = broker.worker_of(client_id);
  auto page = ask_worker<ClientPage>(worker, [&worker, client_id, limit, look](const auto& ticket) {
    ClientPage found(limit);
    if (const auto session = session_of_client(worker, client_id)) look(*session, found);
    ticket->answer(std::move(found));
  });
  if (!page) return tl::unexpected(page.error());
  std::vector<ClientPage> pages;
  pages.push_back(std::move(*page));
  return ClientPage::merge(std::move(pages), limit);
}

using Sessions = std::vector<SessionPtr>;
// By the index of their worker. A session ends on its worker: whoever has taken one along gives it
// back there.
using SessionsOfWorkers = std::vector<Sessions>;

SessionsOfWorkers by_worker(Broker& broker, Sessions sessions) {
  SessionsOfWorkers parts(broker.worker_count());
  std::ranges::sort(sessions);
  const auto repeated = std::ranges::unique(sessions);
  for (auto& session : std::ranges::subrange(sessions.begin(), repeated.begin()))
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (&session->worker() == &broker.worker(i)) {
        parts[i].push_back(std::move(session));
        break;
      }
  return parts;
}

// Who gets what is published on the topic, if there are few: then nobody else is looked at.
Outcome<std::optional<SessionsOfWorkers>> few_readers(Broker& broker, const std::string& topic) {
  auto readers = broker.filters().readers_of(topic, kFewReaders);
  if (!readers) return std::nullopt;
  auto sessions = std::move(readers->sessions);
  for (const auto& group : readers->groups) {
    auto members =
        ask_worker<std::optional<Sessions>>(group->worker(), [group](const auto& ticket) {
          if (group->member_count() > kFewReaders) return ticket->answer(std::nullopt);
          ticket->answer(group->member_sessions());
        });
    const bool are_few = members && *members && sessions.size() + (*members)->size() <= kFewReaders;
    if (are_few) {
      std::ranges::move(**members, std::back_inserter(sessions));
      continue;
    }
    auto parts = by_worker(broker, std::move(sessions));
    for (std::size_t i = 0; i < parts.size(); ++i)
      broker.worker(i).post([given_back = std::move(parts[i])] {});
    if (!members) return tl::unexpected(members.error());
    return std::nullopt;
  }
  return by_worker(broker, std::move(sessions));
}

Outcome<ClientPage::Whole> page_of(Broker& broker, SessionsOfWorkers parts, std::size_t limit,
                                   const Look& look) {
  std::vector<ClientPage> pages;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    auto page = ask_worker<ClientPage>(
        broker.worker(i), [sessions = std::move(parts[i]), limit, look](const auto& ticket) {
          ClientPage found(limit);
          for (const auto& session : sessions) look(*session, found);
          ticket->answer(std::move(found));
        });
    if (!page) return tl::unexpected(page.error());
    pages.push_back(std::move(*page));
  }
  return ClientPage::merge(std::move(pages), limit);
}

bool is_wanted(const ClientQuery& query, const Session& session) {
  const auto& client = session.client();
  const auto is = [](const std::optional<std::string>& wanted, std::string_view value) {
    return !wanted || *wanted == value;
  };
  const auto& part = query.client_id_contains;
  return (!part || client.client_id.find(*part) != std::string::npos) &&
         is(query.username, client.username) && is(query.address, client.host) &&
         is(query.listener, client.listener.text()) &&
         is(query.status, session.connection() ? "connected" : "disconnected");
}

std::size_t add_client(Session& session, const ClientQuery& query, ClientPage& page) {
  const auto& client_id = session.client().client_id;
  // An id may be long, and is looked through.
  if (client_id <= query.after || !is_wanted(query, session)) return 1 + client_id.size() / 256;
  return page.add(client_id, {}, [&] { return shown_client(session); }) ? kLooksToShow : 1;
}

}  // namespace

Outcome<ClientPage::Whole> list_subscriptions(Broker& broker, const SubscriptionQuery& query) {
  // By value: the answer may come when nobody waits for it any more.
  const Look look = [query](Session& session, ClientPage& page) {
    return add_session(session, query, page);
  };
  if (!query.client_id.empty()) return page_of_one(broker, query.client_id, query.limit, look);
  if (!query.topic.empty()) {
    auto readers = few_readers(broker, query.topic);
    if (!readers) return tl::unexpected(readers.error());
    if (*readers) return page_of(broker, *std::move(*readers), query.limit, look);
  }
  return page_of_all(broker, query.after_client, query.limit, ClientPage::kMostBytes, look);
}

Outcome<ClientPage::Whole> list_clients(Broker& broker, const ClientQuery& query) {
  const Look look = [query](Session& session, ClientPage& page) {
    return add_client(session, query, page);
  };
  if (query.client_id) return page_of_one(broker, *query.client_id, query.limit, look);
  // A page that is not full is the last one for who asks.
  return page_of_all(broker, query.after, query.limit, SIZE_MAX, look);
}

}  // namespace sluice::broker
