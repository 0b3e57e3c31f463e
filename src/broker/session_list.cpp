#include "broker/session_list.hpp"

#include <cstdint>
#include <functional>

#include "broker/broker.hpp"
#include "broker/client_administration.hpp"
#include "broker/session.hpp"
#include "broker/ticket.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

constexpr std::size_t kLooksPerStep = 2000;  // a fraction of a millisecond
constexpr std::size_t kLooksToShow = 10;     // what it costs to make a row

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

// One worker's way over its sessions, in the order of their client ids, until the page is full.
// Who is there all the time is seen once.
class Walk : public std::enable_shared_from_this<Walk> {
 public:
  using Answer = std::shared_ptr<Ticket<ClientPage>>;
  Walk(Worker& worker, std::string from, ClientPage empty, Look look, Answer answer)
      : worker_(worker),
        from_(std::move(from)),
        page_(std::move(empty)),
        look_(std::move(look)),
        answer_(std::move(answer)) {}

  void go_on() {
    std::size_t looks = 0;
    bool has_more = false;
    worker_.sessions_in_order().each_from(from_, [&](Session& session) {
      const auto& client_id = session.client().client_id;
      if (!page_.may_take(client_id)) return false;
      if (looks >= kLooksPerStep) {
        from_ = client_id;
        has_more = true;
        return false;
      }
      looks += look_(session, page_);
      return true;
    });
    if (!has_more) return answer_->answer(std::move(page_));
    worker_.post([self = shared_from_this()] { self->go_on(); });
  }

 private:
  Worker& worker_;
  std::string from_;
  ClientPage page_;
  const Look look_;
  const Answer answer_;
};

// From this client id on.
Outcome<ClientPage::Whole> page_of_all(Broker& broker, const std::string& from, std::size_t limit,
                                       std::size_t most_bytes, const Look& look) {
  std::vector<ClientPage> pages;
  for (std::size_t i = 0; i < broker.worker_count(); ++i) {
    auto& worker = broker.worker(i);
    // By value: the answer may come when nobody waits for it any more.
    const auto walk = [&worker, from, limit, most_bytes, look](const auto& ticket) {
      std::make_shared<Walk>(worker, from, ClientPage(limit, most_bytes), look, ticket)->go_on();
    };
    auto part = ask_worker<ClientPage>(worker, walk);
    if (!part) return tl::unexpected(part.error());
    pages.push_back(std::move(*part));
  }
  return ClientPage::merge(std::move(pages), limit, most_bytes);
}

// Without a look at all the others.
Outcome<ClientPage::Whole> page_of_one(Broker& broker, const SubscriptionQuery& query) {
  auto& worker = broker.worker_of(query.client_id);
  auto page = ask_worker<ClientPage>(worker, [&worker, query](const auto& ticket) {
    ClientPage found(query.limit);
    if (const auto session = session_of_client(worker, query.client_id))
      add_session(*session, query, found);
    ticket->answer(std::move(found));
  });
  if (!page) return tl::unexpected(page.error());
  std::vector<ClientPage> pages;
  pages.push_back(std::move(*page));
  return ClientPage::merge(std::move(pages), query.limit);
}

}  // namespace

Outcome<ClientPage::Whole> list_subscriptions(Broker& broker, const SubscriptionQuery& query) {
  if (!query.client_id.empty()) return page_of_one(broker, query);
  return page_of_all(
      broker, query.after_client, query.limit, ClientPage::kMostBytes,
      [query](Session& session, ClientPage& page) { return add_session(session, query, page); });
}

Outcome<ClientPage::Whole> list_clients(Broker& broker, const std::string& after,
                                        std::size_t limit) {
  // A page that is not full is the last one for who asks.
  return page_of_all(
      broker, after, limit, SIZE_MAX, [after](Session& session, ClientPage& page) -> std::size_t {
        const auto& client_id = session.client().client_id;
        if (client_id <= after) return 1;
        return page.add(client_id, {}, [&] { return shown_client(session); }) ? kLooksToShow : 1;
      });
}

}  // namespace sluice::broker
