#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/settings.hpp"
#include "base/result.hpp"

namespace sluice::app {

// Passes bytes between who connects here and a port of this machine, both ways.
//
// Owns:    the listening socket and every pair of sockets.
// Threads: that of the io_context.
// Fails:   open() when the address is taken or not ours. A pair ends when either side does.
class TcpRelay {
 public:
  static constexpr std::size_t kMostPairs = 1024;

  TcpRelay(boost::asio::io_context& context, std::uint16_t target_port);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  [[nodiscard]] Result<BindAddress> open(const BindAddress& bind);  // where it listens
  void close();

 private:
  class Pair;
  void accept();

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;  // between two attempts when no socket can be had
  boost::asio::ip::tcp::endpoint target_;
  std::list<std::weak_ptr<Pair>> pairs_;
};

}  // namespace sluice::app
