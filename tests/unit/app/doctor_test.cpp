// What `sluice doctor` reads out of the system's tables, and says of a data directory.
#include "app/doctor.hpp"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "support/self_signed.hpp"
#include "unit/app/scratch_directory.hpp"

namespace sluice::app {
namespace {

using testing::HasSubstr;

TEST(Doctor, FindsWhoHoldsALock) {
  const std::string locks =
      "1: POSIX  ADVISORY  WRITE 1 fe:00:100 0 EOF\n"
      "2: FLOCK  ADVISORY  WRITE 4711 fe:00:27308 0 EOF\n"
      "2: -> FLOCK  ADVISORY  WRITE 4712 fe:00:27309 0 EOF\n";

  EXPECT_EQ(lock_holder(locks, 27308), 4711);
  EXPECT_EQ(lock_holder(locks, 100), 0);    // of another kind
  EXPECT_EQ(lock_holder(locks, 7308), 0);   // of another file
  EXPECT_EQ(lock_holder(locks, 27309), 0);  // somebody only waits for it
  EXPECT_EQ(lock_holder("", 27308), 0);
}

TEST(Doctor, ReadsTheTablesOfListeningSockets) {
  const auto v4 = listening_sockets(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:075B 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 "
      "8235188 2 0 100 0 0 10 0\n"
      "   1: 0100007F:91BB 0100007F:075B 01 00000000:00000000 00:00000000 00000000     0        0 "
      "8235198 1 0 100 0 0 10 0\n");
  const auto v6 = listening_sockets(
      "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A "
      "00000000:00000000 00:00000000 00000000     0        0 99 1 0 100 0 0 10 0\n");

  ASSERT_EQ(v4.size(), 1U);
  EXPECT_EQ(v4[0].host, "127.0.0.1");
  EXPECT_EQ(v4[0].port, 1883);
  EXPECT_EQ(v4[0].inode, 8235188U);
  ASSERT_EQ(v6.size(), 1U);
  EXPECT_EQ(v6[0].host, "::1");
  EXPECT_EQ(v6[0].port, 8080);
}

TEST(Doctor, KnowsWhatCannotStandSideBySide) {
  struct Case {
    const char* wanted;
    const char* other;
    bool taken;
  };
  for (const auto& [wanted, other, taken] :
       {Case{"127.0.0.1:1", "127.0.0.1:1", true}, Case{"127.0.0.1:1", "127.0.0.1:2", false},
        Case{"127.0.0.1:1", "127.0.0.2:1", false}, Case{"127.0.0.1:1", "0.0.0.0:1", true},
        Case{"0.0.0.0:1", "127.0.0.1:1", true}, Case{"127.0.0.1:1", "[::]:1", true},
        Case{"[::]:1", "127.0.0.1:1", true}, Case{"[::1]:1", "127.0.0.1:1", false},
        Case{"[::1]:1", "0.0.0.0:1", false}, Case{"127.0.0.1:0", "127.0.0.1:0", false}}) {
    const auto there = parse_bind_address(other);
    EXPECT_EQ(is_taken_by(*parse_bind_address(wanted), {.host = there->host, .port = there->port}),
              taken)
        << wanted << " beside " << other;
  }
}

// What stands where a core file would go does not matter to a limit of one byte.
TEST(Doctor, WarnsOfCoreDumpsThatAreMade) {
  constexpr std::string_view kProgram = "|/usr/lib/systemd/systemd-coredump %P";
  for (const auto pattern : {std::string_view("core"), kProgram})
    EXPECT_EQ(core_dump_finding(1, pattern).health, Health::Ok) << pattern;
  EXPECT_EQ(core_dump_finding(0, "core").health, Health::Ok);  // no file, and nobody else gets it

  const auto handed_on = core_dump_finding(0, kProgram);
  EXPECT_EQ(handed_on.health, Health::Warning);
  EXPECT_THAT(handed_on.detail, HasSubstr("systemd-coredump"));
  EXPECT_THAT(handed_on.advice, HasSubstr("LimitCORE=1"));
  EXPECT_EQ(core_dump_finding(UINT64_MAX, "/var/core/%p").health, Health::Warning);
  EXPECT_EQ(core_dump_finding(std::nullopt, "core").health, Health::Warning);
}

TEST(Doctor, TellsACertificateThatHasExpiredFromOneThatSoonWill) {
  constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
  const ScratchDirectory scratch;
  const auto made = sluice::test::make_self_signed();  // valid for a day
  const auto key = scratch.write("key.pem", made.key_pem);
  std::filesystem::permissions(key, std::filesystem::perms::owner_read);
  Settings settings;
  settings.admin.tls.emplace();
  settings.admin.tls->certificates.push_back(
      {.setting = {}, .certificate = scratch.write("c.pem", made.certificate_pem), .key = key});
  const auto looked_at = [&](std::int64_t now_ms) {
    Findings findings;
    look_at_certificates(settings, now_ms, findings);
    EXPECT_EQ(findings.size(), 1U);
    return findings.empty() ? Finding() : findings[0];
  };
  const auto now = system_clock().wall_ms();

  const auto soon = looked_at(now);
  EXPECT_EQ(soon.check, "certificate admin");
  EXPECT_EQ(soon.health, Health::Warning);
  EXPECT_THAT(soon.detail, HasSubstr("expires on"));
  const auto over = looked_at(now + 2 * kDayMs);
  EXPECT_EQ(over.health, Health::Problem);
  EXPECT_THAT(over.detail, HasSubstr("has expired on"));
  EXPECT_THAT(over.advice, HasSubstr("SIGHUP"));
  EXPECT_EQ(looked_at(now - 60 * kDayMs).health, Health::Ok);
}

class DoctorTest : public testing::Test {
 protected:
  Finding finding(const std::string& check, const std::vector<SettingSources::Flag>& more = {}) {
    SettingSources sources;
    sources.flags.push_back({"--data", "data", data_});
    for (const auto& flag : more) sources.flags.push_back(flag);
    const auto all = examine(sources);
    const auto found = std::ranges::find(all, check, &Finding::check);
    if (found != all.end()) return *found;
    ADD_FAILURE() << "nothing was said of " << check;
    return {};
  }

  const ScratchDirectory scratch_;
  std::string data_ = scratch_.path();
};

TEST_F(DoctorTest, WarnsOfADataDirectoryThatOthersMayLookInto) {
  namespace fs = std::filesystem;
  fs::permissions(data_, fs::perms::owner_all);
  EXPECT_EQ(finding("data directory").health, Health::Ok);
  fs::permissions(data_, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
  EXPECT_EQ(finding("data directory").health, Health::Ok);  // as the package makes it

  fs::permissions(data_, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);

  const auto open = finding("data directory");
  EXPECT_EQ(open.health, Health::Warning);
  EXPECT_EQ(open.advice, "chmod 700 " + data_);
}

TEST_F(DoctorTest, MakesNothing) {
  data_ += "/not/there";

  EXPECT_THAT(finding("data directory").detail, HasSubstr("is made at the first start"));
  finding("disk sync");

  EXPECT_FALSE(std::filesystem::exists(data_));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path()));
}

TEST_F(DoctorTest, SaysThatAFileIsInTheWay) {
  scratch_.write("file", "");
  data_ += "/file";
  EXPECT_EQ(finding("data directory").health, Health::Problem);
}

TEST_F(DoctorTest, WantsRoomForTwoSegments) {
  EXPECT_EQ(
      finding("free space", {{"--set", "store.segment_bytes", "1GiB"}}).health == Health::Problem,
      std::filesystem::space(data_).available < (2ULL << 30));
}

TEST_F(DoctorTest, KnowsAnAddressThatThisMachineDoesNotHave) {
  const auto port = finding("port tcp", {{"--set", "listeners.tcp.bind", "192.0.2.77:1883"}});
  EXPECT_EQ(port.health, Health::Problem);
  EXPECT_THAT(port.advice, HasSubstr("listeners.tcp.bind"));
}

TEST_F(DoctorTest, NamesWhatIsWrongWithTheSettings) {
  const auto settings = finding("settings", {{"--set", "mqtt.maximum_qos", "3"}});
  EXPECT_EQ(settings.health, Health::Problem);
  EXPECT_THAT(settings.detail, HasSubstr("mqtt.maximum_qos"));
}

}  // namespace
}  // namespace sluice::app
