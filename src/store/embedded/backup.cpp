#include "store/embedded/backup.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

#include "base/crc32c.hpp"
#include "store/embedded/begin.hpp"
#include "store/embedded/scanner.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;
// What is written and not synced: more would hold up the syncs of a server on the same disk.
constexpr std::uint64_t kUnsyncedBytes = 8 << 20;
constexpr std::string_view kManifest = "/manifest";
// Farther than what the server that was copied can have come since: 2^44 bytes, or 250 starts.
constexpr std::uint64_t kLeap = 1ULL << 44;

// Writes one file from its beginning, in chunks, and knows its checksum; without a file it only
// knows.
class Copy {
 public:
  Copy(std::unique_ptr<File> into, const Throttle& throttle)
      : into_(std::move(into)), throttle_(throttle) {
    chunk_.reserve(kChunkBytes);
  }

  Result<void> add(std::string_view bytes) {
    chunk_.append(bytes);
    return chunk_.size() < kChunkBytes ? Result<void>() : flush();
  }

  Result<void> finish() {
    SL_TRY_VOID(flush());
    return into_ == nullptr ? Result<void>() : sync();
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint32_t crc() const { return crc_; }

 private:
  Result<void> flush() {
    if (chunk_.empty()) return {};
    if (throttle_) throttle_(chunk_.size());
    crc_ = crc32c(chunk_, crc_);
    if (into_ != nullptr) {
      const std::array<iovec, 1> part{iovec{chunk_.data(), chunk_.size()}};
      SL_TRY_VOID(into_->write_at(bytes_, part));
    }
    bytes_ += chunk_.size();
    chunk_.clear();
    if (into_ != nullptr && bytes_ - synced_ >= kUnsyncedBytes) return sync();
    return {};
  }

  Result<void> sync() {
    SL_TRY_VOID(into_->sync());
    synced_ = bytes_;
    into_->forget_cached(bytes_);  // nobody reads it soon
    return {};
  }

  std::unique_ptr<File> into_;
  const Throttle& throttle_;
  std::string chunk_;
  std::uint64_t bytes_ = 0;
  std::uint64_t synced_ = 0;
  std::uint32_t crc_ = 0;
};

struct Times {
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

// All of a segment, record by record, up to `end`.
Result<BackupManifest::Entry> copy_segment(File& from, const SegmentPlan& plan, std::uint64_t end,
                                           std::unique_ptr<File> into, Times& times,
                                           const Throttle& throttle) {
  Copy copy(std::move(into), throttle);
  BackupManifest::Entry entry;
  entry.base = plan.base;
  SL_TRY_VOID(copy.add(encode_segment_header(plan)));
  std::optional<SegmentScanner> scanner(std::in_place, from, plan, plan.first_record(), end);
  bool is_first_look = true;
  while (scanner->position() != end) {
    SL_TRY(frame, scanner->next());
    if (!frame) {
      const std::uint64_t position = scanner->position();
      if (!std::exchange(is_first_look, false)) return damaged_record(plan, position);
      // The server writes past the system's cache, which may hold what stood there before.
      from.forget_cached(end - plan.base);
      scanner.emplace(from, plan, position, end);
      continue;
    }
    const auto time_ms = milliseconds_of(frame->header.time_and_node);
    if (times.first_ms == 0) times.first_ms = time_ms;
    times.last_ms = std::max(times.last_ms, time_ms);
    if (frame->header.type == RecordType::Message) ++entry.messages;
    if (frame->header.type > RecordType::Message) ++entry.changes;
    SL_TRY_VOID(copy.add(frame->bytes));
  }
  SL_TRY_VOID(copy.finish());
  entry.bytes = copy.bytes();
  entry.crc = copy.crc();
  return entry;
}

std::string log_of(const std::string& directory) {
  return directory + "/log";
}

Result<std::string> read_header(const File& file) {
  std::string bytes(kSegmentHeaderBytes, '\0');
  SL_TRY(got, file.read_at(0, bytes.data(), bytes.size()));
  bytes.resize(got);
  return std::move(bytes);
}

// All files with a header. NotFound: one went while we looked.
Result<LogSnapshot> open_files(FileSystem& files, const std::string& data) {
  LogSnapshot snapshot;
  SL_TRY(names, files.list(log_of(data)));
  for (const std::string& name : names) {
    const auto base = base_of(name);
    if (!base) continue;
    std::string path = log_of(data) + "/" + name;
    SL_TRY(file, files.open(path, FileSystem::Mode::Read));
    SL_TRY(header, read_header(*file));
    SL_TRY(plan, decode_segment_header(header, *base));
    // Without a header there is no record in it either.
    if (plan) snapshot.files.push_back({*plan, 0, std::move(path), std::move(file)});
  }
  std::ranges::sort(snapshot.files, {}, [](const auto& source) { return source.plan.base; });
  return snapshot;
}

// Retention deletes from the front, what is live in it stands at the head first: whatever is there
// the next time is as good.
Result<LogSnapshot> open_all(FileSystem& files, const std::string& data) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    auto opened = open_files(files, data);
    if (opened || opened.error().code != Errc::NotFound) return opened;
  }
  return fail(Errc::WrongState, "files of the log go faster than they can be opened; try again");
}

// Each file ends where its successor says; files without a record are left out.
void set_ends(LogSnapshot& snapshot, std::uint64_t end) {
  auto& all = snapshot.files;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].end = std::min(end, i + 1 < all.size() ? all[i + 1].plan.previous_end : end);
  }
  std::erase_if(all, [](const auto& source) { return source.end <= source.plan.first_record(); });
  snapshot.end = end;
}

Result<void> check_not_empty(const LogSnapshot& snapshot, const std::string& data) {
  if (!snapshot.files.empty()) return {};
  return fail(Errc::NotFound, log_of(data) + " holds no record: there is nothing to copy");
}

// Where a start would cut the last file.
Result<std::uint64_t> whole_end(const LogSnapshot::Source& last) {
  SegmentScanner scanner(*last.file, last.plan, last.plan.first_record());
  std::uint64_t whole = scanner.position();
  while (true) {
    SL_TRY(frame, scanner.next());
    if (!frame) break;
    if ((frame->header.flags & kContinues) == 0) whole = scanner.position();
  }
  SL_TRY(remains, search_remains(*last.file, last.plan, scanner.position()));
  if (remains.proven_end > whole) return damaged_record(last.plan, scanner.position());
  return whole;
}

Result<BackupManifest> read_manifest(FileSystem& files, const std::string& backup) {
  constexpr std::size_t kLargest = 64 << 20;  // half a million files
  const std::string path = backup + std::string(kManifest);
  auto file = files.open(path, FileSystem::Mode::Read);
  if (!file && file.error().code == Errc::NotFound) {
    return fail(Errc::Corrupt, path + " is missing: this is no backup, or one that was not ended");
  }
  if (!file) return tl::unexpected(std::move(file).error());
  SL_TRY(size, (*file)->size());
  if (size > kLargest) return fail(Errc::Corrupt, path + " is damaged: it is too large");
  std::string text(size, '\0');
  SL_TRY(got, (*file)->read_at(0, text.data(), text.size()));
  text.resize(got);
  auto manifest = decode_manifest(text);
  if (!manifest) return fail(manifest.error().code, path + ": " + manifest.error().detail);
  return manifest;
}

Result<void> write_manifest(FileSystem& files, const std::string& backup,
                            const BackupManifest& manifest) {
  const std::string path = backup + std::string(kManifest);
  {
    SL_TRY(file, files.open(path + ".new", FileSystem::Mode::CreateReadWrite));
    const Throttle at_once;
    Copy copy(std::move(file), at_once);
    SL_TRY_VOID(copy.add(encode_manifest(manifest)));
    SL_TRY_VOID(copy.finish());
  }
  SL_TRY_VOID(files.rename(path + ".new", path));
  return files.sync_directory(backup);
}

// One file of a backup, compared with what the manifest says; `into` may be empty.
Result<SegmentPlan> take_back(FileSystem& files, const std::string& backup,
                              const BackupManifest::Entry& entry, std::unique_ptr<File> into,
                              const Throttle& throttle) {
  const std::string path = log_of(backup) + "/" + segment_name(entry.base);
  const auto damaged = [&](const std::string& why) {
    return fail(Errc::Corrupt, path + " " + why + ": the backup is damaged");
  };
  auto file = files.open(path, FileSystem::Mode::Read);
  if (!file && file.error().code == Errc::NotFound) return damaged("is missing");
  if (!file) return tl::unexpected(std::move(file).error());
  SL_TRY(size, (*file)->size());
  if (size != entry.bytes) return damaged("is not as long as it was written");
  SL_TRY(header, read_header(**file));
  SL_TRY(plan, decode_segment_header(header, entry.base));
  if (!plan || header != encode_segment_header(*plan)) return damaged("has no whole header");
  Times times;
  const auto found =
      copy_segment(**file, *plan, entry.base + entry.bytes, std::move(into), times, throttle);
  if (!found && found.error().code == Errc::Corrupt) return damaged("holds a damaged record");
  if (!found) return tl::unexpected(found.error());
  if (*found != entry) return damaged("does not match its checksum");
  return *plan;
}

// Each of `manifest`'s files, in order; `open` gives where it is to be written, or nothing.
Result<SegmentPlan> take_all(FileSystem& files, const std::string& backup,
                             const BackupManifest& manifest, const Throttle& throttle,
                             FunctionRef<Result<std::unique_ptr<File>>(std::uint64_t)> open) {
  SegmentPlan first;
  std::uint64_t end = 0;
  for (const auto& entry : manifest.files) {
    SL_TRY(into, open(entry.base));
    SL_TRY(plan, take_back(files, backup, entry, std::move(into), throttle));
    if (end == 0) first = plan;
    if (end != 0 && plan.previous_end != end) {
      return fail(Errc::Corrupt, log_of(backup) + "/" + segment_name(entry.base) +
                                     " does not follow the one before it: the backup is damaged");
    }
    end = entry.base + entry.bytes;
  }
  if (manifest.files.empty() || end != manifest.end) {
    return fail(Errc::Corrupt, backup + " does not hold what its manifest says");
  }
  return first;
}

}  // namespace

std::uint64_t LogSnapshot::bytes() const {
  return std::accumulate(
      files.begin(), files.end(), std::uint64_t{0},
      [](std::uint64_t sum, const Source& source) { return sum + source.end - source.plan.base; });
}

Result<LogSnapshot> snapshot_of_running(FileSystem& files, const std::string& data,
                                        std::uint64_t durable) {
  SL_TRY(snapshot, open_all(files, data));
  set_ends(snapshot, durable);
  SL_TRY_VOID(check_not_empty(snapshot, data));
  return std::move(snapshot);
}

Result<LogSnapshot> snapshot_of_stopped(FileSystem& files, const std::string& data) {
  SL_TRY(snapshot, open_all(files, data));
  SL_TRY_VOID(check_not_empty(snapshot, data));
  std::vector<SegmentPlan> plans;
  plans.reserve(snapshot.files.size());
  for (const auto& source : snapshot.files) plans.push_back(source.plan);
  SL_TRY(begin, read_begin(files, data));
  if (const auto lost = find_lost_begin(begin, plans)) {
    return fail(Errc::Corrupt, log_of(data) + "/" + segment_name(lost->base) + ": " + lost->what);
  }
  SL_TRY(end, whole_end(snapshot.files.back()));
  // Nothing in the last one: then the one before it says where the log ends.
  const auto& last = snapshot.files.back().plan;
  set_ends(snapshot, end == last.first_record() ? last.previous_end : end);
  SL_TRY_VOID(check_not_empty(snapshot, data));
  return std::move(snapshot);
}

Result<BackupManifest> write_backup(FileSystem& files, const LogSnapshot& snapshot,
                                    const std::string& backup, std::int64_t made_ms,
                                    const Throttle& throttle) {
  SL_TRY_VOID(files.create_directories(log_of(backup)));
  BackupManifest manifest;
  manifest.made_ms = made_ms;
  manifest.end = snapshot.end;
  Times times;
  for (const auto& source : snapshot.files) {
    const std::string path = log_of(backup) + "/" + segment_name(source.plan.base);
    SL_TRY(into, files.open(path, FileSystem::Mode::CreateReadWrite));
    SL_TRY(entry,
           copy_segment(*source.file, source.plan, source.end, std::move(into), times, throttle));
    source.file->forget_cached(entry.bytes);
    manifest.files.push_back(entry);
  }
  manifest.first_ms = times.first_ms;
  manifest.last_ms = times.last_ms;
  SL_TRY_VOID(files.sync_directory(log_of(backup)));
  SL_TRY_VOID(write_manifest(files, backup, manifest));
  return manifest;
}

Result<BackupManifest> check_backup(FileSystem& files, const std::string& backup,
                                    const Throttle& throttle) {
  SL_TRY(manifest, read_manifest(files, backup));
  SL_TRY_VOID(take_all(files, backup, manifest, throttle,
                       [](std::uint64_t) { return Result<std::unique_ptr<File>>(nullptr); }));
  return manifest;
}

Result<BackupManifest> restore_backup(FileSystem& files, const std::string& backup,
                                      const std::string& data, const Throttle& throttle) {
  SL_TRY(manifest, read_manifest(files, backup));
  if (manifest.files.empty()) return fail(Errc::Corrupt, backup + " holds no file of a log");
  SL_TRY_VOID(files.create_directories(data));
  const std::uint64_t first_base = manifest.files.front().base;
  SL_TRY_VOID(write_begin(files, data, {first_base, kUnfinishedRestore}));
  SL_TRY_VOID(files.create_directories(log_of(data)));
  const auto path_of = [&](std::uint64_t base) { return log_of(data) + "/" + segment_name(base); };
  SL_TRY(first, take_all(files, backup, manifest, throttle, [&](std::uint64_t base) {
           return files.open(path_of(base), FileSystem::Mode::CreateReadWrite);
         }));
  // A file without a record: a start goes on behind every place that there is.
  SL_TRY(mark, files.open(path_of(manifest.files.back().base + kLeap),
                          FileSystem::Mode::CreateReadWrite));
  SL_TRY_VOID(mark->sync());
  SL_TRY_VOID(files.sync_directory(log_of(data)));
  SL_TRY_VOID(write_begin(files, data, {first.base, first.generation}));
  return manifest;
}

}  // namespace sluice::store::embedded
