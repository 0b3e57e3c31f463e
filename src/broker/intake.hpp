#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/refusal.hpp"
#include "broker/outside_message.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// Where messages that come from outside systems enter: what the integration runtime sees of the
// broker's publish path.
class Intake {
 public:
  using Messages = std::shared_ptr<const std::vector<OutsideMessage>>;
  // One for each message: why it was refused; nothing where it is durable. A refusal with
  // Errc::InvalidArgument, NotAuthorized or WrongState is for good; with any other the message may
  // be published again, and so is every message behind it in the batch: order is kept.
  using Answers = std::vector<std::optional<Refusal>>;
  using Done = std::function<void(Answers)>;

  virtual ~Intake() = default;
  // Publishes them in order, as if one client had. Does not wait: `done` is called exactly once,
  // from any thread and perhaps before this returns, when the last of them is durable or refused.
  virtual void publish_all(Messages messages, Done done) = 0;
};

// Why the log took nothing.
[[nodiscard]] Refusal log_refused(const store::Health& health);

[[nodiscard]] inline bool is_for_good(const Refusal& refusal) {
  return refusal.errc == Errc::InvalidArgument || refusal.errc == Errc::NotAuthorized ||
         refusal.errc == Errc::WrongState;
}

}  // namespace sluice::broker
