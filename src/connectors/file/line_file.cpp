#include "connectors/file/line_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <vector>

#include "connect/text.hpp"

namespace sluice::connectors::file {
namespace {

constexpr std::string_view kPart = ".part";
constexpr std::string_view kLines = "records-";
constexpr std::string_view kUnlocked = ".new-";  // before the name, until it is locked
constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;

tl::unexpected<Error> fail_errno(std::string_view action, const std::string& path) {
  const int number = errno;
  return fail(
      number == ENOSPC || number == EDQUOT ? Errc::NoSpace : Errc::IoFailed,
      path + ": cannot " + std::string(action) + ": " + std::generic_category().message(number));
}

tl::unexpected<Error> fail_with(const std::error_code& error, const std::string& path) {
  return fail(Errc::IoFailed, path + ": " + error.message());
}

Result<void> sync_folder(const std::string& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::fsync(opened.get()) != 0) return fail_errno("sync", folder);
  return {};
}

Result<void> take_part_off(const std::string& folder, const std::string& name) {
  const auto from = folder + "/" + name;
  const auto to = from.substr(0, from.size() - kPart.size());
  if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("rename", from);
  return sync_folder(folder);
}

// The end of the last whole line, looking from the end.
Result<std::uint64_t> end_of_lines(int descriptor, std::uint64_t size, const std::string& path) {
  std::array<char, 65536> piece{};
  while (size > 0) {
    const auto length = std::min<std::uint64_t>(size, piece.size());
    const auto got = ::pread(descriptor, piece.data(), length, static_cast<off_t>(size - length));
    if (got != static_cast<ssize_t>(length)) return fail_errno("read", path);
    const auto newline = std::string_view(piece.data(), length).rfind('\n');
    if (newline != std::string_view::npos) return size - length + newline + 1;
    size -= length;
  }
  return std::uint64_t{0};
}

Result<void> end_left(const std::string& folder, const std::string& name) {
  const auto path = folder + "/" + name;
  const Descriptor left(::open(path.c_str(), kFlags));
  if (!left.is_open()) return fail_errno("open", path);
  if (::flock(left.get(), LOCK_EX | LOCK_NB) != 0) return {};  // somebody writes it
  struct stat status{};
  if (::fstat(left.get(), &status) != 0) return fail_errno("look at", path);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  SL_TRY(end, end_of_lines(left.get(), size, path));
  if (end == 0) {
    if (::unlink(path.c_str()) != 0) return fail_errno("remove", path);
    return sync_folder(folder);
  }
  if (::ftruncate(left.get(), static_cast<off_t>(end)) != 0) return fail_errno("cut", path);
  if (::fsync(left.get()) != 0) return fail_errno("sync", path);
  return take_part_off(folder, name);
}

// A kill came between its making and its locking: there is nothing in it. Who is about to lock it
// finds it gone, and makes another.
Result<void> remove_unlocked(const std::string& folder, const std::string& name) {
  const auto path = folder + "/" + name;
  const Descriptor left(::open(path.c_str(), kFlags));
  if (!left.is_open() || ::flock(left.get(), LOCK_EX | LOCK_NB) != 0) return {};
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("remove", path);
  return {};
}

// Sorts by time; colons stand ill in names of files.
std::string name_at(std::int64_t time_us) {
  auto time = connect::rfc3339(time_us / 1000);
  std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
  const auto below_ms = std::to_string(1000 + time_us % 1000).substr(1);
  time.insert(time.size() - 1, below_ms);
  std::random_device random;
  return std::string(kLines) + time + "-" + std::to_string(random() % 1'000'000) + ".jsonl" +
         std::string(kPart);
}

}  // namespace

Result<std::unique_ptr<LineFile>> LineFile::create(const std::string& folder,
                                                   std::int64_t& last_us) {
  using namespace std::chrono;
  const auto now = system_clock::now().time_since_epoch();
  last_us = std::max(last_us + 1, std::int64_t{duration_cast<microseconds>(now).count()});
  auto name = name_at(last_us);
  const auto path = folder + "/" + name;
  // It has its name once it is locked: before that another sink would take it for a left one.
  const auto unlocked = folder + "/" + std::string(kUnlocked) + name;
  Descriptor made(::open(unlocked.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
  if (!made.is_open()) return fail_errno("make", unlocked);
  if (::flock(made.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno("lock", unlocked);
  if (::rename(unlocked.c_str(), path.c_str()) != 0) return fail_errno("rename", unlocked);
  SL_TRY_VOID(sync_folder(folder));
  return std::make_unique<LineFile>(folder, std::move(name), std::move(made));
}

Result<void> LineFile::append(std::string_view lines) {
  const auto path = folder_ + "/" + name_;
  const auto cut_off = [this] {
    const int number = errno;
    static_cast<void>(::ftruncate(descriptor_.get(), static_cast<off_t>(size_)));
    errno = number;
  };
  auto at = size_;
  for (auto rest = lines; !rest.empty();) {
    const auto put = ::pwrite(descriptor_.get(), rest.data(), rest.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      cut_off();
      return fail_errno("write", path);
    }
    at += static_cast<std::uint64_t>(put);
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fdatasync(descriptor_.get()) != 0) {
    cut_off();
    return fail_errno("sync", path);
  }
  size_ = at;
  return {};
}

Result<void> LineFile::end() {
  if (size_ > 0) return take_part_off(folder_, name_);
  const auto path = folder_ + "/" + name_;
  if (::unlink(path.c_str()) != 0) return fail_errno("remove", path);
  return {};
}

Result<void> make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail_with(error, path);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  if (error) return fail_with(error, path);
  return sync_folder(std::filesystem::path(path).parent_path().string());
}

Result<void> end_what_was_left(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    auto name = entry.path().filename().string();
    const bool is_ours = name.starts_with(kLines) || name.starts_with(kUnlocked);
    if (is_ours && name.ends_with(kPart)) left.push_back(std::move(name));
  }
  if (error) return fail_with(error, folder);
  for (const auto& name : left)
    SL_TRY_VOID(name.starts_with(kUnlocked) ? remove_unlocked(folder, name)
                                            : end_left(folder, name));
  return {};
}

Result<std::uint64_t> bytes_in(const std::string& folder) {
  std::error_code error;
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::error_code gone;  // somebody takes files away meanwhile
    if (!entry.is_regular_file(gone) || gone) continue;
    const auto size = entry.file_size(gone);
    if (!gone) bytes += size;
  }
  if (error) return fail_with(error, folder);
  return bytes;
}

}  // namespace sluice::connectors::file
