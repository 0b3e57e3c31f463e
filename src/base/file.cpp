#include "base/file.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/direct_file.hpp"

namespace sluice {
namespace {

Errc errc_of(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return Errc::NoSpace;
    case ENOENT:
      return Errc::NotFound;
    case EEXIST:
      return Errc::AlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::NotAuthorized;
    case EINVAL:
      return Errc::InvalidArgument;
    case EMFILE:
    case ENFILE:
      return Errc::Overloaded;
    default:
      return Errc::IoFailed;
  }
}

tl::unexpected<Error> fail_errno(std::string_view action, const std::string& path) {
  const int number = errno;
  std::string text(action);
  text.append(" ").append(path).append(": ").append(std::strerror(number));
  return fail(errc_of(number), text);
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(descriptor_); }

  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) const override {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got =
          ::pread(descriptor_, into + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno("read", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<void> write_at(std::uint64_t offset, std::span<const iovec> parts) override {
    // A signal or a full disk may end a write anywhere inside a part.
    std::size_t inside = 0;
    std::vector<iovec> window;
    while (!parts.empty()) {
      window.assign(parts.begin(),
                    parts.begin() +
                        static_cast<std::ptrdiff_t>(std::min<std::size_t>(parts.size(), IOV_MAX)));
      window[0].iov_base = static_cast<char*>(window[0].iov_base) + inside;
      window[0].iov_len -= inside;
      const ssize_t put = ::pwritev(descriptor_, window.data(), static_cast<int>(window.size()),
                                    static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail_errno("write", path_);
      offset += static_cast<std::uint64_t>(put);
      inside += static_cast<std::size_t>(put);
      while (!parts.empty() && inside >= parts[0].iov_len) {
        inside -= parts[0].iov_len;
        parts = parts.subspan(1);
      }
    }
    return {};
  }

  Result<void> sync() override {
    if (::fdatasync(descriptor_) != 0) return fail_errno("sync", path_);
    return {};
  }

  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
      return fail_errno("truncate", path_);
    }
    return {};
  }

  void forget_cached(std::uint64_t end) override {
    ::posix_fadvise(descriptor_, 0, static_cast<off_t>(end), POSIX_FADV_DONTNEED);
  }

  Result<std::uint64_t> size() const override {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) return fail_errno("stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  int descriptor_;
  std::string path_;
};

Result<std::unique_ptr<File>> open_plain(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail_errno("open", path);
  return std::make_unique<PosixFile>(descriptor, path);
}

// Not every file system can: some refuse the flag, others the first transfer, which DirectFile
// bears.
Result<std::unique_ptr<File>> open_direct(const std::string& path, int flags) {
  auto direct = open_plain(path, flags | O_DIRECT);
  if (!direct && direct.error().code == Errc::InvalidArgument) return open_plain(path, flags);
  if (!direct) return direct;
  SL_TRY(plain, open_plain(path, flags & ~O_CREAT));
  return std::make_unique<DirectFile>(std::move(*direct), std::move(plain));
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override {
    if (mode == Mode::CreateDirect) return open_direct(path, O_RDWR | O_CREAT);
    if (mode == Mode::ReadDirect) return open_direct(path, O_RDONLY);
    int flags = mode == Mode::Read ? O_RDONLY : O_RDWR;
    if (mode == Mode::CreateReadWrite) flags |= O_CREAT;
    return open_plain(path, flags);
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) return fail_errno("list", directory);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(stream);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> create_directories(const std::string& path) override {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && errno != EISDIR) {
        return fail_errno("create directory", part);
      }
      if (end == std::string::npos) break;
    }
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("rename", from);
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return fail_errno("remove", path);
    return {};
  }

  Result<void> sync_directory(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return fail_errno("open", path);
    const int outcome = ::fsync(descriptor);
    const int number = errno;
    ::close(descriptor);
    errno = number;
    if (outcome != 0) return fail_errno("sync", path);
    return {};
  }

  Result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status{};
    if (::statvfs(path.c_str(), &status) != 0) return fail_errno("statvfs", path);
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }

  Result<std::uint64_t> total_bytes(const std::string& path) override {
    struct statvfs status{};
    if (::statvfs(path.c_str(), &status) != 0) return fail_errno("statvfs", path);
    return static_cast<std::uint64_t>(status.f_blocks) * status.f_frsize;
  }
};

}  // namespace

std::unique_ptr<FileSystem> posix_file_system() {
  return std::make_unique<PosixFileSystem>();
}

}  // namespace sluice
