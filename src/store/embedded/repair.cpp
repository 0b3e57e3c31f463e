#include <algorithm>
#include <array>
#include <map>

#include "base/crc32c.hpp"
#include "store/embedded/begin.hpp"
#include "store/embedded/bytes.hpp"
#include "store/embedded/inspect.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::size_t kCopyAtOnce = 1 << 20;
// Of a record that only takes the place of a damaged one: nobody has such state.
constexpr std::uint32_t kNoKind = 255;
// Longer than any log: what was lost as a whole gave no position behind it.
constexpr std::uint64_t kUnknownLength = 1ULL << 44;

class Repair {
 public:
  Repair(FileSystem& files, const std::string& data)
      : files_(files), data_(data), log_(data + "/log"), removed_(data + "/removed-by-repair") {}

  Result<std::vector<std::string>> run() {
    SL_TRY(report, inspect_log(files_, data_));
    if (report.is_usable()) return done_;
    SL_TRY_VOID(files_.create_directories(removed_));
    for (const Damage& damage : report.damages) {
      if (!damage.is_tail) SL_TRY_VOID(mend(damage));
    }
    SL_TRY_VOID(join_files());
    SL_TRY_VOID(settle_begin());
    SL_TRY_VOID(remove_view());
    SL_TRY_VOID(files_.sync_directory(removed_));
    SL_TRY_VOID(files_.sync_directory(log_));
    return done_;
  }

 private:
  Result<void> mend(const Damage& damage) {
    if (damage.is_begin) return {};    // settle_begin() writes it again
    if (damage.is_missing) return {};  // join_files() closes the gap, settle_begin() that in front
    SL_TRY_VOID(keep_copy(damage));
    if (damage.is_header) {
      SL_TRY_VOID(files_.remove(damage.file));
      done_.push_back(damage.file + " was moved away: its header cannot be read");
      return {};
    }
    SL_TRY(file, files_.open(damage.file, FileSystem::Mode::ReadWrite));
    SL_TRY(size, file->size());
    // A file with a successor keeps its length: the successor says where its records end.
    const bool cut = !damage.has_next && damage.offset + damage.bytes >= size;
    if (cut && is_last(damage)) {
      SL_TRY_VOID(file->truncate(damage.offset));
      done_.push_back(damage.file + " was cut at offset " + std::to_string(damage.offset) + ": " +
                      std::to_string(damage.bytes) + " bytes");
    } else if (!damage.has_next && is_last(damage)) {
      SL_TRY_VOID(file->truncate(damage.offset));
      done_.push_back(damage.file + " was cut at offset " + std::to_string(damage.offset));
    } else {
      SL_TRY_VOID(cover(*file, damage));
      done_.push_back(damage.file + ": " + std::to_string(damage.bytes) + " bytes at offset " +
                      std::to_string(damage.offset) + " were covered");
    }
    return file->sync();
  }

  [[nodiscard]] bool is_last(const Damage& damage) const {
    const auto names = files_.list(log_);
    if (!names) return false;
    return std::ranges::none_of(*names, [&](const std::string& name) {
      const auto base = base_of(name);
      return base && *base > damage.base;
    });
  }

  Result<void> keep_copy(const Damage& damage) {
    const std::string to =
        removed_ + "/" + segment_name(damage.base) + "." + std::to_string(damage.offset);
    SL_TRY(from, files_.open(damage.file, FileSystem::Mode::Read));
    SL_TRY(copy, files_.open(to, FileSystem::Mode::CreateReadWrite));
    std::vector<char> bytes(kCopyAtOnce);
    for (std::uint64_t at = 0; at < damage.bytes;) {
      const auto size = std::min<std::uint64_t>(bytes.size(), damage.bytes - at);
      SL_TRY(got, from->read_at(damage.offset + at, bytes.data(), size));
      if (got == 0) break;
      const std::array<iovec, 1> part{iovec{bytes.data(), got}};
      SL_TRY_VOID(copy->write_at(at, part));
      at += got;
    }
    SL_TRY_VOID(copy->sync());
    done_.push_back("what is removed was copied to " + to);
    return {};
  }

  // One record that says nothing stands where the damaged ones stood, so that what follows is
  // found.
  Result<void> cover(File& file, const Damage& damage) {
    std::array<char, kSegmentHeaderBytes> head{};
    SL_TRY(got, file.read_at(0, head.data(), head.size()));
    SL_TRY(plan, decode_segment_header({head.data(), got}, damage.base));
    if (!plan || damage.bytes < kFrameHeaderBytes + kStateFixedBytes ||
        damage.bytes - kFrameHeaderBytes > kMaximumBodyBytes) {
      return fail(Errc::Unsupported, damage.file + " at offset " + std::to_string(damage.offset) +
                                         ": too little or too much is damaged to be covered");
    }
    std::string frame(damage.bytes, '\0');
    store_le(frame.data() + kFrameHeaderBytes, kNoKind);
    FrameHeader header;
    header.type = RecordType::Erase;
    header.body_length = static_cast<std::uint32_t>(frame.size() - kFrameHeaderBytes);
    header.body_crc = crc32c(std::string_view(frame).substr(kFrameHeaderBytes));
    begin_header(frame.data(), header);
    seal_header(frame.data(), damage.base + damage.offset, 0, plan->seed);
    const std::array<iovec, 1> part{iovec{frame.data(), frame.size()}};
    return file.write_at(damage.offset, part);
  }

  // A file that lost the one before it says that it follows on what is left.
  Result<void> join_files() {
    SL_TRY(report, inspect_log(files_, data_));
    for (std::size_t i = 0; i + 1 < report.segments.size(); ++i) {
      const SegmentReport& before = report.segments[i];
      SegmentReport& after = report.segments[i + 1];
      if (after.plan.previous_end <= before.plan.limit()) continue;
      after.plan.previous_end = before.plan.base + before.end;
      const std::string header = encode_segment_header(after.plan);
      SL_TRY(file, files_.open(after.file, FileSystem::Mode::ReadWrite));
      const std::array<iovec, 1> part{iovec{const_cast<char*>(header.data()), header.size()}};
      SL_TRY_VOID(file->write_at(0, part));
      SL_TRY_VOID(file->sync());
      done_.push_back(after.file + " follows on " + before.file + " now: what was between is gone");
    }
    return {};
  }

  // The log begins with the first file that is left.
  Result<void> settle_begin() {
    SL_TRY(report, inspect_log(files_, data_));
    SL_TRY(record, read_begin(files_, data_));
    const auto lost = std::ranges::find_if(
        report.damages, [](const Damage& damage) { return damage.is_missing || damage.is_begin; });
    if (lost == report.damages.end()) return {};
    if (report.segments.empty()) {
      SL_TRY_VOID(write_begin(files_, data_, {record.begin.base + kUnknownLength, 0}));
      done_.push_back("nothing is left of the log: what it held from position " +
                      std::to_string(record.begin.base) + " on is gone");
      return {};
    }
    const SegmentReport& first = report.segments.front();
    SL_TRY_VOID(write_begin(files_, data_, {first.plan.base, first.plan.generation}));
    std::string said = "the log begins with " + first.file + " now";
    if (!lost->is_begin && lost->bytes > 0) {
      said += ": positions " + std::to_string(lost->base) + " to " +
              std::to_string(lost->base + lost->bytes) + " are gone";
    }
    done_.push_back(std::move(said));
    return {};
  }

  // It may name what is gone. Real files, always.
  Result<void> remove_view() {
    const auto view = posix_file_system();
    if (!view->list(data_ + "/view")) return {};
    SL_TRY_VOID(view->create_directories(removed_));
    std::string to = removed_ + "/view";
    for (int number = 2; view->list(to); ++number) {
      to = removed_ + "/view-" + std::to_string(number);
    }
    SL_TRY_VOID(view->rename(data_ + "/view", to));
    done_.push_back("the view was moved to " + to + ": the next start builds it again");
    return {};
  }

  FileSystem& files_;
  const std::string& data_;
  const std::string log_;
  const std::string removed_;
  std::vector<std::string> done_;
};

}  // namespace

Result<std::vector<std::string>> repair_log(FileSystem& files, const std::string& data_directory) {
  return Repair(files, data_directory).run();
}

}  // namespace sluice::store::embedded
