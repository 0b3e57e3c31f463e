// An allocation that fails ends the process, and that is a kill like any other: whichever it is,
// while a store that was killed starts again, takes messages, writes checkpoints and closes,
// nothing that was acknowledged is lost.
//
// One after the other is tried at first, then one in twelve of so many; all of them, which takes
// minutes, with SLUICE_EVERY_ALLOCATION=1.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/out_of_memory.hpp"
#include "store/embedded/engine.hpp"

namespace {

std::atomic<std::int64_t> allocations_left{INT64_MAX};

}  // namespace

// As every operator new does it: who handles the want of memory is asked before anything is thrown.
void* operator new(std::size_t size) {
  const bool is_to_fail = allocations_left.fetch_sub(1, std::memory_order_relaxed) == 1;
  void* const memory = is_to_fail ? nullptr : std::malloc(size);
  if (memory != nullptr) return memory;
  if (const auto handler = std::get_new_handler()) handler();
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

constexpr int kBefore = 30;  // of the process that was killed
constexpr int kMessages = 60;
constexpr int kWrong = 77;
constexpr int kNotMet = 78;         // there were fewer allocations
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
void publish(const std::string& directory, int pipe, int first, int count) noexcept {
  const auto files = posix_file_system();
  const auto store = open_embedded(*files, system_clock(), options_in(directory));
  if (!store) std::_Exit(kWrong);
  const auto queue = (*store)->open_queue("q", true);
  if (!queue) std::_Exit(kWrong);
  for (int i = first; i < count; ++i) {
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
  if (count < kMessages) std::_Exit(0);  // as if killed
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
    end_process_when_memory_ends();
    body();
    std::_Exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

class Pipe {
 public:
  Pipe() { SL_CHECK(::pipe(ends_) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    close_writing();
  }
  [[nodiscard]] int writing() const { return ends_[1]; }
  // How many numbers came, one after the other from `first`.
  int count(int first) {
    close_writing();
    int count = 0;
    for (int number = 0; ::read(ends_[0], &number, sizeof number) == sizeof number; ++count) {
      EXPECT_EQ(number, first + count);
    }
    return count;
  }

 private:
  void close_writing() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }
  int ends_[2]{};
};

class AllocationFailure : public ::testing::Test {
 protected:
  // In memory where there is such a place: a killed process is no power cut.
  AllocationFailure() {
    const std::filesystem::path memory = "/dev/shm";
    const auto base =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    home_ = base / ("sluice-allocation-" + std::to_string(::getpid()));
    std::filesystem::create_directories(home_ / "before");
  }
  ~AllocationFailure() override { std::filesystem::remove_all(home_); }

  // What a process left that was killed after kBefore messages.
  void leave_a_log() {
    Pipe pipe;
    const auto directory = (home_ / "before").string();
    const int status = run_alone([&] { publish(directory, pipe.writing(), 0, kBefore); });
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    ASSERT_EQ(pipe.count(0), kBefore);
  }

  // Another process goes on with it and cannot have the `nth` allocation: it ends. False: it made
  // fewer.
  bool fails_at(std::int64_t nth) {
    const auto directory = (home_ / "data").string();
    std::filesystem::remove_all(directory);
    std::filesystem::copy(home_ / "before", directory, std::filesystem::copy_options::recursive);
    Pipe pipe;
    const int status = run_alone([&] {
      allocations_left = nth;
      publish(directory, pipe.writing(), kBefore, kMessages);
      if (allocations_left.load() > 0) std::_Exit(kNotMet);
    });
    const int acknowledged = kBefore + pipe.count(kBefore);

    const int verdict = run_alone([&] { verify(directory, acknowledged); });

    EXPECT_TRUE(WIFEXITED(verdict) && WEXITSTATUS(verdict) == 0) << acknowledged;
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), kNotMet) << "it went on without the memory";
      EXPECT_EQ(acknowledged, kMessages);
      return false;
    }
    ++ended_;
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
    return true;
  }

  int ended_ = 0;

 private:
  std::filesystem::path home_;
};

TEST_F(AllocationFailure, EndsTheProcessAndLosesNothingAcknowledged) {
  const bool every = std::getenv("SLUICE_EVERY_ALLOCATION") != nullptr;
  ASSERT_NO_FATAL_FAILURE(leave_a_log());
  std::int64_t nth = 1;
  while (!HasFailure() && fails_at(nth)) nth += every ? 1 : 1 + nth / 12;

  EXPECT_FALSE(HasFailure()) << "allocation " << nth;
  EXPECT_GT(ended_, 20);
  RecordProperty("processes_ended", std::to_string(ended_));
  RecordProperty("allocations", std::to_string(nth));
}

}  // namespace
}  // namespace sluice::store
