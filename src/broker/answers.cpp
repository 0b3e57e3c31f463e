#include "broker/answers.hpp"

#include "broker/client_connection.hpp"

namespace sluice::broker {

void Answers::add(const Answer& answer) {
  if (kept_.empty() || kept_.back().get() != answer.connection)
    kept_.push_back(answer.connection->shared_from_this());
  list_.push_back(answer);
}

}  // namespace sluice::broker
