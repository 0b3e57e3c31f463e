#include "app/tcp_relay.hpp"

#include <array>
#include <chrono>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/write.hpp>

namespace sluice::app {

namespace asio = boost::asio;
using asio::ip::tcp;

// Lives as long as an operation of it is under way.
class TcpRelay::Pair : public std::enable_shared_from_this<Pair> {
 public:
  Pair(tcp::socket client, tcp::socket server)
      : client_(std::move(client)), server_(std::move(server)) {}

  void start(const tcp::endpoint& target) {
    server_.async_connect(target, [self = shared_from_this()](boost::system::error_code error) {
      if (error) return self->close();
      self->read(self->client_, self->server_, self->there_);
      self->read(self->server_, self->client_, self->back_);
    });
  }

  void close() {
    boost::system::error_code ignored;
    client_.close(ignored);
    server_.close(ignored);
  }

 private:
  using Buffer = std::array<char, 64 * 1024>;

  void read(tcp::socket& from, tcp::socket& to, Buffer& buffer) {
    from.async_read_some(asio::buffer(buffer),
                         [self = shared_from_this(), &from, &to, &buffer](
                             boost::system::error_code error, std::size_t size) {
                           if (error) return self->close();
                           self->write(from, to, buffer, size);
                         });
  }

  void write(tcp::socket& from, tcp::socket& to, Buffer& buffer, std::size_t size) {
    asio::async_write(to, asio::buffer(buffer.data(), size),
                      [self = shared_from_this(), &from, &to, &buffer](
                          boost::system::error_code error, std::size_t) {
                        if (error) return self->close();
                        self->read(from, to, buffer);
                      });
  }

  tcp::socket client_;
  tcp::socket server_;
  Buffer there_{};
  Buffer back_{};
};

TcpRelay::TcpRelay(asio::io_context& context, std::uint16_t target_port)
    : acceptor_(context), pause_(context), target_(asio::ip::address_v4::loopback(), target_port) {}

TcpRelay::~TcpRelay() {
  close();
}

Result<BindAddress> TcpRelay::open(const BindAddress& bind) {
  boost::system::error_code error;
  const tcp::endpoint endpoint(asio::ip::make_address(bind.host, error), bind.port);
  if (!error) acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(Errc::IoFailed, error.message());
  accept();
  return BindAddress{bind.host, acceptor_.local_endpoint(error).port()};
}

void TcpRelay::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (const auto& weak : pairs_) {
    if (const auto pair = weak.lock()) pair->close();
  }
  pairs_.clear();
}

void TcpRelay::accept() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket client) {
    if (!acceptor_.is_open()) return;
    if (error) {
      pause_.expires_after(std::chrono::milliseconds(100));
      return pause_.async_wait([this](boost::system::error_code stopped) {
        if (!stopped) accept();
      });
    }
    pairs_.remove_if([](const auto& weak) { return weak.expired(); });
    if (pairs_.size() < kMostPairs) {
      auto pair = std::make_shared<Pair>(std::move(client), tcp::socket(acceptor_.get_executor()));
      pairs_.push_back(pair);
      pair->start(target_);
    }
    accept();
  });
}

}  // namespace sluice::app
