// The data directory: whose it is, what room there is, how fast it syncs.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <pwd.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "app/doctor.hpp"
#include "base/descriptor.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;
using std::chrono::microseconds;

constexpr std::size_t kMostFiles = 20'000;  // whose owner is looked at
constexpr std::size_t kSyncs = 33;
constexpr std::size_t kBlock = 4096;
constexpr std::chrono::seconds kSyncsWithin{3};
constexpr microseconds kTooFast{8};  // no medium answers that soon
constexpr microseconds kSlow{20'000};
constexpr microseconds kVerySlow{200'000};

std::string name_of(uid_t user) {
  std::array<char, 4096> text;
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &entry, text.data(), text.size(), &found);
  return found == nullptr ? fmt::format("user {}", user) : entry.pw_name;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, kUnits[unit]);
}

// The directory itself, or the nearest above it that there is.
fs::path existing_part(const std::string& data) {
  std::error_code error;
  auto path = fs::absolute(data, error);
  while (!path.empty() && !fs::exists(path, error) && path != path.parent_path())
    path = path.parent_path();
  return path;
}

void look_at_parent(const std::string& data, Findings& findings) {
  const auto parent = existing_part(data);
  if (fs::is_directory(parent) && ::access(parent.c_str(), W_OK | X_OK) == 0) {
    findings.push_back({"data directory", Health::Ok, data + " is made at the first start"});
    return;
  }
  findings.push_back(
      {"data directory", Health::Problem,
       fmt::format("{} is not there, and {} may not make it in {}", data, name_of(::geteuid()),
                   parent.string()),
       fmt::format("as root: install -d -m 700 -o {} {}", name_of(::geteuid()), data)});
}

// A file in it that belongs to somebody else, as a command that ran as root would leave one.
std::optional<std::string> strange_file(const std::string& data, uid_t owner) {
  std::error_code error;
  std::size_t seen = 0;
  for (auto it = fs::recursive_directory_iterator(data, error);
       !error && it != fs::recursive_directory_iterator() && seen < kMostFiles;
       it.increment(error), ++seen) {
    struct stat status{};
    if (::lstat(it->path().c_str(), &status) == 0 && status.st_uid != owner)
      return it->path().string();
  }
  return std::nullopt;
}

void look_at_owner(const std::string& data, const struct stat& status, Findings& findings) {
  const auto owner = name_of(status.st_uid);
  const auto mode = static_cast<unsigned>(status.st_mode & 07777);
  if (::access(data.c_str(), R_OK | W_OK | X_OK) != 0)
    findings.push_back(
        {"data directory", Health::Problem,
         fmt::format("{} belongs to {} (mode {:04o}): {} may not write there", data, owner, mode,
                     name_of(::geteuid())),
         "run this as the user of the server: sudo -u " + owner + " sluice doctor ..."});
  else if ((mode & 027) != 0)  // a group that lists it, as the package's may, reads no file in it
    findings.push_back({"data directory", Health::Warning,
                        fmt::format("{}: others may look into it (mode {:04o}), and it holds "
                                    "secrets",
                                    data, mode),
                        "chmod 700 " + data});
  else
    findings.push_back({"data directory", Health::Ok,
                        fmt::format("{} belongs to {} (mode {:04o})", data, owner, mode)});
  if (status.st_uid != ::geteuid() && ::geteuid() != 0) return;  // it cannot be read
  if (const auto strange = strange_file(data, status.st_uid))
    findings.push_back(
        {"data files", Health::Problem,
         fmt::format("{} does not belong to {}, as the directory does", *strange, owner),
         fmt::format("as root: chown -R {} {}", owner, data)});
}

void look_at_room(const Settings& settings, const fs::path& where, Findings& findings) {
  struct statfs system{};
  if (::statfs(where.c_str(), &system) != 0) return;
  const auto block = static_cast<std::uint64_t>(system.f_bsize);
  const auto free = system.f_bavail * block;
  const auto total = system.f_blocks * block;
  const auto text = fmt::format("{} of {} are free", size_text(free), size_text(total));
  const auto least = 2 * settings.store.segment_bytes;  // the next segment is prepared beforehand
  const std::string advice = "make room, or lower store.retention and store.segment_bytes";
  if (free < least)
    findings.push_back({"free space", Health::Problem,
                        fmt::format("{}: less than two segments ({})", text, size_text(least)),
                        advice});
  else if (free < total / 10)
    findings.push_back({"free space", Health::Warning, text + ": less than a tenth", advice});
  else if (system.f_files != 0 && system.f_ffree < 1000)
    findings.push_back({"free space", Health::Problem, "hardly an inode is free", advice});
  else
    findings.push_back({"free space", Health::Ok, text});
}

void look_at_file_system(const fs::path& where, Findings& findings) {
  struct Kind {
    std::uint32_t magic;
    std::string_view detail;
  };
  constexpr std::array<Kind, 7> kDoubtful = {
      {{0x01021994, "is memory (tmpfs): nothing there outlives a restart of the machine"},
       {0x858458f6, "is memory (ramfs): nothing there outlives a restart of the machine"},
       {0x794c7630, "is a container's own layer (overlay): it goes with the container"},
       {0x6969, "is on the network (NFS): locks and syncs are only as good as its server"},
       {0xff534d42, "is on the network (CIFS): locks and syncs are only as good as its server"},
       {0xfe534d42, "is on the network (SMB): locks and syncs are only as good as its server"},
       {0x65735546, "is FUSE: it syncs as the program behind it does"}}};
  struct statfs system{};
  if (::statfs(where.c_str(), &system) != 0) return;
  const auto found =
      std::ranges::find(kDoubtful, static_cast<std::uint32_t>(system.f_type), &Kind::magic);
  if (found == kDoubtful.end()) return;
  findings.push_back({"file system", Health::Warning,
                      fmt::format("{} {}", where.string(), found->detail),
                      "use a local disk, or a volume, for what must not be lost"});
}

// How long each sync of a block took, in a file without a name: it is gone with this process,
// however that ends. Empty: not to be had here.
std::vector<microseconds> time_syncs(const fs::path& where) {
  const Descriptor file(::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.is_open()) return {};
  const std::string block(kBlock, 'x');
  // As the log does: its segments have their blocks before anything is written into them.
  for (std::size_t i = 0; i < kSyncs; ++i)
    if (::pwrite(file.get(), block.data(), kBlock, static_cast<off_t>(i * kBlock)) < 0) return {};
  if (::fsync(file.get()) != 0) return {};
  std::vector<microseconds> times;
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < kSyncs; ++i) {
    const auto before = std::chrono::steady_clock::now();
    if (::pwrite(file.get(), block.data(), kBlock, static_cast<off_t>(i * kBlock)) < 0 ||
        ::fdatasync(file.get()) != 0)
      return {};
    const auto after = std::chrono::steady_clock::now();
    times.push_back(std::chrono::duration_cast<microseconds>(after - before));
    if (after - began > kSyncsWithin) break;
  }
  std::ranges::sort(times);
  return times;
}

double ms(microseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

Holder holder_of(const std::string& data) {
  struct stat status{};
  if (::stat((data + "/lock").c_str(), &status) != 0) return {};
  return {.pid = lock_holder(text_of_file("/proc/locks"), status.st_ino)};
}

// `12: FLOCK  ADVISORY  WRITE 4711 08:01:131076 0 EOF`
pid_t lock_holder(const std::string& locks, std::uint64_t inode) {
  const auto wanted = fmt::format(":{}", inode);
  std::istringstream lines(locks);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, kind, advisory, access, file;
    pid_t pid = 0;
    const bool is_whole(words >> number >> kind >> advisory >> access >> pid >> file);
    if (is_whole && kind == "FLOCK" && file.ends_with(wanted)) return pid;
  }
  return 0;
}

void look_at_data(const Settings& settings, const Holder& holder, Findings& findings) {
  const auto& data = settings.data;
  struct stat status{};
  if (::stat(data.c_str(), &status) != 0 && errno == ENOENT)
    look_at_parent(data, findings);
  else if (!S_ISDIR(status.st_mode))
    findings.push_back({"data directory", Health::Problem,
                        fmt::format("{} is no directory that can be read", data),
                        "`data` in the settings, or --data, names another one"});
  else
    look_at_owner(data, status, findings);
  findings.push_back({"server", Health::Ok,
                      holder.runs() ? fmt::format("process {} works on {}", holder.pid, data)
                                    : "none that can be seen from here works on it"});
  const auto where = existing_part(data);
  look_at_file_system(where, findings);
  look_at_room(settings, where, findings);
}

void look_at_sync_speed(const Settings& settings, Findings& findings) {
  const auto where = existing_part(settings.data);
  const auto times = time_syncs(where);
  if (times.empty()) {
    findings.push_back({"disk sync", Health::Warning,
                        fmt::format("not measured: no file without a name can be made in {} ({})",
                                    where.string(), std::strerror(errno)),
                        "as the user of the server, on its file system, it can"});
    return;
  }
  const auto median = times[times.size() / 2];
  const bool waits = settings.store.durability == StoreSettings::Durability::Fsync;
  const auto text = fmt::format(
      "{:.2f} ms in the middle, {:.2f} ms at worst ({} syncs of 4 KiB): {}", ms(median),
      ms(times.back()), times.size(),
      waits ? fmt::format("about what an acknowledgement waits for; all that comes meanwhile "
                          "shares the next one, {:.0f} a second",
                          1000.0 / std::max(ms(median), 0.001))
            : "store.durability is os, so nobody waits for it, and a power cut takes the last "
              "moments; with fsync that is what an acknowledgement would wait for");
  if (median < kTooFast)
    findings.push_back({"disk sync", Health::Warning, text + "; that is faster than any medium",
                        "memory, a container's layer or a library that ignores syncs keeps nothing "
                        "over a power cut"});
  else if (median >= kSlow)
    findings.push_back({"disk sync", median >= kVerySlow ? Health::Problem : Health::Warning, text,
                        "a disk with a protected write cache (most SSDs of servers) takes well "
                        "below a millisecond"});
  else
    findings.push_back({"disk sync", Health::Ok, text});
}

}  // namespace sluice::app
