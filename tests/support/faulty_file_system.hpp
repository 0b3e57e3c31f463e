#pragma once
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file.hpp"

namespace sluice::test {

// Files in memory that know what was synced: a test can fail an operation, fill the disk, and cut
// the power.
//
// Threads: all calls from any thread.
class FaultyFileSystem final : public FileSystem {
 public:
  enum class Operation : std::uint8_t {
    Open,  // with leave to create
    Write,
    Sync,
    Truncate,
    Rename,
    Remove,
    SyncDirectory,
  };

  FaultyFileSystem();
  ~FaultyFileSystem() override;

  // Fails the `nth` operation from now on (1: the next) of any of the kinds above; `and_all_later`
  // too. A write that fails has written a part; a sync that fails has lost what it should have
  // written, as after an error of the disk.
  void fail_nth(std::uint64_t nth, Errc with, bool and_all_later = false);
  void fail_nth(Operation operation, std::uint64_t nth, Errc with, bool and_all_later = false);
  void fail_nothing();
  [[nodiscard]] std::uint64_t operations() const;  // of the kinds above, so far
  [[nodiscard]] bool failed() const;               // did a failure asked for happen?

  // From now on a sync of a file waits, until this is called with false. How many wait now.
  void hold_syncs(bool hold);
  [[nodiscard]] int syncs_held() const;

  // Reads that touch [from, to) of this file fail: a bad sector.
  void fail_reads_of(const std::string& path, std::uint64_t from, std::uint64_t to);
  // The disk holds so many bytes; writes beyond fail with NoSpace.
  void set_capacity(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t used() const;

  // From now on every operation fails: the machine is off, or the process gone.
  void halt();
  enum class Survives : std::uint8_t {
    Synced,    // nothing but what was synced
    Anything,  // of the rest any pages, in any order, and any prefix of the directory's changes
    All,       // a killed process on a machine that lived
  };
  // What the next process finds. Files that are open now stay dead.
  void restart(Survives survives, std::uint64_t seed = 0);

  // For tests that damage files.
  [[nodiscard]] std::string content(const std::string& path) const;
  void overwrite(const std::string& path, std::uint64_t offset, std::string_view bytes);
  [[nodiscard]] std::vector<std::string> paths() const;

  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) override;
  [[nodiscard]] Result<void> create_directories(const std::string& path) override;
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Result<void> remove(const std::string& path) override;
  [[nodiscard]] Result<void> sync_directory(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> total_bytes(const std::string& path) override;

 private:
  friend class FaultyFile;
  struct Inode {
    std::string now;              // what a reader sees
    std::string synced;           // what the disk has
    std::set<std::size_t> dirty;  // pages in which they differ
    bool resized = false;
    std::uint64_t bad_from = 0, bad_to = 0;  // cannot be read
  };
  using InodePtr = std::shared_ptr<Inode>;
  using Names = std::map<std::string, InodePtr>;
  struct Failure {
    std::optional<Operation> operation;  // nothing: any
    std::uint64_t countdown = 0;
    Errc with = Errc::IoFailed;
    bool and_all_later = false;
  };

  // All under the lock. The error that this operation is to have, if any.
  [[nodiscard]] std::optional<Errc> step(Operation operation);
  [[nodiscard]] Result<void> write(Inode& inode, std::uint64_t offset,
                                   std::span<const iovec> parts);
  [[nodiscard]] Result<void> sync(Inode& inode);
  [[nodiscard]] Result<void> truncate(Inode& inode, std::uint64_t size);
  [[nodiscard]] std::uint64_t used_locked() const;
  static void mark(Inode& inode, std::uint64_t from, std::uint64_t to);

  mutable std::mutex mutex_;
  std::condition_variable syncs_go_on_;
  bool holds_syncs_ = false;
  int syncs_held_ = 0;
  Names names_;
  std::vector<Names> name_history_;  // after each change since the directory was synced
  std::optional<Failure> failure_;
  std::uint64_t operations_ = 0;
  bool failed_ = false;
  bool halted_ = false;
  std::uint64_t age_ = 0;  // restarts so far: files of an earlier age are dead
  std::uint64_t capacity_ = UINT64_MAX;
};

}  // namespace sluice::test
