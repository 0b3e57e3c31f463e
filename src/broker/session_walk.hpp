#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/session.hpp"
#include "broker/ticket.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

// One worker's way over its sessions, in the order of their client ids. There may be very many: it
// goes in steps, and the worker serves its clients in between. Who is there all the time is seen
// once.
//
// Threads: the worker's own.
template <class Found>
class SessionWalk : public std::enable_shared_from_this<SessionWalk<Found>> {
 public:
  // Adds what the session has to what is found; returns how many looks it took, or nothing: enough
  // is found.
  using Look = std::function<std::optional<std::size_t>(Session& session, Found& found)>;
  using Answer = std::shared_ptr<Ticket<Found>>;

  // From the client id `from` on.
  SessionWalk(Worker& worker, std::string from, std::size_t looks_per_step, Found empty, Look look,
              Answer answer)
      : worker_(worker),
        from_(std::move(from)),
        looks_per_step_(looks_per_step),
        found_(std::move(empty)),
        look_(std::move(look)),
        answer_(std::move(answer)) {}

  void go_on() {
    std::size_t looks = 0;
    bool has_more = false;
    worker_.sessions_in_order().each_from(from_, [&](Session& session) {
      if (looks >= looks_per_step_) {
        from_ = session.client().client_id;
        has_more = true;
        return false;
      }
      const auto taken = look_(session, found_);
      looks += taken.value_or(0);
      return taken.has_value();
    });
    if (!has_more) return answer_->answer(std::move(found_));
    worker_.post([self = this->shared_from_this()] { self->go_on(); });
  }

 private:
  Worker& worker_;
  std::string from_;
  const std::size_t looks_per_step_;
  Found found_;
  const Look look_;
  const Answer answer_;
};

}  // namespace sluice::broker
