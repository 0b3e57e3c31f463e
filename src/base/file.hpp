// The one seam through which the store touches a file system, so that tests can fail the Nth
// operation and forget everything that was not synced.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <vector>

#include "base/result.hpp"

namespace sluice {

// An open file. Thread-safe as far as pread/pwrite are.
class File {
 public:
  virtual ~File() = default;
  // Reads up to `size` bytes; fewer only at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, char* into,
                                                    std::size_t size) const = 0;
  // Writes all of it, or fails; NoSpace when the disk is full (what was written may be partial).
  [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset,
                                              std::span<const iovec> parts) = 0;
  [[nodiscard]] virtual Result<void> sync() = 0;  // fdatasync
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  // What is synced up to `end` need not stay in the system's cache: a hint.
  virtual void forget_cached(std::uint64_t /*end*/) {}
};

// Errors carry path and errno text. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Direct: past the system's cache where the file system can (DirectFile); written by one thread.
  enum class Mode : std::uint8_t { Read, ReadDirect, ReadWrite, CreateReadWrite, CreateDirect };
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) = 0;
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  [[nodiscard]] virtual Result<void> create_directories(const std::string& path) = 0;  // 0700
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> sync_directory(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> total_bytes(const std::string& path) = 0;
};

// The operating system's files. Files are created with mode 0600.
[[nodiscard]] std::unique_ptr<FileSystem> posix_file_system();

}  // namespace sluice
