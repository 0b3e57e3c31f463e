#include "app/notify_systemd.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
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

TEST(NotifySystemd, KnowsTheStreamOfTheJournalByDeviceAndInode) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  struct stat status{};
  ASSERT_EQ(::fstat(ends[1], &status), 0);
  const auto stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);

  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(goes_to_journal(ends[1]));
  ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
  EXPECT_TRUE(goes_to_journal(ends[1]));
  EXPECT_FALSE(goes_to_journal(-1));
  ::setenv("JOURNAL_STREAM", "8:1", 1);  // handed down from a service to what it started
  EXPECT_FALSE(goes_to_journal(ends[1]));

  ::unsetenv("JOURNAL_STREAM");
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace sluice::app
