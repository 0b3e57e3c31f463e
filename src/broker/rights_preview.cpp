#include "broker/rights_preview.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
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

// What nobody waits for any more ends with its next look.
using IsWanted = std::shared_ptr<std::atomic<bool>>;

std::future<Outcome<RightsEffect>> ask(Worker& worker, const PolicyTrialPtr& trial,
                                       const IsWanted& is_wanted) {
  // By value: the answer may come when nobody waits for it any more.
  return post_question<RightsEffect>(worker, [&worker, trial, is_wanted](const auto& ticket) {
    const auto look = [trial, is_wanted](Session& session,
                                         RightsEffect& effect) -> std::optional<std::size_t> {
      if (!is_wanted->load(std::memory_order_relaxed)) return std::nullopt;
      look_at(session, *trial, effect);
      return 1;
    };
    std::make_shared<SessionWalk<RightsEffect>>(
        worker, std::string(), RightsReview::kSessionsPerTurn, RightsEffect{}, look, ticket)
        ->go_on();
  });
}

Refusal not_in_time() {
  return {.errc = Errc::Overloaded,
          .code = "overloaded",
          .detail = "the server did not come to look at all sessions in time; nothing was changed",
          .hint = "ask again later, or make the change without knowing what it takes away"};
}

}  // namespace

Outcome<RightsEffect> preview_rights(Broker& broker, const PolicyTrialPtr& trial) {
  constexpr std::chrono::seconds kWithin{20};
  RightsEffect whole;
  if (!broker.access().enabled()) return whole;
  const auto deadline = std::chrono::steady_clock::now() + kWithin;
  const auto is_wanted = std::make_shared<std::atomic<bool>>(true);
  std::vector<std::future<Outcome<RightsEffect>>> parts;
  for (std::size_t i = 0; i < broker.worker_count(); ++i)
    parts.push_back(ask(broker.worker(i), trial, is_wanted));
  for (auto& part : parts) {
    if (part.wait_until(deadline) != std::future_status::ready) {
      is_wanted->store(false, std::memory_order_relaxed);
      return refuse(not_in_time());
    }
    const auto effect = part.get();
    if (!effect) return tl::unexpected(effect.error());
    add(*effect, whole);
  }
  return whole;
}

}  // namespace sluice::broker
