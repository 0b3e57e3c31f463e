#include "admin/server.hpp"

#include <charconv>
#include <thread>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "admin/http_connection.hpp"
#include "base/guarded.hpp"
#include "base/log.hpp"

namespace sluice::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadingThreads = 2;
constexpr std::size_t kChangingThreads = 4;
constexpr std::size_t kQueryingThreads = 2;
constexpr std::chrono::milliseconds kAcceptPause{100};

Result<tcp::endpoint> parse_bind(std::string_view bind) {
  const auto wrong = [&](std::string_view why) {
    return fail(Errc::InvalidArgument,
                "the address " + std::string(bind) + " is wrong: " + std::string(why));
  };
  const auto colon = bind.rfind(':');
  if (colon == std::string_view::npos) return wrong("it needs a port, as in 127.0.0.1:8080");
  auto host = bind.substr(0, colon);
  const auto port_text = bind.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 0;
  const auto* end = port_text.data() + port_text.size();
  const auto [parsed, fault] = std::from_chars(port_text.data(), end, port);
  if (fault != std::errc() || parsed != end) return wrong("the port must be 0 to 65535");
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) return wrong("the host must be an IP address or localhost");
  return tcp::endpoint(address, port);
}

std::string text_of(const tcp::endpoint& endpoint) {
  const auto port = ":" + std::to_string(endpoint.port());
  if (endpoint.address().is_v6()) return "[" + endpoint.address().to_string() + "]" + port;
  return endpoint.address().to_string() + port;
}

Error cannot_listen(const std::string& bind, error_code error) {
  Errc errc = Errc::IoFailed;
  if (error == asio::error::address_in_use) errc = Errc::AlreadyExists;
  if (error == asio::error::access_denied) errc = Errc::NotAuthorized;
  return {.code = errc, .detail = "cannot listen at " + bind + ": " + error.message()};
}

}  // namespace

struct Server::State {
  State(Sources sources, AdministratorAccounts& accounts, Options chosen)
      : options(std::move(chosen)), api(std::move(sources), accounts, options.api) {}

  const Options options;
  Api api;
  asio::thread_pool reading{kReadingThreads};
  asio::thread_pool changing{kChangingThreads};
  asio::thread_pool querying{kQueryingThreads};
  // Before the loop: what waits in it when it goes still knows its connections.
  Connections connections{.api = api,
                          .options = options,
                          .reading = reading,
                          .changing = changing,
                          .querying = querying};
  asio::io_context loop{1};
  tcp::acceptor acceptor{loop};
  asio::steady_timer pause{loop};
  std::thread thread;
  Guarded<std::shared_ptr<const io::TlsContext>> tls;

  Result<std::string> listen() {
    SL_TRY(endpoint, parse_bind(options.bind));
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(1024, error);
    tcp::endpoint bound;
    if (!error) bound = acceptor.local_endpoint(error);
    if (error) {
      error_code ignored;
      acceptor.close(ignored);
      return tl::unexpected(cannot_listen(options.bind, error));
    }
    return text_of(bound);
  }

  void accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (!acceptor.is_open()) return;
      if (error) return accept_later();
      // Without room a client is closed at once: waiting would hold its socket all the same.
      error_code gone;
      const auto remote = socket.remote_endpoint(gone);
      if (!gone && connections.make_room(remote.address())) {
        auto context = tls.with([](const auto& current) { return current; });
        std::make_shared<HttpConnection>(std::move(socket), std::move(context), connections)
            ->begin();
      }
      accept();
    });
  }

  // Out of file descriptors, most likely: others may give some back.
  void accept_later() {
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](error_code error) {
      if (!error && acceptor.is_open()) accept();
    });
  }

  void end() {
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    connections.stopping = true;
    const auto open = connections.open;
    for (auto* connection : open) connection->end_when_answered();
  }
};

Server::Server(Sources sources, AdministratorAccounts& accounts, Options options)
    : state_(std::make_unique<State>(std::move(sources), accounts, std::move(options))) {}

Server::~Server() {
  stop();
}

Result<void> Server::load() {
  return state_->api.load();
}

Result<void> Server::load_certificate() {
  if (!state_->options.tls) return {};
  auto loaded = io::TlsContext::load(*state_->options.tls);
  if (!loaded)
    return fail(Errc::InvalidArgument,
                "admin." + loaded.error().setting + " " + loaded.error().detail);
  for (const auto& warning : (*loaded)->warnings()) log::warn(warning, {{"listener", "admin"}});
  state_->tls.with([&](auto& current) { current = *std::move(loaded); });
  return {};
}

std::optional<std::int64_t> Server::certificate_expires_s() const {
  const auto context = state_->tls.with([](const auto& current) { return current; });
  if (!context) return std::nullopt;
  return context->expires_s();
}

std::string Server::certificate_pem() const {
  const auto context = state_->tls.with([](const auto& current) { return current; });
  return context ? context->certificate_pem() : std::string();
}

Result<std::string> Server::start() {
  SL_TRY(bound, state_->listen());
  state_->accept();
  state_->api.start();
  state_->thread = std::thread([state = state_.get()] { state->loop.run(); });
  log::info("administration listens", {{"address", bound}});
  return std::move(bound);
}

void Server::stop() {
  if (!state_->thread.joinable()) return;
  state_->api.stop();
  asio::post(state_->loop, [state = state_.get()] { state->end(); });
  state_->thread.join();  // returns when the last connection is gone
  state_->reading.join();
  state_->changing.join();
  state_->querying.join();
}

broker::EventListener& Server::event_listener() {
  return state_->api.feed();
}

void Server::take_task_event(boost::json::object event) {
  state_->api.feed().take_task(std::move(event));
}

void Server::take_task_rejection(connect::TaskRejection rejection) {
  state_->api.feed().take_rejection(std::move(rejection));
}

std::string Server::create_local_token() {
  return state_->api.create_local_token();
}

}  // namespace sluice::admin
