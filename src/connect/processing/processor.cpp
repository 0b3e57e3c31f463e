#include "connect/processing/processor.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <utility>

#include "connect/processing/bounds.hpp"
#include "connect/processing/child.hpp"
#include "connect/processing/standstill.hpp"
#include "connect/processing/wire.hpp"

namespace sluice::connect::processing {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kReceiveBytes = std::size_t{64} * 1024;
constexpr auto kLookUpEvery = 100ms;  // from waiting for the child, whether to stop
constexpr auto kLookAtItEvery = 1s;   // when it says nothing: whether it does anything at all
// A child that says nothing for so long is frozen: its bound on processor time is far smaller.
constexpr auto kSilentFor = 60s;

// posix_spawn's two objects, destroyed together.
class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  // The channel and nothing else is handed on: no descriptor, no blocked signal. A group of its
  // own, so that Ctrl-C at a terminal reaches the server alone.
  void give_only(int channel) {
    for (int standard = 0; standard < 3; ++standard)
      ::posix_spawn_file_actions_addopen(&actions_, standard, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, channel, kChildChannel);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, kChildChannel + 1);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string takes_more_than(std::size_t most, std::string_view unit, std::string_view what_for) {
  return "it takes more than " + std::to_string(most) + " " + std::string(unit) + " " +
         std::string(what_for);
}

bool never() {
  return false;
}

}  // namespace

// What a child has to do, and how long it may take.
struct Processor::Work {
  std::string_view what_for;
  std::size_t ticks;

  static Work message() { return {.what_for = "for this message", .ticks = kTicks}; }
  static Work readiness() {
    return {.what_for = "to be made ready", .ticks = kTicks + kCompiledAs / kBytesPerTick};
  }
};

Processor::Processor(Steps steps) : steps_(std::move(steps)) {}

Processor::~Processor() {
  static_cast<void>(bury(Work::message()));
}

std::string Processor::name() const {
  if (steps_.schema.empty()) return "jq: ";
  return steps_.jq.empty() ? "verify: " : "verify and jq: ";
}

Result<void, StepsFault> Processor::check() {
  return ensure_child();
}

// All at once, and one answer after the other. After a death nobody knows whose fault it was: then
// one at a time, until the culprit is alone with the child.
Result<void> Processor::run(std::span<const std::string_view> payloads, Arena& arena,
                            std::vector<Outcome>& outcomes,
                            const std::function<bool()>& is_stopping) {
  outcomes.clear();
  bool is_alone = false;
  unsigned deaths = 0;  // of children that were alone with the payload that is next
  while (outcomes.size() < payloads.size()) {
    if (const auto ready = ensure_child(); !ready) {
      const auto& fault = ready.error();
      return fail(fault.code,
                  (fault.pointer.empty() ? name() : fault.pointer + ": ") + fault.detail);
    }
    const auto before = outcomes.size();
    const auto upto = is_alone ? before + 1 : payloads.size();
    for (auto i = before; i < upto; ++i) append_frame(output_, Part::Payload, payloads[i]);
    const auto how = exchange(upto, arena, outcomes, is_stopping);
    if (how == Exchange::Done) {
      deaths = 0;
      continue;
    }
    auto last_words = bury(Work::message());
    if (how == Exchange::Stopped)
      return fail(Errc::Unavailable, name() + "stopped before it was done");
    // Whoever kills processes by hand, or for lack of memory, may have hit it by chance: once.
    if (is_alone && (met_a_bound_ || ++deaths > 1)) {
      outcomes.push_back(
          {.kind = Outcome::Kind::Rejected, .text = arena.copy(name() + last_words)});
      deaths = 0;
    }
    is_alone = true;
  }
  return {};
}

Result<void, StepsFault> Processor::ensure_child() {
  if (child_ != 0) return {};
  if (auto spawned = spawn(); !spawned)
    return tl::unexpected(StepsFault{.detail = std::move(spawned.error().detail)});
  if (!steps_.schema.empty()) append_frame(output_, Part::Schema, steps_.schema);
  if (!steps_.jq.empty()) append_frame(output_, Part::Jq, steps_.jq);
  append_frame(output_, Part::Begin, {});
  Arena arena;
  std::vector<Outcome> answer;
  if (exchange(1, arena, answer, never) != Exchange::Done) {
    auto last_words = bury(Work::readiness());
    const bool is_their_fault = met_a_bound_ || crashed_;
    return tl::unexpected(
        StepsFault{.code = is_their_fault ? Errc::InvalidArgument : Errc::Unavailable,
                   .pointer = steps_.schema.empty() ? "/map/jq" : "/verify/json_schema",
                   .detail = std::move(last_words)});
  }
  if (answer.front().kind == Outcome::Kind::Value) return {};
  static_cast<void>(bury(Work::message()));
  const auto text = answer.front().text;
  const auto line_break = text.rfind('\n');
  return tl::unexpected(StepsFault{.code = Errc::InvalidArgument,
                                   .pointer = std::string(text.substr(0, line_break)),
                                   .detail = std::string(text.substr(line_break + 1))});
}

Result<void> Processor::spawn() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail(Errc::Unavailable,
                std::string("the process that runs it cannot be started: ") + std::strerror(errno));
  const Descriptor theirs(ends[1]);
  channel_ = Descriptor(ends[0]);
  SpawnSettings settings;
  settings.give_only(theirs.get());
  std::string name = kChildName;
  std::array<char*, 2> arguments = {name.data(), nullptr};
  // Nothing of ours, where secrets may stand; and no threads of jemalloc's: they cannot be started
  // any more once the child is confined, and it would try again for ever.
  std::string allocator = "MALLOC_CONF=background_thread:false";
  std::array<char*, 2> environment = {allocator.data(), nullptr};
  const int error = ::posix_spawn(&child_, "/proc/self/exe", settings.actions(),
                                  settings.attributes(), arguments.data(), environment.data());
  if (error == 0) return {};
  child_ = 0;
  channel_.reset();
  return fail(Errc::Unavailable,
              std::string("the process that runs it cannot be started: ") + std::strerror(error));
}

// Both ways at once, so that neither waits for the other for ever.
Processor::Exchange Processor::exchange(std::size_t count, Arena& arena,
                                        std::vector<Outcome>& outcomes,
                                        const std::function<bool()>& is_stopping) {
  auto heard_at = SteadyClock::now();
  auto looked_at = heard_at;
  Standstill standstill;
  while (outcomes.size() < count) {
    const bool has_more = sent_ < output_.size();
    pollfd waiting{.fd = channel_.get(),
                   .events = static_cast<short>(has_more ? POLLIN | POLLOUT : POLLIN),
                   .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(kLookUpEvery / 1ms));
    if (ready < 0 && errno != EINTR) return Exchange::Died;
    if (is_stopping()) return Exchange::Stopped;
    if (ready <= 0) {
      const auto now = SteadyClock::now();
      if (now - heard_at > kSilentFor) return Exchange::Died;
      if (now - looked_at > kLookAtItEvery) {
        looked_at = now;
        // With all of it sent, it has something to do.
        is_stuck_ = !has_more && standstill.is_seen_again(child_);
        if (is_stuck_) return Exchange::Died;
      }
      continue;
    }
    heard_at = looked_at = SteadyClock::now();
    standstill.forget();
    if ((waiting.revents & POLLOUT) != 0 && !send()) return Exchange::Died;
    if ((waiting.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const bool is_alive = receive();
      take_answers(count, arena, outcomes);
      if (!is_alive && outcomes.size() < count) return Exchange::Died;
    }
  }
  return Exchange::Done;
}

bool Processor::send() {
  const auto sent = ::send(channel_.get(), output_.data() + sent_, output_.size() - sent_,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  sent_ += static_cast<std::size_t>(sent);
  if (sent_ < output_.size()) return true;
  output_.clear();
  sent_ = 0;
  return true;
}

bool Processor::receive() {
  const auto before = input_.size();
  input_.resize(before + kReceiveBytes);
  const auto got = ::recv(channel_.get(), input_.data() + before, kReceiveBytes, MSG_DONTWAIT);
  input_.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

void Processor::take_answers(std::size_t count, Arena& arena, std::vector<Outcome>& outcomes) {
  std::string_view rest = std::string_view(input_).substr(taken_);
  while (outcomes.size() < count) {
    const auto frame = take_frame(rest);
    if (!frame) break;
    const auto kind = frame->part == Part::Value        ? Outcome::Kind::Value
                      : frame->part == Part::PassedOver ? Outcome::Kind::PassedOver
                                                        : Outcome::Kind::Rejected;
    outcomes.push_back({.kind = kind, .text = arena.copy(frame->text)});
  }
  taken_ = input_.size() - rest.size();
  if (!rest.empty()) return;
  input_.clear();
  taken_ = 0;
}

std::string Processor::bury(const Work& work) {
  output_.clear();
  input_.clear();
  sent_ = taken_ = 0;
  met_a_bound_ = crashed_ = false;
  channel_.reset();
  if (child_ == 0) return {};
  // One that met a bound is gone already, and keeps its status.
  ::kill(child_, SIGKILL);
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = 0;
  const int exit = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  met_a_bound_ = exit == kTookTooLong || exit == kTookTooMuchMemory || is_stuck_;
  crashed_ = WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL;
  if (std::exchange(is_stuck_, false))
    return "the process that runs it waits for itself, which happens where memory ends";
  if (exit == kTookTooLong)
    return takes_more_than(work.ticks * kTickMs, "ms of processor time", work.what_for);
  if (exit == kTookTooMuchMemory)
    return takes_more_than(kMemory >> 20U, "MiB of memory", work.what_for);
  return WIFSIGNALED(status)
             ? "the process that runs it was ended by signal " + std::to_string(WTERMSIG(status))
             : "the process that runs it ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace sluice::connect::processing
