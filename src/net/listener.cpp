#include "net/listener.hpp"

#include <future>

#include "base/log.hpp"

namespace sluice::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {
constexpr int kBacklog = 1024;
// No descriptor is left: waiting a moment is better than spinning.
constexpr std::chrono::milliseconds kAcceptPause{100};
}  // namespace

Listener::Listener(broker::Broker& broker)
    : broker_(broker), acceptor_(broker.worker(0).io()), pause_(broker.worker(0).io()) {
  read_buffers_.resize(broker.worker_count());
  for (auto& buffer : read_buffers_) buffer.resize(kReadBuffer);
}

Listener::~Listener() = default;

Result<void> Listener::open(const std::string& host, std::uint16_t port) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) return fail(Errc::InvalidArgument, "not an IP address: " + host);
  const tcp::endpoint endpoint(address, port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (!error) return {};
  const auto where = host + ":" + std::to_string(port);
  if (error == asio::error::address_in_use)
    return fail(Errc::AlreadyExists, where + " is taken by another program");
  return fail(Errc::IoFailed, where + ": " + error.message());
}

std::string Listener::address() const {
  boost::system::error_code ignored;
  const auto endpoint = acceptor_.local_endpoint(ignored);
  const auto host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

void Listener::start() {
  started_ = true;
  broker_.worker(0).post([this] { accept(); });
}

void Listener::close() {
  if (!started_) {  // nobody runs the worker yet
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    return;
  }
  std::promise<void> done;
  broker_.worker(0).post([this, &done] {
    closed_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    done.set_value();
  });
  done.get_future().wait();
}

void Listener::accept() {
  if (closed_) return;
  const auto worker = next_++ % broker_.worker_count();
  acceptor_.async_accept(
      broker_.worker(worker).io(),
      [this, worker](const boost::system::error_code& error, tcp::socket socket) {
        if (closed_) return;
        if (!error) {
          broker_.worker(worker).post(
              [this, worker, accepted = std::make_shared<tcp::socket>(std::move(socket))] {
                adopt(std::move(*accepted), worker, {}, true);
              });
          accept();
          return;
        }
        if (error == asio::error::operation_aborted) return;
        log::warn("accepting a client failed", {{"reason", error.message()}});
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([this](const boost::system::error_code& cancelled) {
          if (!cancelled) accept();
        });
      });
}

void Listener::adopt(tcp::socket socket, std::size_t index, std::string received, bool may_move) {
  auto& worker = broker_.worker(index);
  const auto connection =
      std::make_shared<Connection>(std::move(socket), worker, read_buffers_[index]);
  if (may_move && broker_.worker_count() > 1) {
    connection->set_move(
        [this, index](Connection& moving, std::string_view client_id, std::string bytes) {
          auto& home = broker_.worker_of(client_id);
          if (home.index() == index) return false;
          // A socket belongs to one io_context: only its descriptor can go to another.
          auto leaving = moving.take_socket();
          boost::system::error_code error;
          const auto protocol = leaving.local_endpoint(error).protocol();
          const auto descriptor = leaving.release(error);
          if (error) return true;
          home.post([this, &home, protocol, descriptor, bytes = std::move(bytes)]() mutable {
            tcp::socket arrived(home.io());
            boost::system::error_code failed;
            arrived.assign(protocol, descriptor, failed);
            if (!failed) adopt(std::move(arrived), home.index(), std::move(bytes), false);
          });
          return true;
        });
  }
  connection->start(std::move(received));
}

}  // namespace sluice::net
