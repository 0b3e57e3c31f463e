// The first steps towards a server, each within a time: for whoever tries a connection before it is
// used. All of it blocks: never on an event loop.
#pragma once
#include <chrono>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "io/address_rule.hpp"

namespace sluice::io {

using SteadyTime = std::chrono::steady_clock::time_point;

// How long a call blocks: until a time, or until `cut` can be read, for who has to end before.
struct Deadline {
  Deadline(SteadyTime given, int descriptor = -1)  // NOLINT(google-explicit-constructor): a time
      : time(given), cut(descriptor) {}
  [[nodiscard]] bool is_cut() const;

  SteadyTime time;
  int cut;  // -1: nobody does
};

// An address as the system calls take it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr& get() const { return *reinterpret_cast<const sockaddr*>(&storage); }
};

// What a name means, in the order in which the system would call it. The system's resolver knows no
// deadline, so a thread asks it, which is left alone when the time is over; of such threads there
// are only so many. Errors: Unavailable, Timeout, Overloaded.
[[nodiscard]] Result<std::vector<SocketAddress>> resolve(const std::string& host,
                                                         const std::string& port, Deadline until);

// One TCP connection, which does not block. Errors: NotAuthorized (the address rule), Unavailable,
// Timeout.
[[nodiscard]] Result<Descriptor> connect_to(Caller caller, const SocketAddress& address,
                                            Deadline until);

// Waits until the socket can be read (`POLLIN`) or written (`POLLOUT`); false: not in time.
[[nodiscard]] bool wait_for(int socket, short events, Deadline until);

}  // namespace sluice::io
