#include "support/faulty_file_system.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace sluice::test {
namespace {

constexpr std::size_t kPageBytes = 4096;

tl::unexpected<Error> refused(Errc with, std::string_view what) {
  return fail(with, std::string("asked to fail: ").append(what));
}

}  // namespace

// An open file; dead once the file system was restarted.
class FaultyFile final : public File {
 public:
  FaultyFile(FaultyFileSystem& files, FaultyFileSystem::InodePtr inode, std::uint64_t age)
      : files_(files), inode_(std::move(inode)), age_(age) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) const override {
    const std::scoped_lock lock(files_.mutex_);
    if (is_dead()) return refused(Errc::IoFailed, "read");
    const std::string& now = inode_->now;
    if (offset < inode_->bad_to && offset + size > inode_->bad_from) {
      return refused(Errc::IoFailed, "read of a bad sector");
    }
    if (offset >= now.size()) return std::size_t{0};
    const std::size_t got = std::min<std::uint64_t>(size, now.size() - offset);
    std::memcpy(into, now.data() + offset, got);
    return got;
  }

  Result<void> write_at(std::uint64_t offset, std::span<const iovec> parts) override {
    const std::scoped_lock lock(files_.mutex_);
    if (is_dead()) return refused(Errc::IoFailed, "write");
    return files_.write(*inode_, offset, parts);
  }

  Result<void> sync() override {
    std::unique_lock lock(files_.mutex_);
    ++files_.syncs_held_;
    files_.syncs_go_on_.wait(lock, [this] { return !files_.holds_syncs_; });
    --files_.syncs_held_;
    if (is_dead()) return refused(Errc::IoFailed, "sync");
    return files_.sync(*inode_);
  }

  Result<void> truncate(std::uint64_t size) override {
    const std::scoped_lock lock(files_.mutex_);
    if (is_dead()) return refused(Errc::IoFailed, "truncate");
    return files_.truncate(*inode_, size);
  }

  Result<std::uint64_t> size() const override {
    const std::scoped_lock lock(files_.mutex_);
    if (is_dead()) return refused(Errc::IoFailed, "size");
    return inode_->now.size();
  }

 private:
  [[nodiscard]] bool is_dead() const { return files_.halted_ || age_ != files_.age_; }

  FaultyFileSystem& files_;
  FaultyFileSystem::InodePtr inode_;
  std::uint64_t age_;
};

FaultyFileSystem::FaultyFileSystem() = default;
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::fail_nth(std::uint64_t nth, Errc with, bool and_all_later) {
  const std::scoped_lock lock(mutex_);
  failure_ = Failure{std::nullopt, nth, with, and_all_later};
  failed_ = false;
}

void FaultyFileSystem::fail_nth(Operation operation, std::uint64_t nth, Errc with,
                                bool and_all_later) {
  const std::scoped_lock lock(mutex_);
  failure_ = Failure{operation, nth, with, and_all_later};
  failed_ = false;
}

void FaultyFileSystem::fail_nothing() {
  const std::scoped_lock lock(mutex_);
  failure_.reset();
  failed_ = false;
}

std::uint64_t FaultyFileSystem::operations() const {
  const std::scoped_lock lock(mutex_);
  return operations_;
}

bool FaultyFileSystem::failed() const {
  const std::scoped_lock lock(mutex_);
  return failed_;
}

void FaultyFileSystem::fail_reads_of(const std::string& path, std::uint64_t from,
                                     std::uint64_t to) {
  const std::scoped_lock lock(mutex_);
  Inode& inode = *names_.at(path);
  inode.bad_from = from;
  inode.bad_to = to;
}

void FaultyFileSystem::set_capacity(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  capacity_ = bytes;
}

std::uint64_t FaultyFileSystem::used() const {
  const std::scoped_lock lock(mutex_);
  return used_locked();
}

std::uint64_t FaultyFileSystem::used_locked() const {
  std::uint64_t sum = 0;
  for (const auto& [path, inode] : names_) sum += inode->now.size();
  return sum;
}

void FaultyFileSystem::halt() {
  const std::scoped_lock lock(mutex_);
  halted_ = true;
}

void FaultyFileSystem::restart(Survives survives, std::uint64_t seed) {
  const std::scoped_lock lock(mutex_);
  std::mt19937_64 random(seed);
  const auto coin = [&] { return (random() & 1) != 0; };
  // name_history_[0] is what the disk has for certain.
  if (survives != Survives::All && !name_history_.empty()) {
    const std::size_t kept =
        survives == Survives::Synced ? 0 : random() % (name_history_.size() + 1);
    if (kept < name_history_.size()) names_ = name_history_[kept];
  }
  name_history_.clear();
  Names reborn;
  for (const auto& [path, inode] : names_) {
    auto copy = std::make_shared<Inode>();
    copy->now = survives == Survives::All ? inode->now : inode->synced;
    if (survives == Survives::Anything) {
      if (inode->resized && coin()) copy->now.resize(inode->now.size());
      for (const std::size_t page : inode->dirty) {
        const std::size_t at = page * kPageBytes;
        if (!coin() || at >= inode->now.size()) continue;
        const std::size_t size = std::min(kPageBytes, inode->now.size() - at);
        if (copy->now.size() < at + size) copy->now.resize(at + size);
        copy->now.replace(at, size, inode->now, at, size);
      }
    }
    if (survives == Survives::All) {
      // The system still holds what was not synced; only another sync makes it certain.
      copy->synced = inode->synced;
      copy->dirty = inode->dirty;
      copy->resized = inode->resized;
    } else {
      copy->synced = copy->now;
    }
    reborn[path] = copy;
  }
  names_ = std::move(reborn);
  ++age_;
  halted_ = false;
  failure_.reset();
}

std::string FaultyFileSystem::content(const std::string& path) const {
  const std::scoped_lock lock(mutex_);
  const auto found = names_.find(path);
  return found == names_.end() ? "" : found->second->now;
}

void FaultyFileSystem::overwrite(const std::string& path, std::uint64_t offset,
                                 std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  Inode& inode = *names_.at(path);
  inode.now.replace(offset, bytes.size(), bytes);
  inode.synced = inode.now;
}

std::vector<std::string> FaultyFileSystem::paths() const {
  std::vector<std::string> paths;
  const std::scoped_lock lock(mutex_);
  for (const auto& [path, inode] : names_) paths.push_back(path);
  return paths;
}

std::optional<Errc> FaultyFileSystem::step(Operation operation) {
  if (halted_) return Errc::IoFailed;
  ++operations_;
  if (!failure_ || (failure_->operation && *failure_->operation != operation)) return std::nullopt;
  if (failure_->countdown == 0) {
    if (!failure_->and_all_later) return std::nullopt;
  } else if (--failure_->countdown > 0) {
    return std::nullopt;
  }
  failed_ = true;
  return failure_->with;
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, Mode mode) {
  const std::scoped_lock lock(mutex_);
  if (halted_) return refused(Errc::IoFailed, "open");
  const bool creates = mode == Mode::CreateReadWrite || mode == Mode::CreateDirect;
  if (creates) {
    if (const auto with = step(Operation::Open)) return refused(*with, "open");
  }
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (!creates) return fail(Errc::NotFound, path);
    name_history_.push_back(names_);
    found = names_.emplace(path, std::make_shared<Inode>()).first;
  }
  return std::make_unique<FaultyFile>(*this, found->second, age_);
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& directory) {
  const std::scoped_lock lock(mutex_);
  if (halted_) return refused(Errc::IoFailed, "list");
  std::vector<std::string> names;
  for (const auto& [path, inode] : names_) {
    if (path.starts_with(directory + "/")) names.push_back(path.substr(directory.size() + 1));
  }
  return names;
}

Result<void> FaultyFileSystem::create_directories(const std::string& path) {
  static_cast<void>(path);
  return {};
}

Result<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  const std::scoped_lock lock(mutex_);
  if (const auto with = step(Operation::Rename)) return refused(*with, "rename");
  const auto found = names_.find(from);
  if (found == names_.end()) return fail(Errc::NotFound, from);
  name_history_.push_back(names_);
  names_[to] = found->second;
  names_.erase(from);
  return {};
}

Result<void> FaultyFileSystem::remove(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  if (const auto with = step(Operation::Remove)) return refused(*with, "remove");
  if (!names_.contains(path)) return fail(Errc::NotFound, path);
  name_history_.push_back(names_);
  names_.erase(path);
  return {};
}

void FaultyFileSystem::hold_syncs(bool hold) {
  const std::scoped_lock lock(mutex_);
  holds_syncs_ = hold;
  syncs_go_on_.notify_all();
}

int FaultyFileSystem::syncs_held() const {
  const std::scoped_lock lock(mutex_);
  return syncs_held_;
}

Result<void> FaultyFileSystem::sync_directory(const std::string& path) {
  static_cast<void>(path);
  const std::scoped_lock lock(mutex_);
  if (const auto with = step(Operation::SyncDirectory)) return refused(*with, "sync directory");
  name_history_.clear();
  return {};
}

Result<std::uint64_t> FaultyFileSystem::free_bytes(const std::string& path) {
  static_cast<void>(path);
  const std::scoped_lock lock(mutex_);
  if (halted_) return refused(Errc::IoFailed, "free bytes");
  const std::uint64_t used = used_locked();
  return capacity_ > used ? capacity_ - used : 0;
}

Result<std::uint64_t> FaultyFileSystem::total_bytes(const std::string&) {
  const std::scoped_lock lock(mutex_);
  return capacity_;
}

void FaultyFileSystem::mark(Inode& inode, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t page = from / kPageBytes; page * kPageBytes < to; ++page) {
    inode.dirty.insert(page);
  }
}

Result<void> FaultyFileSystem::write(Inode& inode, std::uint64_t offset,
                                     std::span<const iovec> parts) {
  const auto with = step(Operation::Write);
  std::string bytes;
  for (const iovec& part : parts) bytes.append(static_cast<char*>(part.iov_base), part.iov_len);
  std::size_t kept = bytes.size();
  if (with) kept /= 2;
  std::uint64_t room = UINT64_MAX;
  if (capacity_ != UINT64_MAX) {
    const std::uint64_t used = used_locked();
    room = inode.now.size() + (capacity_ > used ? capacity_ - used : 0);
  }
  const bool is_full = offset + kept > room;
  if (is_full) kept = room > offset ? room - offset : 0;
  if (kept > 0) {
    if (inode.now.size() < offset + kept) {
      inode.now.resize(offset + kept);
      inode.resized = true;
    }
    inode.now.replace(offset, kept, bytes, 0, kept);
    mark(inode, offset, offset + kept);
  }
  if (with) return refused(*with, "write");
  if (is_full) return refused(Errc::NoSpace, "write on a full disk");
  return {};
}

Result<void> FaultyFileSystem::sync(Inode& inode) {
  const auto with = step(Operation::Sync);
  if (!with) {
    inode.synced.resize(inode.now.size());
    for (const std::size_t page : inode.dirty) {
      const std::size_t at = page * kPageBytes;
      if (at >= inode.now.size()) continue;
      const std::size_t size = std::min(kPageBytes, inode.now.size() - at);
      inode.synced.replace(at, size, inode.now, at, size);
    }
  }
  // After a failure too: the system takes the pages for clean and will not write them again.
  inode.dirty.clear();
  inode.resized = false;
  if (with) return refused(*with, "sync");
  return {};
}

Result<void> FaultyFileSystem::truncate(Inode& inode, std::uint64_t size) {
  if (const auto with = step(Operation::Truncate)) return refused(*with, "truncate");
  mark(inode, std::min<std::uint64_t>(size, inode.now.size()),
       std::max<std::uint64_t>(size, inode.now.size()));
  inode.now.resize(size);
  inode.resized = true;
  return {};
}

}  // namespace sluice::test
