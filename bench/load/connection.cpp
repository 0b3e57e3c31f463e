#include "load/connection.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::load {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kMaximumPacket = 1 << 20;

[[noreturn]] void fail_with(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace

Connection::Connection(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address: " + host);
  }
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) fail_with("socket");
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(descriptor_);
    errno = error;
    fail_with("connect to " + host + ":" + std::to_string(port));
  }
}

Connection::~Connection() {
  ::close(descriptor_);
}

void Connection::log_in(const mqtt::Connect& connect) {
  version_ = connect.version;
  mqtt::encode(output_, connect);
  flush();
  const auto packet = wait_for_packet();
  const auto* connack = std::get_if<mqtt::Connack>(&packet);
  if (connack == nullptr || connack->reason != mqtt::ReasonCode::Success) {
    throw std::runtime_error("the server refused the connection");
  }
  if (::fcntl(descriptor_, F_SETFL, O_NONBLOCK) != 0) fail_with("fcntl");
}

void Connection::subscribe(std::string_view filter, mqtt::Qos qos) {
  mqtt::Subscribe subscribe;
  subscribe.packet_id = 1;
  subscribe.subscriptions.push_back({.filter = filter, .qos = qos});
  mqtt::encode(output_, version_, subscribe);
  if (::fcntl(descriptor_, F_SETFL, 0) != 0) fail_with("fcntl");
  flush();
  const auto packet = wait_for_packet();
  const auto* suback = std::get_if<mqtt::Suback>(&packet);
  if (suback == nullptr || static_cast<std::uint8_t>(suback->reasons.at(0)) >= 0x80) {
    throw std::runtime_error("the server refused the subscription");
  }
  if (::fcntl(descriptor_, F_SETFL, O_NONBLOCK) != 0) fail_with("fcntl");
}

void Connection::flush() {
  while (has_output()) {
    const auto count =
        ::send(descriptor_, output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return;
      fail_with("send");
    }
    sent_ += static_cast<std::size_t>(count);
  }
  output_.clear();
  sent_ = 0;
}

bool Connection::fill() {
  if (input_.empty()) input_.resize(kReadBytes + kMaximumPacket);
  std::memmove(input_.data(), input_.data() + taken_, filled_ - taken_);
  filled_ -= taken_;
  taken_ = 0;
  const auto room = input_.size() - filled_;
  const auto count = ::recv(descriptor_, input_.data() + filled_, room, 0);
  if (count > 0) {
    filled_ += static_cast<std::size_t>(count);
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count < 0) fail_with("receive");
  throw std::runtime_error("the server closed the connection");
}

std::optional<mqtt::Frame> Connection::take_frame() {
  const auto unread = std::string_view(input_).substr(taken_, filled_ - taken_);
  auto frame = mqtt::next_frame(unread, kMaximumPacket);
  if (!frame) throw std::runtime_error("the server sent something malformed");
  if (*frame) taken_ += (*frame)->size;
  return *frame;
}

mqtt::Packet Connection::wait_for_packet() {
  for (;;) {
    if (!fill()) continue;
    const auto frame = take_frame();
    if (!frame) continue;
    auto packet = mqtt::decode(version_, mqtt::Sender::Server, *frame);
    if (!packet) throw std::runtime_error("the server sent something malformed");
    return *packet;
  }
}

}  // namespace sluice::load
