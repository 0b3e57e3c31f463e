#pragma once
#include <mutex>
#include <utility>
#include <vector>

#include "broker/intake.hpp"

namespace sluice::connect {

// Takes what is published, at once.
struct TakingIntake : broker::Intake {
  void publish_all(Messages messages, Done done) override {
    Answers answers(messages->size());
    {
      const std::scoped_lock lock(mutex);
      taken.insert(taken.end(), messages->begin(), messages->end());
    }
    done(std::move(answers));
  }
  std::vector<broker::OutsideMessage> all() {
    const std::scoped_lock lock(mutex);
    return taken;
  }
  std::mutex mutex;
  std::vector<broker::OutsideMessage> taken;
};

}  // namespace sluice::connect
