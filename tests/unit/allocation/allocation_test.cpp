// An allocation that fails ends the process, and that is a kill like any other: whichever it is,
// nothing that was acknowledged is lost.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "store/embedded/engine.hpp"

namespace {

std::atomic<std::int64_t> allocations_left{INT64_MAX};

}  // namespace

void* operator new(std::size_t size) {
  if (allocations_left.fetch_sub(1, std::memory_order_relaxed) == 1) throw std::bad_alloc();
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace sluice::store {
namespace {

constexpr int kMessages = 60;
constexpr int kWrong = 77;
constexpr unsigned kPatience = 60;  // seconds

EmbeddedOptions options_in(const std::string& directory) {
  EmbeddedOptions options;
  options.directory = directory;
  options.segment_bytes = 16 << 10;
  options.checkpoint_bytes = 16 << 10;
  options.cache_bytes = 16 << 10;
  options.reserve_bytes = 8 << 10;
  options.first_fill_bytes = 8 << 10;
  return options;
}

// In a process of its own. Tells each number through the pipe once it is durable.
void publish(const std::string& directory, int pipe) noexcept {
  const auto files = posix_file_system();
  const auto store = open_embedded(*files, system_clock(), options_in(directory));
  if (!store) std::_Exit(kWrong);
  const auto queue = (*store)->open_queue("q", true);
  if (!queue) std::_Exit(kWrong);
  for (int i = 0; i < kMessages; ++i) {
    const auto batch = (*store)->new_batch();
    const auto payload = std::to_string(i) + ":" + std::string(700, 'x');
    NewMessage message;
    message.topic = "q";
    message.payload = payload;
    batch->add_message(message, {{queue->id}});
    const auto end = (*store)->append(batch);
    if (!end || !(*store)->wait_durable(*end)) std::_Exit(kWrong);
    if (::write(pipe, &i, sizeof i) != sizeof i) std::_Exit(kWrong);
  }
  (*store)->close();
}

// In a process of its own, too: threads of the view would not survive the next fork.
void verify(const std::string& directory, int acknowledged) noexcept {
  const auto files = posix_file_system();
  const auto store = open_embedded(*files, system_clock(), options_in(directory));
  if (!store) std::_Exit(kWrong);
  const auto queue = (*store)->open_queue("q", true);
  if (!queue) std::_Exit(kWrong);
  int found = 0;
  Position after;
  while (true) {
    const auto part = (*store)->read({.queues = {&queue->id, 1}, .after = after});
    if (!part) std::_Exit(kWrong);
    for (const auto& entry : part->entries)
      if (!entry.message->payload.starts_with(std::to_string(found++) + ":")) std::_Exit(kWrong);
    after = part->next;
    if (part->at_end) break;
  }
  if (found < acknowledged) std::_Exit(kWrong);
}

template <class Body>
int run_alone(Body&& body) {
  const auto child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::alarm(kPatience);
    static_cast<void>(::freopen("/dev/null", "w", stderr));
    [&]() noexcept { body(); }();  // the test's own handler must not catch what is thrown
    std::_Exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(AllocationFailure, EndsTheProcessAndLosesNothingAcknowledged) {
  // In memory where there is such a place: a killed process is no power cut.
  const std::filesystem::path memory = "/dev/shm";
  const auto base =
      std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  const auto directory = base / ("sluice-allocation-" + std::to_string(::getpid()));
  const auto path = directory.string();
  int ended = 0;
  for (std::int64_t nth = 1;; nth += 1 + nth / 12) {
    SCOPED_TRACE("allocation " + std::to_string(nth));
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const int status = run_alone([&] {
      allocations_left = nth;
      publish(path, ends[1]);
    });
    ::close(ends[1]);
    int acknowledged = 0;
    for (int number = 0; ::read(ends[0], &number, sizeof number) == sizeof number;) {
      ASSERT_EQ(number, acknowledged);
      ++acknowledged;
    }
    ::close(ends[0]);

    const int verdict = run_alone([&] { verify(path, acknowledged); });

    EXPECT_TRUE(WIFEXITED(verdict) && WEXITSTATUS(verdict) == 0) << acknowledged;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {  // so many were not made
      EXPECT_EQ(acknowledged, kMessages);
      break;
    }
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
    ++ended;
  }
  std::filesystem::remove_all(directory);
  EXPECT_GT(ended, 20);
  RecordProperty("processes_ended", std::to_string(ended));
}

}  // namespace
}  // namespace sluice::store
