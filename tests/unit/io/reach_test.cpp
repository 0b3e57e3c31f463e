#include "io/reach.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace sluice::io {
namespace {

using namespace std::chrono_literals;

// Nothing ever comes on `silent`.
struct Cut {
  Descriptor silent{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  Descriptor cut{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};

  void ring() const {
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(cut.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  [[nodiscard]] Deadline in_an_hour() const {
    return {std::chrono::steady_clock::now() + 1h, cut.get()};
  }
};

TEST(Deadline, IsOverBeforeItsTimeOnceItIsCut) {
  const Cut way;
  EXPECT_FALSE(way.in_an_hour().is_cut());
  way.ring();

  EXPECT_TRUE(way.in_an_hour().is_cut());
  EXPECT_FALSE(wait_for(way.silent.get(), POLLIN, way.in_an_hour()));
}

TEST(Deadline, WhatIsReadyIsTakenAllTheSame) {
  const Cut way;
  way.ring();

  EXPECT_TRUE(wait_for(way.silent.get(), POLLOUT, way.in_an_hour()));
}

TEST(Deadline, NobodyCutsATimeAlone) {
  const Cut way;
  EXPECT_FALSE(Deadline(std::chrono::steady_clock::now()).is_cut());
  EXPECT_FALSE(wait_for(way.silent.get(), POLLIN, std::chrono::steady_clock::now()));
}

}  // namespace
}  // namespace sluice::io
