#include "connect/processing/confinement.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "connect/processing/bounds.hpp"
#include "connect/processing/wire.hpp"

namespace sluice::connect::processing {
namespace {

Result<void> limit(__rlimit_resource_t what, rlim_t most) {
  const rlimit both{.rlim_cur = most, .rlim_max = most};
  if (::setrlimit(what, &both) != 0) return fail(Errc::Unavailable, "a limit cannot be set");
  return {};
}

// Of the address space: what the libraries have mapped by now counts too.
std::size_t bytes_mapped() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name the architecture for the system call filter"
#endif

// UBSan finds out by a pipe whether it may look at memory; nobody else gets a descriptor, and those
// that are open stay open.
#if defined(__has_feature) && __has_feature(address_sanitizer)
constexpr rlim_t kDescriptors = 16;
#else
constexpr rlim_t kDescriptors = 0;
#endif

// Memory, time, signals to itself, and the descriptors it has. A pipe only where the limit above
// lets it have one. The last two are how a thread begins, that of a sanitizer perhaps just now: the
// C library ends the process where it may not.
constexpr std::array kAllowed = {
    SYS_read,        SYS_write,         SYS_readv,           SYS_writev,
    SYS_mmap,        SYS_munmap,        SYS_mprotect,        SYS_mremap,
    SYS_madvise,     SYS_brk,           SYS_futex,           SYS_exit,
    SYS_exit_group,  SYS_rt_sigreturn,  SYS_rt_sigaction,    SYS_rt_sigprocmask,
    SYS_sigaltstack, SYS_clock_gettime, SYS_gettimeofday,    SYS_clock_nanosleep,
    SYS_sched_yield, SYS_getpid,        SYS_gettid,          SYS_tgkill,
    SYS_close,       SYS_getrandom,     SYS_restart_syscall, SYS_sched_getaffinity,
    SYS_pipe2,       SYS_rseq,          SYS_set_robust_list,
};

// Everything else fails with EPERM, as it would for lack of rights: libraries are ready for that.
Result<void> filter_system_calls() {
  std::array<sock_filter, kAllowed.size() + 7> program{};
  std::size_t at = 0;
  const auto add = [&](std::uint16_t code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) {
    program[at++] = {.code = code, .jt = yes, .jf = no, .k = k};
  };
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch), 0, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr), 0, 0);
  for (std::size_t i = 0; i < kAllowed.size(); ++i)
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(kAllowed[i]),
        static_cast<std::uint8_t>(kAllowed.size() - i), 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
  sock_fprog filter{.len = static_cast<unsigned short>(at), .filter = program.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0)
    return {};
  if (errno == ENOSYS || errno == EINVAL) return {};  // a kernel without it: the limits remain
  return fail(Errc::Unavailable, "the system call filter cannot be set");
}

std::atomic<unsigned> ticks_left{0};  // 0: no message is being worked on

void on_tick(int /*signal*/) {
  const auto left = ticks_left.load(std::memory_order_relaxed);
  if (left == 0) return;
  if (left == 1) ::_exit(kTookTooLong);
  ticks_left.store(left - 1, std::memory_order_relaxed);
}

}  // namespace

Result<void> confine_process(std::size_t memory) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(Errc::Unavailable, "rights cannot be given up");
  SL_TRY_VOID(Stopwatch::start());
  const auto mapped = bytes_mapped();
  SL_TRY_VOID(limit(RLIMIT_CORE, 0));
  SL_TRY_VOID(limit(RLIMIT_FSIZE, 0));
  SL_TRY_VOID(limit(RLIMIT_NOFILE, kDescriptors));
  if (mapped > 0) SL_TRY_VOID(limit(RLIMIT_AS, mapped + memory));
  return filter_system_calls();
}

Result<void> Stopwatch::start() {
  struct sigaction action{};
  action.sa_handler = on_tick;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGPROF, &action, nullptr);
  const itimerval every{.it_interval = {.tv_sec = 0, .tv_usec = kTickMs * 1000},
                        .it_value = {.tv_sec = 0, .tv_usec = kTickMs * 1000}};
  if (::setitimer(ITIMER_PROF, &every, nullptr) != 0)
    return fail(Errc::Unavailable, "there is no timer");
  return {};
}

void Stopwatch::begin(std::size_t payload_bytes) {
  // One more than its share: the first tick may come at once.
  const auto ticks = kTicks + 1 + payload_bytes / kBytesPerTick;
  ticks_left.store(static_cast<unsigned>(ticks), std::memory_order_relaxed);
}

void Stopwatch::end() {
  ticks_left.store(0, std::memory_order_relaxed);
}

}  // namespace sluice::connect::processing
