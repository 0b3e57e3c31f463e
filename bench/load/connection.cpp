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

void Connection::set_blocking(bool blocking) const {
  if (::fcntl(descriptor_, F_SETFL, blocking ? 0 : O_NONBLOCK) != 0) fail_with("fcntl");
}

void Connection::ask_log_in(const mqtt::Connect& connect) {
  version_ = connect.version;
  mqtt::encode(output_, connect);
  flush();
}

void Connection::finish_log_in() {
  const auto bytes = wait_for_packet();
  const auto frame = next_frame(bytes);
  const auto connack = mqtt::decode_connack(version_, frame->body);
  if (frame->type != mqtt::PacketType::Connack || !connack ||
      connack->reason != mqtt::ReasonCode::Success) {
    throw std::runtime_error("the server refused the connection");
  }
  set_blocking(false);
}

void Connection::ask_subscribe(std::string_view filter, mqtt::Qos qos) {
  mqtt::Subscribe subscribe;
  subscribe.packet_id = 1;
  subscribe.subscriptions.push_back({.filter = filter, .qos = qos});
  mqtt::encode(output_, version_, subscribe);
  set_blocking(true);
  flush();
}

void Connection::finish_subscribe() {
  set_blocking(true);
  const auto bytes = wait_for_packet();
  const auto frame = next_frame(bytes);
  const auto suback = mqtt::decode_suback(version_, frame->body);
  if (frame->type != mqtt::PacketType::Suback || !suback ||
      static_cast<std::uint8_t>(suback->reasons.at(0)) >= 0x80) {
    throw std::runtime_error("the server refused the subscription");
  }
  set_blocking(false);
}

void Connection::log_out() {
  mqtt::encode(output_, version_, mqtt::Disconnect{});
  flush();
}

void Connection::wait_for_end() {
  set_blocking(true);
  char ignored[256];
  while (::recv(descriptor_, ignored, sizeof ignored, 0) > 0) continue;
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

Connection::Chunk Connection::read() {
  // One for all connections: their bytes are consumed before the next one reads.
  static std::string buffer(kReadBytes + kMaximumPacket, '\0');
  std::memcpy(buffer.data(), rest_.data(), rest_.size());
  const auto count = ::recv(descriptor_, buffer.data() + rest_.size(), kReadBytes, 0);
  if (count == 0) throw std::runtime_error("the server closed the connection");
  if (count < 0 && errno != EAGAIN && errno != EINTR) fail_with("receive");
  const auto fresh = count < 0 ? 0 : static_cast<std::size_t>(count);
  // A short read emptied the socket: what comes later makes epoll speak again.
  return {.bytes = std::string_view(buffer).substr(0, rest_.size() + fresh),
          .more = fresh == kReadBytes || (count < 0 && errno == EINTR)};
}

std::optional<mqtt::Frame> Connection::next_frame(std::string_view bytes) {
  const auto frame = mqtt::next_frame(bytes, kMaximumPacket);
  if (!frame) throw std::runtime_error("the server sent something malformed");
  return *frame;
}

std::string Connection::wait_for_packet() {
  for (;;) {
    if (const auto frame = next_frame(rest_)) {
      auto packet = rest_.substr(0, frame->size);
      rest_.erase(0, frame->size);
      return packet;
    }
    rest_ = std::string(read().bytes);
  }
}

}  // namespace sluice::load
