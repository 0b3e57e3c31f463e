#include "io/stream.hpp"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

namespace sluice::io {

Result<void> Stream::write(std::string_view bytes, Deadline until) {
  if (tls_) return tls_->write(bytes, until);
  while (!bytes.empty()) {
    const auto put = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return fail(Errc::IoFailed, std::strerror(errno));
    if (!wait_for(socket_.get(), POLLOUT, until))
      return fail(Errc::Timeout, "the other side did not take the request in time");
  }
  return {};
}

Result<std::size_t> Stream::read(char* into, std::size_t size, Deadline until) {
  if (tls_) return tls_->read(into, size, until);
  for (;;) {
    const auto got = ::recv(socket_.get(), into, size, 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return fail(Errc::IoFailed, std::strerror(errno));
    if (!wait_for(socket_.get(), POLLIN, until))
      return fail(Errc::Timeout, "the other side did not answer in time");
  }
}

bool Stream::has_ended() const {
  pollfd ready{.fd = socket(), .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) != 0;
}

bool Stream::may_go_on(Caller caller) const {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  auto& address = reinterpret_cast<sockaddr&>(peer);
  return ::getpeername(socket(), &address, &size) == 0 && may_call(caller, address).has_value();
}

}  // namespace sluice::io
