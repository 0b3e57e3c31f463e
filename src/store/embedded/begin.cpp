#include "store/embedded/begin.hpp"

#include <algorithm>
#include <array>

#include "base/crc32c.hpp"
#include "store/embedded/bytes.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::string_view kBeginMagic = "SLUICBEG";
constexpr std::uint32_t kBeginVersion = 1;

// Places in the record.
constexpr std::size_t kBeginVersionAt = 8;
constexpr std::size_t kBeginCrcAt = 12;
constexpr std::size_t kBeginBaseAt = 16;
constexpr std::size_t kBeginGenerationAt = 24;
constexpr std::size_t kBytes = 32;

std::string encode(const LogBegin& begin) {
  std::string bytes(kBytes, '\0');
  bytes.replace(0, kBeginMagic.size(), kBeginMagic);
  store_le(bytes.data() + kBeginVersionAt, kBeginVersion);
  store_le(bytes.data() + kBeginBaseAt, begin.base);
  store_le(bytes.data() + kBeginGenerationAt, begin.generation);
  store_le(bytes.data() + kBeginCrcAt, crc32c(std::string_view(bytes).substr(kBeginBaseAt)));
  return bytes;
}

}  // namespace

std::string begin_path(const std::string& data_directory) {
  return data_directory + "/begin";
}

Result<BeginRecord> read_begin(FileSystem& files, const std::string& data_directory) {
  BeginRecord record;
  record.path = begin_path(data_directory);
  auto file = files.open(begin_path(data_directory), FileSystem::Mode::Read);
  if (!file && file.error().code == Errc::NotFound) return record;
  if (!file) return tl::unexpected(std::move(file).error());
  std::array<char, kBytes> space{};
  SL_TRY(got, (*file)->read_at(0, space.data(), space.size()));
  const std::string_view bytes(space.data(), got);
  record.state = BeginRecord::State::Damaged;
  if (got < kBytes || !bytes.starts_with(kBeginMagic)) return record;
  if (load_le<std::uint32_t>(bytes, kBeginCrcAt) != crc32c(bytes.substr(kBeginBaseAt)))
    return record;
  if (const auto version = load_le<std::uint32_t>(bytes, kBeginVersionAt);
      version != kBeginVersion) {
    return fail(Errc::Unsupported, begin_path(data_directory) +
                                       " was written by another version (format " +
                                       std::to_string(version) + ")");
  }
  record.state = BeginRecord::State::Whole;
  record.begin = {load_le<std::uint64_t>(bytes, kBeginBaseAt),
                  load_le<std::uint64_t>(bytes, kBeginGenerationAt)};
  if (record.begin.generation == kUnfinishedRestore) {
    return fail(Errc::WrongState, data_directory +
                                      " holds a part of a backup: `sluice restore` "
                                      "was not ended; empty it and restore again");
  }
  return record;
}

Result<void> write_begin(FileSystem& files, const std::string& data_directory,
                         const LogBegin& begin) {
  const std::string path = begin_path(data_directory);
  const std::string fresh = path + ".new";
  const std::string bytes = encode(begin);
  {
    SL_TRY(file, files.open(fresh, FileSystem::Mode::CreateReadWrite));
    const std::array<iovec, 1> part{iovec{const_cast<char*>(bytes.data()), bytes.size()}};
    auto written = file->write_at(0, part);
    // What an earlier try left may be longer.
    if (written) written = file->truncate(bytes.size());
    if (written) written = file->sync();
    if (!written) {
      file.reset();
      static_cast<void>(files.remove(fresh));
      return written;
    }
  }
  SL_TRY_VOID(files.rename(fresh, path));
  return files.sync_directory(data_directory);
}

std::optional<LostBegin> find_lost_begin(const BeginRecord& record,
                                         std::span<const SegmentPlan> found) {
  const LogBegin& begin = record.begin;
  const bool is_whole = record.state == BeginRecord::State::Whole;
  if (is_whole && begin.generation == 0) return std::nullopt;
  if (found.empty()) {
    if (!is_whole) return std::nullopt;
    return LostBegin{begin.base, 0, false, "it is missing or empty, and no other file is there"};
  }
  const SegmentPlan& first = found.front();
  // Nothing ever stood before it. Should the record name an earlier one, that never held anything.
  const bool is_very_first = first.previous_end == 0;
  if (!is_whole) {
    if (is_very_first || record.state == BeginRecord::State::Absent) return std::nullopt;
    return LostBegin{0, 0, true,
                     "it cannot be read, and nothing else tells whether a file is missing before " +
                         segment_name(first.base)};
  }
  if (is_very_first && begin.base < first.base) return std::nullopt;
  const auto named = std::ranges::find(found, begin.base, &SegmentPlan::base);
  if (named == found.end()) {
    const auto next = std::ranges::upper_bound(found, begin.base, {}, &SegmentPlan::base);
    const bool tells = next != found.end() && next->previous_end > begin.base;
    return LostBegin{begin.base, tells ? next->previous_end : 0, false,
                     "the log begins with this file, but it is missing or empty"};
  }
  if (named->generation == begin.generation) return std::nullopt;
  return LostBegin{begin.base, named->limit(), false,
                   "another file stands in the place of the one with which the log begins"};
}

}  // namespace sluice::store::embedded
