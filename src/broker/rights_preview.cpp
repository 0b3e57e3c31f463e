#include "broker/rights_preview.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "broker/broker.hpp"
#include "broker/rights_review.hpp"
#include "broker/session_walk.hpp"

namespace sluice::broker {
namespace {

void add_client(const std::string& client_id, RightsEffect& effect) {
  if (effect.client_ids.size() < RightsEffect::kClientsNamed)
    effect.client_ids.push_back(client_id);
}

// As RightsReview looks at it.
void look_at(const Session& session, const PolicyTrial& trial, RightsEffect& effect) {
  if (session.ended() || session.only_will()) return;
  const bool is_connected = session.connection() != nullptr;
  if (!is_connected && (session.subscriptions().empty() || !session.is_known_while_away())) return;
  const auto rights = trial.compile(session.client());
  const auto dropped = session.uncovered_by(*rights).size();
  if (dropped == 0 && (!is_connected || rights->may_connect())) return;
  effect.subscriptions_dropped += dropped;
  if (is_connected) ++effect.clients_disconnected;
  add_client(session.client().client_id, effect);
}

void add(const RightsEffect& part, RightsEffect& whole) {
  whole.clients_disconnected += part.clients_disconnected;
  whole.subscriptions_dropped += part.subscriptions_dropped;
  std::vector<std::string> both;
  std::ranges::merge(whole.client_ids, part.client_ids, std::back_inserter(both));
  both.resize(std::min(both.size(), RightsEffect::kClientsNamed));
  whole.client_ids = std::move(both);
}

}  // namespace

Outcome<RightsEffect> preview_rights(Broker& broker, const PolicyTrialPtr& trial) {
  RightsEffect whole;
  for (std::size_t i = 0; i < broker.worker_count(); ++i) {
    auto& worker = broker.worker(i);
    // By value: the answer may come when nobody waits for it any more.
    const auto walk = [&worker, trial](const auto& ticket) {
      const auto look = [trial](Session& session,
                                RightsEffect& effect) -> std::optional<std::size_t> {
        look_at(session, *trial, effect);
        return 1;
      };
      std::make_shared<SessionWalk<RightsEffect>>(
          worker, std::string(), RightsReview::kSessionsPerTurn, RightsEffect{}, look, ticket)
          ->go_on();
    };
    auto part = ask_worker<RightsEffect>(worker, walk);
    if (!part) return tl::unexpected(part.error());
    add(*part, whole);
  }
  return whole;
}

}  // namespace sluice::broker
