#include "simulation/disk.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::simulation {
namespace {

constexpr std::size_t kSector = 512;

tl::unexpected<Error> failed(Errc with, std::string_view what) {
  return fail(with, std::string("the simulated disk: ").append(what));
}

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

// Dead once the process was restarted.
class SimulatedDisk::OpenFile final : public File {
 public:
  OpenFile(SimulatedDisk& disk, InodePtr inode)
      : disk_(disk), inode_(std::move(inode)), age_(disk.age_) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) const override {
    disk_.wait_to_read();
    if (is_dead()) return failed(Errc::IoFailed, "read");
    const auto& now = inode_->now;
    if (offset >= now.size()) return std::size_t{0};
    const std::size_t got = std::min<std::uint64_t>(size, now.size() - offset);
    std::memcpy(into, now.data() + offset, got);
    disk_.wait_to_read();
    return got;
  }
  Result<void> write_at(std::uint64_t offset, std::span<const iovec> parts) override {
    if (is_dead()) return failed(Errc::IoFailed, "write");
    return disk_.write(*inode_, offset, parts);
  }
  Result<void> sync() override {
    if (is_dead()) return failed(Errc::IoFailed, "sync");
    return disk_.sync(*inode_);
  }
  Result<void> truncate(std::uint64_t size) override {
    if (is_dead()) return failed(Errc::IoFailed, "truncate");
    return disk_.truncate(*inode_, size);
  }
  Result<std::uint64_t> size() const override {
    if (is_dead()) return failed(Errc::IoFailed, "size");
    return inode_->now.size();
  }

 private:
  [[nodiscard]] bool is_dead() const { return disk_.halted_ || age_ != disk_.age_; }

  SimulatedDisk& disk_;
  InodePtr inode_;
  std::uint64_t age_;
};

SimulatedDisk::SimulatedDisk(Scheduler& scheduler, Random& random)
    : scheduler_(scheduler), random_(random) {}
SimulatedDisk::~SimulatedDisk() = default;

std::uint64_t SimulatedDisk::used() const {
  std::uint64_t sum = 0;
  for (const auto& [path, inode] : names_) sum += inode->now.size();
  return sum;
}

void SimulatedDisk::wait_to_read() const {
  if (halted_ || slow_reader_ == nullptr || Fiber::current() != slow_reader_) return;
  scheduler_.give_way(std::chrono::microseconds(random_.below(random_.one_in(4) ? 100'000 : 500)));
}

std::optional<Errc> SimulatedDisk::begin(Operation operation) {
  if (halted_) return Errc::IoFailed;
  ++counts_.operations;
  scheduler_.note(static_cast<std::uint64_t>(operation) + 1000);
  const bool dies_before = halt_in_ == 1 && random_.one_in(2);
  if (dies_before) {
    halt_in_ = 0;
    halted_ = true;
    return Errc::IoFailed;
  }
  if (operation != Operation::Sync || syncs_give_way_) {
    const bool is_slow = random_.one_in(faults_.slow);
    scheduler_.give_way(is_slow ? std::chrono::milliseconds(random_.below(2000))
                                : std::chrono::microseconds(random_.below(500)));
    if (halted_) return Errc::IoFailed;
  }
  std::optional<Errc> with;
  if (random_.one_in(faults_.io)) with = Errc::IoFailed;
  const bool takes_space = operation == Operation::Open || operation == Operation::Write ||
                           operation == Operation::SyncDirectory || operation == Operation::Rename;
  if (!with && takes_space && random_.one_in(faults_.space)) with = Errc::NoSpace;
  if (with) ++counts_.failed;
  return with;
}

void SimulatedDisk::end(Operation operation) {
  if (halt_in_ > 0 && --halt_in_ == 0) halted_ = true;
  if (halted_ || (operation == Operation::Sync && !syncs_give_way_)) return;
  if (random_.one_in(2)) scheduler_.give_way(std::chrono::nanoseconds(0));
}

Result<std::unique_ptr<File>> SimulatedDisk::open(const std::string& path, Mode mode) {
  if (halted_) return failed(Errc::IoFailed, "open");
  const bool creates = mode == Mode::CreateReadWrite || mode == Mode::CreateDirect;
  if (creates) {
    if (const auto with = begin(Operation::Open)) return failed(*with, "open");
  } else if (random_.one_in(faults_.reading)) {
    ++counts_.failed;
    return failed(Errc::Overloaded, "open");
  }
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (!creates) return fail(Errc::NotFound, path);
    auto inode = std::make_shared<Inode>();
    note_name({"", path, inode});
    found = names_.find(path);
  }
  auto file = std::make_unique<OpenFile>(*this, found->second);
  if (creates) end(Operation::Open);
  return file;
}

Result<std::vector<std::string>> SimulatedDisk::list(const std::string& directory) {
  if (halted_) return failed(Errc::IoFailed, "list");
  std::vector<std::string> names;
  for (const auto& [path, inode] : names_)
    if (directory_of(path) == directory) names.push_back(path.substr(directory.size() + 1));
  return names;
}

Result<void> SimulatedDisk::create_directories(const std::string&) {
  if (halted_) return failed(Errc::IoFailed, "create directory");
  return {};
}

void SimulatedDisk::apply(const NameChange& change, Names& names) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.inode;
}

void SimulatedDisk::note_name(NameChange change) {
  apply(change, names_);
  const auto directory = directory_of(change.to.empty() ? change.from : change.to);
  unsynced_names_[directory].push_back(std::move(change));
}

Result<void> SimulatedDisk::rename(const std::string& from, const std::string& to) {
  if (const auto with = begin(Operation::Rename)) return failed(*with, "rename");
  const auto found = names_.find(from);
  if (found == names_.end()) return fail(Errc::NotFound, from);
  const auto inode = found->second;
  note_name({from, to, inode});
  end(Operation::Rename);
  return {};
}

Result<void> SimulatedDisk::remove(const std::string& path) {
  if (const auto with = begin(Operation::Remove)) return failed(*with, "remove");
  const auto found = names_.find(path);
  if (found == names_.end()) return fail(Errc::NotFound, path);
  note_name({path, "", found->second});
  end(Operation::Remove);
  return {};
}

Result<void> SimulatedDisk::sync_directory(const std::string& path) {
  if (const auto with = begin(Operation::SyncDirectory)) return failed(*with, "sync directory");
  for (const auto& change : std::exchange(unsynced_names_[path], {})) apply(change, names_on_disk_);
  end(Operation::SyncDirectory);
  return {};
}

Result<std::uint64_t> SimulatedDisk::free_bytes(const std::string&) {
  if (halted_) return failed(Errc::IoFailed, "free bytes");
  const auto taken = used();
  return capacity_ > taken ? capacity_ - taken : 0;
}

Result<std::uint64_t> SimulatedDisk::total_bytes(const std::string&) {
  return capacity_;
}

void SimulatedDisk::apply(const Change& change, std::string& content) {
  if (change.is_truncation) {
    content.resize(change.offset);
    return;
  }
  const auto end = change.offset + change.bytes.size();
  if (content.size() < end) content.resize(end);
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

Result<void> SimulatedDisk::write(Inode& inode, std::uint64_t offset,
                                  std::span<const iovec> parts) {
  std::string bytes;
  for (const auto& part : parts) bytes.append(static_cast<char*>(part.iov_base), part.iov_len);
  const auto with = begin(Operation::Write);
  if (halted_) {
    // In the middle of it: any first part may be in the cache.
    bytes.resize(random_.below(bytes.size() + 1));
    const Change change{offset, std::move(bytes), false};
    apply(change, inode.now);
    inode.unsynced.push_back(change);
    return failed(Errc::IoFailed, "write");
  }
  if (with) bytes.resize(random_.below(bytes.size()));
  bool is_full = false;
  if (capacity_ != UINT64_MAX) {
    const auto taken = used();
    const auto room = inode.now.size() + (capacity_ > taken ? capacity_ - taken : 0);
    is_full = offset + bytes.size() > room;
    if (is_full) bytes.resize(room > offset ? room - offset : 0);
  }
  if (!bytes.empty()) {
    inode.unsynced.push_back({offset, std::move(bytes), false});
    apply(inode.unsynced.back(), inode.now);
  }
  if (with) return failed(*with, "write");
  if (is_full) return failed(Errc::NoSpace, "is full");
  end(Operation::Write);
  return {};
}

Result<void> SimulatedDisk::sync(Inode& inode) {
  if (const auto with = begin(Operation::Sync)) {
    if (halted_) return failed(*with, "sync");
    // The system takes the pages for clean and will not write them again.
    for (const auto& change : std::exchange(inode.unsynced, {}))
      if (random_.one_in(2)) apply_partly(change, inode.on_disk);
    return failed(*with, "sync");
  }
  for (const auto& change : std::exchange(inode.unsynced, {})) apply(change, inode.on_disk);
  end(Operation::Sync);
  return {};
}

Result<void> SimulatedDisk::truncate(Inode& inode, std::uint64_t size) {
  if (const auto with = begin(Operation::Truncate)) return failed(*with, "truncate");
  inode.unsynced.push_back({size, "", true});
  apply(inode.unsynced.back(), inode.now);
  end(Operation::Truncate);
  return {};
}

// Any of its sectors, and of some only the first bytes.
void SimulatedDisk::apply_partly(const Change& change, std::string& content) {
  if (change.is_truncation) {
    if (random_.one_in(2)) apply(change, content);
    return;
  }
  std::uint64_t at = 0;
  while (at < change.bytes.size()) {
    auto size =
        std::min<std::uint64_t>(change.bytes.size() - at, kSector - (change.offset + at) % kSector);
    const auto next = at + size;
    if (random_.one_in(2)) {
      ++counts_.lost_pieces;
    } else {
      if (random_.one_in(4)) {
        size = random_.below(size + 1);
        ++counts_.torn;
      }
      apply({change.offset + at, change.bytes.substr(at, size), false}, content);
    }
    at = next;
  }
}

void SimulatedDisk::restart_process() {
  // What a failed sync left in the cache may be dropped from it at any time: it passes for clean.
  for (const auto& [path, inode] : names_) {
    if (!may_drop_pages_ || !inode->unsynced.empty() || !random_.one_in(2)) continue;
    inode->now = inode->on_disk;
  }
  ++age_;
  halted_ = false;
  halt_in_ = 0;
}

void SimulatedDisk::restart_machine() {
  for (auto& [directory, changes] : unsynced_names_) {
    const auto kept = random_.below(changes.size() + 1);
    for (std::size_t i = 0; i < kept; ++i) apply(changes[i], names_on_disk_);
  }
  unsynced_names_.clear();
  names_ = names_on_disk_;
  // A cut between a write and its sync is seldom: half of them leave anything.
  const auto keeps = std::array{0, 1, 1, 2}[random_.below(4)];  // nothing, anything, everything
  for (const auto& [path, inode] : names_) {
    for (const auto& change : inode->unsynced) {
      if (keeps == 1) apply_partly(change, inode->on_disk);
      if (keeps == 2) apply(change, inode->on_disk);
    }
    inode->unsynced.clear();
    inode->now = inode->on_disk;
  }
  ++age_;
  halted_ = false;
  halt_in_ = 0;
}

}  // namespace sluice::simulation
