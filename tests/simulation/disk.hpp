#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "simulation/scheduler.hpp"

namespace sluice::simulation {

// A disk behind a page cache. A write is seen at once and is on the disk once its file was synced;
// until then a power cut keeps any pieces of it, cut at sectors or at any byte, in any order with
// others. A name is on the disk once its directory was synced; until then a power cut keeps a
// prefix of the directory's changes. After a sync that failed the cache takes its pages for clean,
// and may drop them.
//
// Owns:    the files.
// Threads: one; its fibers give way inside operations.
class SimulatedDisk final : public FileSystem {
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
  static constexpr std::size_t kOperations = 7;

  SimulatedDisk(Scheduler& scheduler, Random& random);
  ~SimulatedDisk() override;

  // One operation in so many of each kind fails; 0: none.
  struct Faults {
    std::uint64_t io = 0;       // EIO
    std::uint64_t space = 0;    // ENOSPC where it can be
    std::uint64_t slow = 0;     // takes a second
    std::uint64_t reading = 0;  // a file is opened to be read: EMFILE
  };
  void set_faults(const Faults& faults) { faults_ = faults; }
  // The disk holds so many bytes.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  [[nodiscard]] std::uint64_t used() const;
  // Operations that sync give way to other fibers only if their callers hold no lock meanwhile that
  // another one takes.
  void set_syncs_give_way(bool give_way) { syncs_give_way_ = give_way; }

  // What a failed sync left may go from the cache later. Who does not sync before it acknowledges
  // (`os`) promises nothing for a disk that fails.
  void set_may_drop_pages(bool may_drop) { may_drop_pages_ = may_drop; }
  // What this fiber reads takes time, and others go on meanwhile. It holds no lock then.
  void set_slow_reader(const Fiber* fiber) { slow_reader_ = fiber; }
  [[nodiscard]] const Fiber* slow_reader() const { return slow_reader_; }

  // The machine, or the process, ends with the `nth` operation from now on, or now. Everything
  // fails from then on.
  void halt_at(std::uint64_t nth) { halt_in_ = nth; }
  void halt() { halted_ = true; }
  [[nodiscard]] bool halted() const { return halted_; }
  // A killed process: what it wrote is still in the cache.
  void restart_process();
  void restart_machine();

  struct Counts {
    std::uint64_t operations = 0;
    std::uint64_t failed = 0;
    std::uint64_t lost_pieces = 0;  // of writes, by power cuts
    std::uint64_t torn = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) override;
  [[nodiscard]] Result<void> create_directories(const std::string& path) override;
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Result<void> remove(const std::string& path) override;
  [[nodiscard]] Result<void> sync_directory(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> total_bytes(const std::string& path) override;

 private:
  class OpenFile;
  struct Change {  // of a file, not synced
    std::uint64_t offset = 0;
    std::string bytes;
    bool is_truncation = false;  // to `offset`
  };
  struct Inode {
    std::string now;
    std::string on_disk;
    std::vector<Change> unsynced;
  };
  using InodePtr = std::shared_ptr<Inode>;
  using Names = std::map<std::string, InodePtr>;
  struct NameChange {
    std::string from;  // empty: a file is created
    std::string to;    // empty: it is removed
    InodePtr inode;
  };

  // What is to become of this operation; gives way before it is decided.
  void wait_to_read() const;
  [[nodiscard]] std::optional<Errc> begin(Operation operation);
  void end(Operation operation);  // done: others may go on before the caller hears of it
  [[nodiscard]] Result<void> write(Inode& inode, std::uint64_t offset,
                                   std::span<const iovec> parts);
  [[nodiscard]] Result<void> sync(Inode& inode);
  [[nodiscard]] Result<void> truncate(Inode& inode, std::uint64_t size);
  void note_name(NameChange change);
  static void apply(const NameChange& change, Names& names);
  static void apply(const Change& change, std::string& content);
  void apply_partly(const Change& change, std::string& content);

  Scheduler& scheduler_;
  Random& random_;
  Names names_;
  Names names_on_disk_;
  std::map<std::string, std::vector<NameChange>> unsynced_names_;  // by directory
  Faults faults_;
  std::uint64_t capacity_ = UINT64_MAX;
  std::uint64_t halt_in_ = 0;
  bool halted_ = false;
  const Fiber* slow_reader_ = nullptr;
  bool syncs_give_way_ = true;
  bool may_drop_pages_ = true;
  std::uint64_t age_ = 0;
  Counts counts_;
};

}  // namespace sluice::simulation
