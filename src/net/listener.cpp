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
#include "base/peer.hpp"
#include "broker/limits.hpp"
#include "net/handshakes.hpp"

namespace sluice::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr int kBacklog = 1024;
// No descriptor is left: waiting a moment is better than spinning.
constexpr std::chrono::milliseconds kAcceptPause{100};
// A storm of connections must not keep the clients that are there waiting.
constexpr int kAcceptsPerRound = 64;
constexpr std::chrono::seconds kWarnEvery{60};

// Descriptors are numbered from below: what is not above this leaves the others enough.
int highest_for_clients() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) return INT_MAX;
  const auto all = static_cast<int>(limit.rlim_cur);
  return all - std::min(broker::kReservedDescriptors, all / 2);
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

// What connections with layers need on one worker.
struct Listener::Wire {
  explicit Wire(broker::Worker& worker) : handshakes(worker) { buffers.input.resize(kReadBuffer); }
  WireBuffers buffers;
  Handshakes handshakes;
};

Listener::Listener(broker::Broker& broker, ListenerOptions options, Counters& counters)
    : broker_(broker),
      options_(std::move(options)),
      name_(options_.name),
      counters_(counters),
      failure_lines_(broker.clock()),
      highest_descriptor_(highest_for_clients()) {
  read_buffers_.resize(broker.worker_count());
  for (auto& buffer : read_buffers_) buffer.resize(kReadBuffer);
  if (options_.web_socket)
    web_socket_ = std::make_shared<const WebSocketServing>(*options_.web_socket);
  if (!options_.tls && !web_socket_ && options_.proxies.empty()) return;
  for (std::size_t i = 0; i < broker.worker_count(); ++i)
    wires_.push_back(std::make_unique<Wire>(broker.worker(i)));
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
    Arriving arriving{std::move(socket), peer.address().to_string(), {}, nullptr, false};
    arriving.by_proxy = std::ranges::any_of(options_.proxies, [&](const broker::Network& network) {
      return network.contains(peer.address());
    });
    open_.fetch_add(1, std::memory_order_relaxed);
    if (worker.index() == 0) {
      arriving.layers = new_layers(arriving.by_proxy);
      adopt(std::move(arriving), worker);
      continue;
    }
    worker.post([this, &worker, shared = std::make_shared<Arriving>(std::move(arriving))] {
      shared->layers = new_layers(shared->by_proxy);
      adopt(std::move(*shared), worker);
    });
  }
}

bool Listener::has_room_for(const Descriptor& socket) {
  if (socket.get() > highest_descriptor_) {
    refuse("too few file descriptors; raise the limit (ulimit -n, LimitNOFILE)",
           highest_descriptor_);
    return false;
  }
  if (open_.load(std::memory_order_relaxed) >= options_.connections) {
    refuse("the listener's setting `connections` allows no more", options_.connections);
    return false;
  }
  return true;
}

void Listener::refuse(std::string_view reason, std::int64_t most) {
  broker_.counters().connections_refused.add();
  const auto now = std::chrono::steady_clock::now();
  if (now < next_warning_) return;
  next_warning_ = now + kWarnEvery;
  log::warn("clients refused", {{"listener", options_.name},
                                {"address", address_},
                                {"reason", reason},
                                {"clients_at_most", most}});
}

void Listener::pause(int reason) {
  log::warn("accepting a client failed", {{"reason", std::strerror(reason)}});
  broker_.worker(0).timers().after(kAcceptPause, [this] { accept(); });
}

std::unique_ptr<Layers> Listener::new_layers(bool by_proxy) const {
  if (!options_.tls && !web_socket_ && !by_proxy) return nullptr;
  std::unique_ptr<TlsSession> tls;
  if (options_.tls) {
    auto context = tls_.with([](const auto& current) { return current; });
    tls = std::make_unique<TlsSession>(std::move(context), options_.tls->user_from);
  }
  auto web_socket = web_socket_ ? std::make_unique<WebSocket>(web_socket_) : nullptr;
  auto proxy = by_proxy ? std::make_unique<ProxyHeader>() : nullptr;
  return std::make_unique<Layers>(std::move(proxy), std::move(tls), std::move(web_socket));
}

void Listener::adopt(Arriving arriving, broker::Worker& worker) {
  const auto connection = std::make_shared<Connection>(std::move(arriving.socket),
                                                       std::move(arriving.layers), worker, *this);
  connection->start(std::move(arriving.host), arriving.received);
}

std::string& Listener::read_buffer(const broker::Worker& worker) {
  return read_buffers_[worker.index()];
}

Listening::WireBuffers& Listener::wire_buffers(const broker::Worker& worker) {
  return wires_[worker.index()]->buffers;
}

Handshakes& Listener::handshakes(const broker::Worker& worker) {
  return wires_[worker.index()]->handshakes;
}

bool Listener::move(Connection& connection, std::string_view client_id, std::string received) {
  auto& home = broker_.worker_of(client_id);
  if (&home == &connection.worker()) return false;
  Arriving leaving{connection.take_socket(), connection.host(), std::move(received),
                   connection.take_layers()};
  home.post([this, &home, shared = std::make_shared<Arriving>(std::move(leaving))] {
    adopt(std::move(*shared), home);
  });
  return true;
}

// --- layers

Result<void> Listener::load_certificates() {
  if (!options_.tls) return {};
  auto loaded = io::TlsContext::load(options_.tls->options);
  if (!loaded)
    return fail(Errc::InvalidArgument, "listeners." + options_.name + "." + loaded.error().setting +
                                           " " + loaded.error().detail);
  for (const auto& warning : (*loaded)->warnings())
    log::warn(warning, {{"listener", options_.name}});
  tls_.with([&](auto& current) { current = *std::move(loaded); });
  return {};
}

std::optional<std::int64_t> Listener::certificates_expire_s() const {
  const auto context = tls_.with([](const auto& current) { return current; });
  if (!context) return std::nullopt;
  return context->expires_s();
}

void Listener::note_handshake(const Layers& layers) {
  (layers.tls()->was_resumed() ? counters_.tls_resumed : counters_.tls_full).add();
}

void Listener::note_failure(const std::string& host, const Layers& layers) {
  const bool is_tls = layers.tls() != nullptr && !layers.tls()->failure().empty();
  auto& counter = layers.waits_for_proxy() ? counters_.proxy_failed
                  : is_tls                 ? counters_.tls_failed
                                           : counters_.web_socket_failed;
  counter.add();
  const auto untold = failure_lines_.due(peer_of(host));
  if (!untold) return;
  log::info(layers.waits_for_proxy() ? "proxy refused"
            : is_tls                 ? "TLS with a client failed"
                                     : "WebSocket with a client failed",
            {{"listener", options_.name},
             {"host", host},
             {"reason", layers.failure()},
             {"failed_since_last_line", *untold}});
}

}  // namespace sluice::net
