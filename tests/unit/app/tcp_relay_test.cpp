#include "app/tcp_relay.hpp"

#include <array>
#include <string>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace sluice::app {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A relay to a port of the test's own, running on a thread.
class TcpRelayTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto opened = relay_.open({"127.0.0.1", 0});
    ASSERT_TRUE(opened) << opened.error().detail;
    bound_ = *opened;
    thread_ = std::thread([this] { context_.run(); });
  }
  void TearDown() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  tcp::socket connect() {
    tcp::socket socket(own_);
    socket.connect({asio::ip::make_address(bound_.host), bound_.port});
    return socket;
  }

  asio::io_context own_;
  tcp::acceptor target_{own_, {asio::ip::address_v4::loopback(), 0}};
  asio::io_context context_;
  TcpRelay relay_{context_, target_.local_endpoint().port()};
  BindAddress bound_;
  std::thread thread_;
};

TEST_F(TcpRelayTest, PassesBytesBothWays) {
  auto client = connect();
  auto server = target_.accept();
  const std::string large(1 << 20, 'x');

  std::thread writer([&] { asio::write(client, asio::buffer(large)); });
  std::string received(large.size(), '\0');
  asio::read(server, asio::buffer(received));
  writer.join();
  asio::write(server, asio::buffer("pong", 4));
  std::array<char, 4> answer{};
  asio::read(client, asio::buffer(answer));

  EXPECT_EQ(received, large);
  EXPECT_EQ(std::string_view(answer.data(), answer.size()), "pong");
}

TEST_F(TcpRelayTest, EndsAPairWhenEitherSideDoes) {
  auto client = connect();
  auto server = target_.accept();

  server.close();

  std::array<char, 1> byte{};
  boost::system::error_code error;
  asio::read(client, asio::buffer(byte), error);
  EXPECT_EQ(error, asio::error::eof);
}

TEST_F(TcpRelayTest, EndsAConnectionThatTheTargetRefuses) {
  target_.close();
  auto client = connect();

  std::array<char, 1> byte{};
  boost::system::error_code error;
  asio::read(client, asio::buffer(byte), error);

  EXPECT_TRUE(error);
}

TEST_F(TcpRelayTest, RefusesATakenAddress) {
  TcpRelay second(context_, 1);

  const auto opened = second.open(bound_);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().detail, "Address already in use");
}

}  // namespace
}  // namespace sluice::app
