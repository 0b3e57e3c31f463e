#include "broker/rights_review.hpp"

#include <utility>
#include <vector>

#include "base/log.hpp"
#include "broker/block_rules.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

using mqtt::Qos;
using mqtt::ReasonCode;

void RightsReview::begin() {
  again_ = true;
  if (std::exchange(runs_, true)) return;
  go_on();
}

// Sessions that come meanwhile need no look: CONNECT decides with the newest rights.
void RightsReview::go_on() {
  const auto& sessions = worker_.sessions();
  if (bucket_ >= buckets_ || sessions.bucket_count() != buckets_) {
    if (bucket_ >= buckets_) again_ = false;
    bucket_ = 0;
    buckets_ = sessions.bucket_count();
  }
  // Buckets are about as many as sessions; those that are empty cost time, too.
  std::vector<SessionPtr> next;
  for (std::size_t visited = 0;
       bucket_ < buckets_ && next.size() < kSessionsPerTurn && visited < 8 * kSessionsPerTurn;
       ++visited, ++bucket_)
    for (auto it = sessions.begin(bucket_); it != sessions.end(bucket_); ++it) next.push_back(*it);
  for (const auto& session : next) look_at(*session);
  if (bucket_ >= buckets_ && !again_) {
    runs_ = false;
    report();
    return;
  }
  worker_.post([this] { go_on(); });
}

void RightsReview::look_at(Session& session) {
  if (session.ended()) return;
  const auto connection = session.connection();
  if (session.user_is_gone()) {
    session.end_with_user();
    ++seen_.ended;
    if (connection) ++seen_.disconnected;
    return;
  }
  if (connection && worker_.broker().block_rules().blocking(session.client())) {
    connection->disconnect(ReasonCode::AdministrativeAction);  // 0x8A is for CONNACK alone. §2.4
    ++seen_.disconnected;
    return;
  }
  if (connection) {
    const auto rights = session.permissions();
    const auto dropped = session.drop_uncovered(*rights);
    seen_.subscriptions += dropped;
    if (dropped == 0 && rights->may_connect()) return;
    connection->disconnect(ReasonCode::NotAuthorized);
    ++seen_.disconnected;
    return;
  }
  if (session.subscriptions().empty() || !session.is_known_while_away()) return;
  // Compiled for this look alone: kept, they would cost memory for every session that is away.
  const auto rights = worker_.broker().access().compile(session.client());
  seen_.subscriptions += session.drop_uncovered(*rights);
}

void RightsReview::report() {
  const auto seen = std::exchange(seen_, {});
  if (seen.ended + seen.disconnected + seen.subscriptions == 0) return;
  log::info("rights were taken away", {{"sessions_ended", seen.ended},
                                       {"clients_disconnected", seen.disconnected},
                                       {"subscriptions_dropped", seen.subscriptions}});
}

bool Session::user_is_gone() const {
  const auto& access = worker_.broker().access();
  if (!access.enabled()) return false;
  if (!knows_user_id_) return client_->has_username && !access.user_exists(client_->username);
  return !user_id_.empty() && access.user_id(client_->username) != user_id_;
}

// A login of no stored user had some, which a restart forgets.
bool Session::has_lost_terms() const {
  return knows_user_id_ && user_id_.empty() && client_->has_username && !client_->terms;
}

bool Session::is_known_while_away() const {
  return !client_->host.empty() && client_->listener.is_known() && !has_lost_terms();
}

void Session::end_with_user() {
  forget_will();
  if (const auto connection = connection_) connection->disconnect(ReasonCode::NotAuthorized);
  end();
}

std::vector<std::string> Session::uncovered_by(const Permissions& permissions) const {
  const auto maximum = static_cast<Qos>(worker_.broker().limits().maximum_qos);
  std::vector<std::string> uncovered;
  const auto mail =
      worker_.broker().limits().point_to_point ? mail_filter_of(client_->client_id) : std::nullopt;
  for (const auto& subscription : subscriptions_) {
    if (mail && subscription.name == *mail) continue;  // nobody needs a right to get mail
    const auto granted = subscription.options.qos;
    bool covered = permissions.may_stay_subscribed(subscription.filter(), granted);
    // What was asked for may have been more than `mqtt.maximum_qos` let be granted.
    if (granted >= maximum)
      for (auto qos = static_cast<int>(granted) + 1; qos <= 2 && !covered; ++qos)
        covered = permissions.may_stay_subscribed(subscription.filter(), static_cast<Qos>(qos));
    if (!covered) uncovered.push_back(subscription.name);
  }
  return uncovered;
}

std::size_t Session::drop_uncovered(const Permissions& permissions) {
  const auto uncovered = uncovered_by(permissions);
  for (const auto& name : uncovered) {
    log::debug("subscription dropped: no policy allows it any more",
               {{"client_id", client_->client_id}, {"filter", name}});
    unsubscribe(name);
  }
  return uncovered.size();
}

}  // namespace sluice::broker
