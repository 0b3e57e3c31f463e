#include "net/listener.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <future>
#include <sys/resource.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>

#include "base/log.hpp"

namespace sluice::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr int kBacklog = 1024;
// No descriptor is left: waiting a moment is better than spinning.
constexpr std::chrono::milliseconds kAcceptPause{100};
// A storm of connections must not keep the clients that are there waiting.
constexpr int kAcceptsPerRound = 64;
// What stays free for the log, its view and the other sides of tasks, however many clients come.
constexpr int kReservedDescriptors = 256;
constexpr std::chrono::seconds kWarnEvery{60};

// Descriptors are numbered from below: what is not above this leaves the others enough.
int highest_for_clients() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) return INT_MAX;
  const auto all = static_cast<int>(limit.rlim_cur);
  return all - std::min(kReservedDescriptors, all / 2);
}

std::string text_of(const tcp::endpoint& endpoint) {
  const auto host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

// One system call that may fail, as a result.
Result<void> try_call(int outcome, const std::string& where) {
  if (outcome == 0) return {};
  if (errno == EADDRINUSE) return fail(Errc::AlreadyExists, where + " is taken by another program");
  return fail(Errc::IoFailed, where + ": " + std::strerror(errno));
}

}  // namespace

class Listener::Acceptor final : public Watched {
 public:
  explicit Acceptor(Listener& listener) : listener_(listener) {}
  void on_ready(std::uint32_t /*readiness*/) override { listener_.accept(); }

 private:
  Listener& listener_;
};

Listener::Listener(broker::Broker& broker)
    : broker_(broker), highest_descriptor_(highest_for_clients()) {
  read_buffers_.resize(broker.worker_count());
  for (auto& buffer : read_buffers_) buffer.resize(kReadBuffer);
}

Listener::~Listener() = default;

Result<void> Listener::open(const std::string& host, std::uint16_t port) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(host, error);
  if (error) return fail(Errc::InvalidArgument, "not an IP address: " + host);
  tcp::endpoint endpoint(ip, port);
  const auto where = host + ":" + std::to_string(port);
  Descriptor socket(
      ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  SL_TRY_VOID(try_call(socket.is_open() ? 0 : -1, where));
  const int on = 1;
  SL_TRY_VOID(
      try_call(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), where));
  SL_TRY_VOID(try_call(
      ::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())), where));
  SL_TRY_VOID(try_call(::listen(socket.get(), kBacklog), where));
  auto size = static_cast<socklen_t>(endpoint.capacity());
  SL_TRY_VOID(try_call(::getsockname(socket.get(), endpoint.data(), &size), where));
  endpoint.resize(size);
  address_ = text_of(endpoint);
  socket_ = std::move(socket);
  return {};
}

void Listener::start() {
  started_ = true;
  broker_.worker(0).post([this] {
    const auto watched =
        broker_.worker(0).loop().watch(socket_.get(), std::make_shared<Acceptor>(*this));
    if (!watched)
      log::error("no clients are accepted",
                 {{"address", address_}, {"reason", watched.error().detail}});
  });
}

void Listener::close() {
  if (!started_) {  // nobody runs the worker yet
    socket_.reset();
    return;
  }
  std::promise<void> done;
  broker_.worker(0).post([this, &done] {
    closed_ = true;
    broker_.worker(0).loop().unwatch(socket_.get());
    socket_.reset();
    done.set_value();
  });
  done.get_future().wait();
}

void Listener::accept() {
  for (int accepted = 0; !closed_; ++accepted) {
    if (accepted == kAcceptsPerRound) {
      broker_.worker(0).post([this] { accept(); });
      return;
    }
    tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    Descriptor socket(::accept4(socket_.get(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
      pause(errno);
      return;
    }
    if (!has_room_for(socket)) continue;
    peer.resize(size);
    auto& worker = broker_.worker(next_++ % broker_.worker_count());
    auto host = peer.address().to_string();
    if (worker.index() == 0) {
      adopt(std::move(socket), std::move(host), worker, {});
      continue;
    }
    worker.post([this, &worker, host = std::move(host),
                 shared = std::make_shared<Descriptor>(std::move(socket))] {
      adopt(std::move(*shared), host, worker, {});
    });
  }
}

bool Listener::has_room_for(const Descriptor& socket) {
  if (socket.get() <= highest_descriptor_) return true;
  broker_.counters().connections_refused.add();
  const auto now = std::chrono::steady_clock::now();
  if (now < next_warning_) return false;
  next_warning_ = now + kWarnEvery;
  log::warn("clients refused: too few file descriptors; raise the limit (ulimit -n, LimitNOFILE)",
            {{"address", address_}, {"clients_at_most", highest_descriptor_}});
  return false;
}

void Listener::pause(int reason) {
  log::warn("accepting a client failed", {{"reason", std::strerror(reason)}});
  broker_.worker(0).timers().after(kAcceptPause, [this] { accept(); });
}

void Listener::adopt(Descriptor socket, std::string host, broker::Worker& worker,
                     std::string_view received) {
  const auto connection = std::make_shared<Connection>(std::move(socket), worker, *this);
  connection->start(std::move(host), received);
}

std::string& Listener::read_buffer(const broker::Worker& worker) {
  return read_buffers_[worker.index()];
}

bool Listener::move(Connection& connection, std::string_view client_id, std::string received) {
  auto& home = broker_.worker_of(client_id);
  if (&home == &connection.worker()) return false;
  home.post([this, &home, host = connection.host(), received = std::move(received),
             leaving = std::make_shared<Descriptor>(connection.take_socket())] {
    adopt(std::move(*leaving), host, home, received);
  });
  return true;
}

}  // namespace sluice::net
