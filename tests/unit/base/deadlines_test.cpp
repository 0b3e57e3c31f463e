#include "base/deadlines.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.hpp"

namespace sluice {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;

struct Owner final : Deadline {
  void on_deadline() override {
    ++met;
    if (then) then();
  }
  int met = 0;
  std::function<void()> then;
};

struct Wheel : testing::Test {
  static Timers::Time now() { return std::chrono::steady_clock::now(); }
  void run() { timers.run_due(now()); }

  SystemClock clock;
  Timers timers{clock};
  Deadlines deadlines{clock, timers};
};

TEST_F(Wheel, MeetsADeadlineOnceAndNeverEarly) {
  Owner owner;
  const auto due = now() + 20ms;
  deadlines.set(owner, due);
  EXPECT_TRUE(owner.has_deadline());
  EXPECT_GE(timers.next_due(), due);
  EXPECT_LE(timers.next_due(), due + Deadlines::kTick);

  while (owner.met == 0 && now() < due + 1h) run();

  EXPECT_GE(now(), due);
  EXPECT_EQ(owner.met, 1);
  EXPECT_FALSE(owner.has_deadline());
  EXPECT_EQ(timers.next_due(), Timers::Time::max());  // nothing left, nothing wakes the loop
}

TEST_F(Wheel, ForgetsWhatWasClearedReplacedOrIsGone) {
  Owner cleared;
  Owner replaced;
  deadlines.set(cleared, now());
  deadlines.set(replaced, now());
  {
    Owner gone;
    deadlines.set(gone, now());
  }
  cleared.clear_deadline();
  deadlines.set(replaced, now() + 1h);

  while (now() < timers.next_due() && timers.next_due() < now() + 1000ms) continue;
  run();

  EXPECT_EQ(cleared.met, 0);
  EXPECT_EQ(replaced.met, 0);
  EXPECT_TRUE(replaced.has_deadline());
}

// Many turns of the wheel away, in the slot that is looked at now.
TEST_F(Wheel, LeavesWhatIsDueInALaterTurn) {
  Owner near;
  Owner far;
  const auto due = now() + 1ms;
  deadlines.set(near, due);
  deadlines.set(far, due + 4096 * 3 * Deadlines::kTick);

  while (near.met == 0) run();

  EXPECT_EQ(far.met, 0);
  EXPECT_TRUE(far.has_deadline());
  EXPECT_LT(timers.next_due(), Timers::Time::max());
}

TEST_F(Wheel, LetsAnOwnerSetItAgainAndEndOthers) {
  Owner again;
  auto other = std::make_unique<Owner>();
  again.then = [&] {
    other = nullptr;
    if (again.met == 1) deadlines.set(again, now());
  };
  deadlines.set(again, now());
  deadlines.set(*other, now());

  while (again.met < 2) run();

  EXPECT_FALSE(again.has_deadline());
}

// A million sessions may end in the same second: the loop's other work has its turn between.
TEST_F(Wheel, TakesAPartOfVeryManyInARound) {
  std::vector<Owner> owners(3000);
  for (auto& owner : owners) deadlines.set(owner, now());
  const auto met = [&] {
    return std::ranges::count_if(owners, [](const Owner& owner) { return owner.met > 0; });
  };

  while (met() == 0) run();
  EXPECT_EQ(met(), 1024);
  while (met() < 3000) run();
}

}  // namespace
}  // namespace sluice
