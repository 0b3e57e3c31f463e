#include "io/reach.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <optional>
#include <poll.h>
#include <thread>

namespace sluice::io {
namespace {

using Addresses = std::vector<SocketAddress>;

// Threads that a silent resolver may hold at a time.
constexpr int kMostResolvers = 16;
std::atomic<int> resolvers{0};

Result<Addresses> ask_system(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &first);
  if (error != 0) return fail(Errc::Unavailable, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(first, freeaddrinfo);
  Addresses addresses;
  for (const auto* at = found.get(); at != nullptr; at = at->ai_next) {
    auto& address = addresses.emplace_back();
    address.size = std::min<socklen_t>(at->ai_addrlen, sizeof address.storage);
    std::memcpy(&address.storage, at->ai_addr, address.size);
  }
  return addresses;
}

// Shared with the thread that asks, which may outlive the question.
struct Question {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Result<Addresses>> answer;
};

// A condition cannot wait for a descriptor as well.
SteadyTime next_look(Deadline until) {
  constexpr std::chrono::milliseconds kLookEvery{50};
  if (until.cut < 0) return until.time;
  return std::min(until.time, std::chrono::steady_clock::now() + kLookEvery);
}

}  // namespace

Result<Addresses> resolve(const std::string& host, const std::string& port, Deadline until) {
  if (resolvers.fetch_add(1) >= kMostResolvers) {
    resolvers.fetch_sub(1);
    return fail(Errc::Overloaded, "the system's resolver does not answer; try again later");
  }
  auto question = std::make_shared<Question>();
  std::thread([question, host, port] {
    auto answer = ask_system(host, port);
    resolvers.fetch_sub(1);
    const std::scoped_lock lock(question->mutex);
    question->answer = std::move(answer);
    question->answered.notify_one();
  }).detach();
  std::unique_lock lock(question->mutex);
  const auto is_answered = [&] { return question->answer.has_value(); };
  while (!is_answered() && std::chrono::steady_clock::now() < until.time && !until.is_cut())
    question->answered.wait_until(lock, next_look(until), is_answered);
  if (!question->answer) return fail(Errc::Timeout, "the resolver did not answer in time");
  return std::move(*question->answer);
}

bool Deadline::is_cut() const {
  pollfd ready{.fd = cut, .events = POLLIN, .revents = 0};
  return cut >= 0 && ::poll(&ready, 1, 0) > 0;
}

bool wait_for(int socket, short events, Deadline until) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until.time - std::chrono::steady_clock::now());
    // poll() passes over a negative descriptor.
    pollfd ready[2] = {{.fd = socket, .events = events, .revents = 0},
                       {.fd = until.cut, .events = POLLIN, .revents = 0}};
    const int count =
        ::poll(ready, 2, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
    if (count > 0) return ready[0].revents != 0;
    if (count == 0 || errno != EINTR) return false;
  }
}

Result<Descriptor> connect_to(Caller caller, const SocketAddress& address, Deadline until) {
  SL_TRY_VOID(may_call(caller, address.get()));
  Descriptor socket(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return fail(Errc::Unavailable, std::strerror(errno));
  if (::connect(socket.get(), &address.get(), address.size) == 0) return socket;
  int error = errno;
  if (error == EINPROGRESS) {
    if (!wait_for(socket.get(), POLLOUT, until))
      return fail(Errc::Timeout, std::strerror(ETIMEDOUT));
    socklen_t size = sizeof error;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) return fail(Errc::Unavailable, std::strerror(error));
  return socket;
}

}  // namespace sluice::io
