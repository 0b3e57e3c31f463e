#include "base/event_loop.hpp"

#include <array>
#include <fcntl.h>
#include <thread>

#include <gtest/gtest.h>

namespace sluice {
namespace {

using Time = EventLoop::Time;

// A pipe whose reading end is watched.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
    reader = Descriptor(ends[0]);
    writer = Descriptor(ends[1]);
  }
  void write(std::string_view text) const {
    ASSERT_EQ(::write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  Descriptor reader;
  Descriptor writer;
};

struct Recorder final : Watched {
  void on_ready(std::uint32_t readiness) override {
    ++calls;
    last = readiness;
    if (then) then();
  }
  void on_loop_end() override { loop_ended = true; }
  int calls = 0;
  std::uint32_t last = 0;
  bool loop_ended = false;
  std::function<void()> then;
};

TEST(EventLoop, TellsOncePerEdge) {
  EventLoop loop;
  const Pipe pipe;
  const auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(loop.watch(pipe.reader.get(), recorder));

  pipe.write("a");
  loop.poll();
  EXPECT_EQ(recorder->calls, 1);
  EXPECT_EQ(recorder->last & Readiness::kRead, Readiness::kRead);
  loop.poll();  // not read, but told of already
  EXPECT_EQ(recorder->calls, 1);
  pipe.write("b");
  loop.poll();
  EXPECT_EQ(recorder->calls, 2);
}

TEST(EventLoop, SaysThatTheOtherSideIsGone) {
  EventLoop loop;
  Pipe pipe;
  const auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(loop.watch(pipe.reader.get(), recorder));
  pipe.writer.reset();
  loop.poll();
  EXPECT_EQ(recorder->last & Readiness::kHangUp, Readiness::kHangUp);
}

TEST(EventLoop, TellsNothingOfWhatWasUnwatchedInTheSameRound) {
  EventLoop loop;
  const std::array<Pipe, 2> pipes;
  std::array<std::shared_ptr<Recorder>, 2> recorders{std::make_shared<Recorder>(),
                                                     std::make_shared<Recorder>()};
  // Whoever is first unwatches the other.
  for (std::size_t i = 0; i < 2; ++i) {
    recorders[i]->then = [&, other = 1 - i] { loop.unwatch(pipes[other].reader.get()); };
    ASSERT_TRUE(loop.watch(pipes[i].reader.get(), recorders[i]));
    pipes[i].write("x");
  }
  loop.poll();
  EXPECT_EQ(recorders[0]->calls + recorders[1]->calls, 1);
}

TEST(EventLoop, DoesNotTellANewOwnerOfADescriptorAboutTheOldOne) {
  EventLoop loop;
  const Pipe first;
  Pipe second;
  const auto old = std::make_shared<Recorder>();
  const auto fresh = std::make_shared<Recorder>();
  const auto closer = std::make_shared<Recorder>();
  const Pipe third;
  closer->then = [&] {
    const int number = second.reader.get();
    loop.unwatch(number);
    second.reader.reset();
    ASSERT_EQ(::dup2(third.reader.get(), number), number);  // the number is in use again
    second.reader = Descriptor(number);
    ASSERT_TRUE(loop.watch(number, fresh));
  };
  ASSERT_TRUE(loop.watch(first.reader.get(), closer));
  ASSERT_TRUE(loop.watch(second.reader.get(), old));
  first.write("x");  // told of in this order
  second.write("x");
  loop.poll();
  EXPECT_EQ(closer->calls, 1);
  EXPECT_EQ(fresh->calls, 0);
  EXPECT_EQ(old->calls, 0);
}

TEST(EventLoop, KeepsWhatItHasNotToldForTheNextRound) {
  EventLoop loop;
  const std::array<Pipe, 3> pipes;
  const auto recorder = std::make_shared<Recorder>();
  for (const auto& pipe : pipes) {
    ASSERT_TRUE(loop.watch(pipe.reader.get(), recorder));
    pipe.write("x");
  }
  for (int round = 1; round <= 3; ++round) {
    loop.run_once(Time::max(), [] { return true; });
    EXPECT_EQ(recorder->calls, round);
  }
}

TEST(EventLoop, WakesForWorkOfAnotherThread) {
  EventLoop loop;
  std::vector<int> order;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&order, i] { order.push_back(i); });
  });
  while (order.size() < 1000) loop.run_once(Time::max(), [] { return false; });
  other.join();
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], static_cast<int>(i));
}

TEST(EventLoop, RunsWorkThatIsPostedByWorkInTheNextRound) {
  EventLoop loop;
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    loop.post(again);
  };
  loop.post(again);
  loop.run_once(Time::max(), [] { return false; });
  EXPECT_EQ(runs, 1);
  loop.run_once(Time::max(), [] { return false; });  // does not sleep
  EXPECT_EQ(runs, 2);
}

TEST(EventLoop, IsNeverEarlyWithATimer) {
  EventLoop loop;
  const auto due = std::chrono::steady_clock::now() + std::chrono::microseconds(1500);
  bool fired = false;
  loop.timers().at(due, [&] { fired = true; });
  while (!fired) loop.run_once(Time::max(), [] { return false; });
  EXPECT_GE(std::chrono::steady_clock::now(), due);
}

TEST(EventLoop, LetsGoOfWhatItWatchesAtItsEnd) {
  const Pipe pipe;
  const auto recorder = std::make_shared<Recorder>();
  {
    EventLoop loop;
    ASSERT_TRUE(loop.watch(pipe.reader.get(), recorder));
  }
  EXPECT_TRUE(recorder->loop_ended);
  EXPECT_EQ(recorder.use_count(), 1);
}

}  // namespace
}  // namespace sluice
