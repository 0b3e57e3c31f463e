#include "store/embedded/segment_files.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "base/check.hpp"
#include "base/direct_file.hpp"
#include "base/log.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::size_t kMaximumOpenFiles = 32;
constexpr std::uint64_t kFillBytes = 1 << 20;

}  // namespace

Result<void> write_zeros(File& file, std::uint64_t from, std::uint64_t to) {
  // The same zeros again and again, as blocks: nothing is filled or copied for it.
  alignas(DirectFile::kBlockBytes) static std::array<char, 64 << 10> zeros{};
  std::vector<iovec> parts;
  while (from < to) {
    const std::uint64_t end = std::min(to, from + kFillBytes);
    parts.clear();
    for (std::uint64_t at = from; at < end; at += zeros.size()) {
      parts.push_back({zeros.data(), std::min<std::uint64_t>(zeros.size(), end - at)});
    }
    SL_TRY_VOID(file.write_at(from, parts));
    from = end;
  }
  return {};
}

SegmentFiles::SegmentFiles(FileSystem& files, Threads& threads, std::string data_directory,
                           Options options)
    : files_(files),
      threads_(threads),
      data_directory_(std::move(data_directory)),
      directory_(data_directory_ + "/log"),
      spare_path_(directory_ + "/next.prepared"),
      options_(options) {
  // How far a spare of an earlier run was filled is not known: it starts anew.
  static_cast<void>(files_.remove(spare_path_));
  if (options_.prepare_next) filler_ = threads_.start([this] { fill_next(); });
}

SegmentFiles::~SegmentFiles() {
  stop();
}

void SegmentFiles::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (auto ending = std::move(filler_)) ending->join();
}

void SegmentFiles::add(const SegmentPlan& plan, std::uint64_t end) {
  const std::scoped_lock lock(mutex_);
  segments_[plan.base] = {plan, end, nullptr, 0, 0};
  note_begin();
}

void SegmentFiles::set_recorded_begin(const LogBegin& begin) {
  const std::scoped_lock lock(mutex_);
  recorded_ = begin;
}

Result<void> SegmentFiles::settle_begin() {
  SegmentPlan first;
  {
    const std::scoped_lock lock(mutex_);
    if (segments_.empty()) return fail(Errc::NoSpace, "the log has no file yet");
    first = segments_.begin()->second.plan;
    if (recorded_.generation != 0 && recorded_.base >= first.base) return {};
  }
  return record_begin(first);
}

Result<void> SegmentFiles::record_begin(const SegmentPlan& first) {
  const LogBegin begin{first.base, first.generation};
  SL_TRY_VOID(write_begin(files_, data_directory_, begin));
  const std::scoped_lock lock(mutex_);
  recorded_ = begin;
  return {};
}

std::string SegmentFiles::path_of(std::uint64_t base) const {
  return directory_ + "/" + segment_name(base);
}

Result<std::shared_ptr<File>> SegmentFiles::activate(const SegmentPlan& plan) {
  SL_TRY(fresh, take_file(plan));
  const std::string header = encode_segment_header(plan);
  const std::array<iovec, 1> part{iovec{const_cast<char*>(header.data()), header.size()}};
  SL_TRY_VOID(fresh->write_at(0, part));
  auto synced = fresh->sync();
  if (synced) synced = files_.sync_directory(directory_);
  if (!synced) return fail(Errc::IoFailed, synced.error().detail);  // whatever the reason
  std::shared_ptr<File> file = std::move(fresh);
  bool is_first = false;
  {
    const std::scoped_lock lock(mutex_);
    is_first = segments_.empty() || segments_.begin()->first == plan.base;
  }
  // Before its first record: that must not go unnoticed.
  if (is_first) SL_TRY_VOID(record_begin(plan));
  {
    const std::scoped_lock lock(mutex_);
    active_ = plan.base;
    segments_[plan.base] = {plan, plan.first_record(), file, ++reads_, 0};
    note_begin();
    filling_rests_ = false;
  }
  changed_.notify_all();
  return file;
}

// The spare under its new name, or a new file.
Result<std::unique_ptr<File>> SegmentFiles::take_file(const SegmentPlan& plan) {
  std::unique_lock lock(mutex_);
  threads_.wait(changed_, lock, [this] { return !filling_; });
  const bool is_first = active_ == UINT64_MAX;
  const bool spare = std::exchange(has_spare_, false);
  spare_bytes_ = 0;
  filling_rests_ = true;
  lock.unlock();
  const std::string path = path_of(plan.base);
  if (spare) SL_TRY_VOID(files_.rename(spare_path_, path));
  SL_TRY(file, files_.open(path, write_mode()));
  if (is_first) {
    const std::uint64_t fill = std::min(plan.capacity, options_.first_fill_bytes);
    const auto filled = write_zeros(*file, 0, fill);
    // Less room ready is no failure; the header alone must find some.
    if (!filled && filled.error().code != Errc::NoSpace) return tl::unexpected(filled.error());
    if (!filled) SL_TRY_VOID(file->truncate(0));
  }
  return std::move(file);
}

void SegmentFiles::advance(std::uint64_t end, std::int64_t time_ms) {
  bool due = false;
  {
    const std::scoped_lock lock(mutex_);
    Segment& active = segments_[active_];
    active.end = end;
    active.newest_ms = time_ms;
    due = options_.prepare_next && fill_is_due();
  }
  if (due) changed_.notify_all();
}

Result<SegmentFiles::Readable> SegmentFiles::at(std::uint64_t position) {
  const std::scoped_lock lock(mutex_);
  auto found = segments_.upper_bound(position);
  if (found == segments_.begin()) return fail(Errc::NotFound, "before the log's first segment");
  Segment& segment = (--found)->second;
  if (position >= segment.end) return fail(Errc::NotFound, "no record at this position");
  return open_to_read(segment);
}

Result<SegmentFiles::Readable> SegmentFiles::at_or_behind(std::uint64_t position) {
  const std::scoped_lock lock(mutex_);
  auto found = segments_.upper_bound(position);
  if (found != segments_.begin() && position < std::prev(found)->second.end) --found;
  while (found != segments_.end() && found->second.end <= found->second.plan.first_record()) {
    ++found;  // nothing is written in it yet
  }
  if (found == segments_.end()) return fail(Errc::NotFound, "behind the log's last record");
  return open_to_read(found->second);
}

std::vector<SegmentFiles::Range> SegmentFiles::ranges() const {
  std::vector<Range> ranges;
  const std::scoped_lock lock(mutex_);
  ranges.reserve(segments_.size());
  for (const auto& [base, segment] : segments_)
    ranges.push_back({base, segment.end, segment.newest_ms});
  return ranges;
}

std::vector<SegmentFiles::Range> SegmentFiles::sealed() const {
  auto all = ranges();
  const std::scoped_lock lock(mutex_);
  std::erase_if(all, [this](const Range& range) { return range.base >= active_; });
  return all;
}

Result<void> SegmentFiles::remove_oldest() {
  SL_TRY_VOID(files_.sync_directory(directory_));
  std::uint64_t base = 0;
  SegmentPlan next;
  {
    const std::scoped_lock lock(mutex_);
    SL_CHECK(segments_.size() > 1 && segments_.begin()->first != active_);
    base = segments_.begin()->first;
    next = std::next(segments_.begin())->second.plan;
  }
  SL_TRY_VOID(record_begin(next));
  auto removed = files_.remove(path_of(base));
  if (!removed && removed.error().code != Errc::NotFound) return removed;
  {
    const std::scoped_lock lock(mutex_);
    segments_.erase(base);  // who reads it right now keeps its file open
    note_begin();
  }
  return files_.sync_directory(directory_);
}

// Under the lock.
void SegmentFiles::note_begin() {
  begin_.store(segments_.empty() ? 0 : segments_.begin()->first, std::memory_order_release);
}

// Under the lock.
Result<SegmentFiles::Readable> SegmentFiles::open_to_read(Segment& segment) {
  segment.used = ++reads_;
  if (segment.file == nullptr) {
    SL_TRY(file, files_.open(path_of(segment.plan.base), read_mode()));
    segment.file = std::move(file);
    close_least_used();
  }
  return Readable{segment.file, segment.plan, segment.end};
}

// Under the lock. Readers that hold the file keep it open until they are done.
void SegmentFiles::close_least_used() {
  std::size_t open = 0;
  Segment* oldest = nullptr;
  for (auto& [base, segment] : segments_) {
    if (segment.file == nullptr) continue;
    ++open;
    if (base == active_) continue;
    if (oldest == nullptr || segment.used < oldest->used) oldest = &segment;
  }
  if (open > kMaximumOpenFiles && oldest != nullptr) oldest->file.reset();
}

void SegmentFiles::remove(const std::string& path) {
  const auto removed = files_.remove(path);
  if (!removed) {
    log::warn("could not remove an empty log file",
              {{"file", path}, {"reason", removed.error().detail}});
  }
}

std::uint64_t SegmentFiles::bytes() const {
  const std::scoped_lock lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [base, segment] : segments_) sum += segment.end - base;
  return sum;
}

std::uint64_t SegmentFiles::count() const {
  const std::scoped_lock lock(mutex_);
  return segments_.size();
}

FileSystem::Mode SegmentFiles::read_mode() const {
  return options_.direct ? FileSystem::Mode::ReadDirect : FileSystem::Mode::Read;
}

FileSystem::Mode SegmentFiles::write_mode() const {
  return options_.direct ? FileSystem::Mode::CreateDirect : FileSystem::Mode::CreateReadWrite;
}

std::uint64_t SegmentFiles::next_capacity(std::uint64_t capacity) const {
  if (!options_.prepare_next || options_.first_fill_bytes == 0) return options_.segment_bytes;
  const std::uint64_t wanted = capacity == 0 ? options_.first_fill_bytes : 2 * capacity;
  return std::min(options_.segment_bytes, wanted);
}

// Under the lock. Filled twice as fast as the active segment: ready when that one is half full, and
// an idle log does not write.
bool SegmentFiles::fill_is_due() const {
  if (active_ == UINT64_MAX || filling_rests_) return false;
  const Segment& active = segments_.at(active_);
  const std::uint64_t capacity = next_capacity(active.plan.capacity);
  const std::uint64_t wanted = std::min(capacity, (active.end - active_) * 2);
  return spare_bytes_ < wanted &&
         wanted - spare_bytes_ >= std::min(kFillBytes, capacity - spare_bytes_);
}

// The filling thread.
void SegmentFiles::fill_next() {
  std::unique_ptr<File> file;
  std::unique_lock lock(mutex_);
  while (true) {
    threads_.wait(changed_, lock, [this] { return stopping_ || fill_is_due(); });
    if (stopping_) return;
    filling_ = true;
    const std::uint64_t from = spare_bytes_;
    const std::uint64_t to =
        std::min(from + kFillBytes, next_capacity(segments_.at(active_).plan.capacity));
    lock.unlock();
    Result<void> filled;
    // The one before may have become a segment: not to be touched again.
    if (from == 0) file.reset();
    if (file == nullptr) {
      auto opened = files_.open(spare_path_, write_mode());
      if (opened)
        file = std::move(*opened);
      else
        filled = tl::unexpected(opened.error());
    }
    if (filled) filled = write_zeros(*file, from, to);
    if (filled) filled = file->sync();
    if (!filled) {
      file.reset();
      static_cast<void>(files_.remove(spare_path_));
    }
    lock.lock();
    filling_ = false;
    has_spare_ = filled.has_value();
    filling_rests_ = !filled;
    spare_bytes_ = filled ? to : 0;
    changed_.notify_all();
  }
}

}  // namespace sluice::store::embedded
