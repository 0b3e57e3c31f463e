#include "app/notify_systemd.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "unit/app/scratch_directory.hpp"

namespace sluice::app {
namespace {

TEST(NotifySystemd, SendsItsStateToTheSocketThatIsNamed) {
  const ScratchDirectory directory;
  const auto path = directory.path("notify");
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::setenv("NOTIFY_SOCKET", path.c_str(), 1), 0);

  notify_systemd("READY=1");
  ::unsetenv("NOTIFY_SOCKET");

  std::array<char, 64> received{};
  const auto size = ::recv(socket, received.data(), received.size(), 0);
  ::close(socket);
  EXPECT_EQ(std::string_view(received.data(), size < 0 ? 0 : static_cast<std::size_t>(size)),
            "READY=1");
}

TEST(NotifySystemd, IsSilentWhereNobodyListens) {
  notify_systemd("READY=1");
  for (const auto& path : {std::string(), std::string("relative"), std::string("/no/such/socket"),
                           "/" + std::string(500, 'x')}) {
    ASSERT_EQ(::setenv("NOTIFY_SOCKET", path.c_str(), 1), 0);
    notify_systemd("READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace sluice::app
