#include "store/embedded/recovery.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "store/embedded/scanner.hpp"

namespace sluice::store::embedded {
namespace {

// Positions that a process handed out without writing them lie less than this behind the base of
// the last file on disk: what may wait to be written is bounded far below.
constexpr std::uint64_t kUnseen = 1ULL << 33;
constexpr std::uint64_t kRunStride = 1ULL << 36;

constexpr std::size_t kCopyBytes = 1 << 20;

struct Found {
  SegmentPlan plan;
  std::string path;
};

// One walk over the log; lives as long as recover().
class Recovery {
 public:
  Recovery(FileSystem& files, const std::string& directory, RecoveryStart start, VisitRecord visit)
      : files_(files), directory_(directory), start_(start), visit_(visit) {}

  Result<Recovered> run() {
    SL_TRY_VOID(find_segments());
    SL_TRY_VOID(check_begin());
    SL_TRY_VOID(check_start());
    for (std::size_t i = 0; i < found_.size(); ++i) {
      if (i + 1 < found_.size()) {
        SL_TRY_VOID(walk_sealed(found_[i], found_[i + 1].plan.previous_end));
      } else {
        SL_TRY_VOID(walk_last(found_[i]));
      }
    }
    return std::move(recovered_);
  }

 private:
  Result<void> find_segments() {
    SL_TRY(names, files_.list(directory_));
    std::vector<std::uint64_t> bases;
    for (const std::string& name : names) {
      if (const auto base = base_of(name)) bases.push_back(*base);
    }
    std::sort(bases.begin(), bases.end());
    for (const std::uint64_t base : bases) {
      SL_TRY_VOID(read_header(base));
    }
    const std::uint64_t last = bases.empty() ? start_.begin.begin.base : bases.back();
    if (!bases.empty() || last > 0) {
      recovered_.next_base = (last + kUnseen) / kRunStride * kRunStride + kRunStride;
    }
    return {};
  }

  Result<void> read_header(std::uint64_t base) {
    const std::string path = directory_ + "/" + segment_name(base);
    SL_TRY(file, files_.open(path, FileSystem::Mode::Read));
    std::array<char, kSegmentHeaderBytes> bytes{};
    SL_TRY(got, file->read_at(0, bytes.data(), bytes.size()));
    SL_TRY(plan, decode_segment_header({bytes.data(), got}, base));
    if (plan) {
      found_.push_back({*plan, path});
      return {};
    }
    // The header is synced before the first record is written: a file without one never held any.
    // Should it have, the next segment's header says that something is missing.
    SegmentPlan unknown;
    unknown.base = base;
    SL_TRY(remains, search_remains(*file, unknown, unknown.first_record()));
    if (remains.end != 0) return damaged(path, 0, "its header is not whole");
    recovered_.empty.push_back(path);
    return {};
  }

  // Files are deleted from the front, and so is where they could be lost unseen.
  Result<void> check_begin() const {
    std::vector<SegmentPlan> plans;
    for (const Found& found : found_) plans.push_back(found.plan);
    const auto lost = find_lost_begin(start_.begin, plans);
    if (lost && lost->is_record) {
      return fail(Errc::Corrupt, start_.begin.path +
                                     " says where the log begins, and is damaged: " + lost->what +
                                     "; put it back from a copy, or see `sluice log repair`");
    }
    if (lost) {
      const std::string gone =
          lost->end == 0
              ? "from position " + std::to_string(lost->base) + " on"
              : "positions " + std::to_string(lost->base) + " to " + std::to_string(lost->end);
      return fail(Errc::Corrupt,
                  directory_ + "/" + segment_name(lost->base) + ": " + lost->what + "; " + gone +
                      " would be lost: put the file back from a copy, or accept the loss with "
                      "`sluice log repair`");
    }
    if (start_.begin.state == BeginRecord::State::Absent && !plans.empty() &&
        plans.front().previous_end != 0) {
      log::warn(
          "an earlier version left no record of where the log begins: it is taken to begin with "
          "the first file that is there, and recorded",
          {{"file", found_.front().path}});
    }
    return {};
  }

  Result<void> check_start() const {
    if (start_.position == 0) return {};
    for (const Found& found : found_) {
      if (found.plan.base > start_.position || start_.position > found.plan.limit()) continue;
      if (start_.generation != 0 && start_.generation != found.plan.generation) continue;
      SL_TRY(file, files_.open(found.path, FileSystem::Mode::Read));
      SL_TRY(bytes, file->size());
      if (start_.position - found.plan.base <= bytes) return {};
    }
    return fail(Errc::Corrupt, "the checkpoint stands at position " +
                                   std::to_string(start_.position) + ", which " + directory_ +
                                   " does not hold: files are missing or from another time; see "
                                   "`sluice log repair`");
  }

  // A segment with a successor is whole, up to where the successor says that it ends.
  Result<void> walk_sealed(const Found& found, std::uint64_t end) {
    if (end <= found.plan.base) {
      recovered_.empty.push_back(found.path);
      return {};
    }
    if (end > found.plan.limit()) {
      return fail(Errc::Corrupt,
                  "the file behind " + found.path + " is missing; see `sluice log repair`");
    }
    keep(found, end);
    SL_TRY(file, files_.open(found.path, FileSystem::Mode::Read));
    SL_TRY(bytes, file->size());
    if (bytes < end - found.plan.base) {
      return damaged(found.path, bytes,
                     "it ends there, and records up to " + std::to_string(end - found.plan.base) +
                         " were on disk");
    }
    if (end <= start_.position) return {};
    SL_TRY(reached, walk(*file, found, end));
    if (reached.stopped != end || reached.whole != end) {
      return damaged(found.path, reached.stopped - found.plan.base,
                     "all its records were on disk up to " + std::to_string(end - found.plan.base));
    }
    return {};
  }

  Result<void> walk_last(const Found& found) {
    SL_TRY(file, files_.open(found.path, FileSystem::Mode::ReadWrite));
    SL_TRY(reached, walk(*file, found, UINT64_MAX));
    SL_TRY(remains, search_remains(*file, found.plan, reached.stopped));
    if (remains.proven_end > reached.whole) {
      return damaged(found.path, reached.stopped - found.plan.base,
                     "records up to " + std::to_string(remains.proven_end - found.plan.base) +
                         " were on disk");
    }
    recovered_.cut_bytes = std::max(remains.end, reached.stopped) - reached.whole;
    if (recovered_.cut_bytes > 0) {
      log::warn("cut a torn tail off the log, behind all that was proven to be on disk",
                {{"file", found.path},
                 {"offset", reached.whole - found.plan.base},
                 {"bytes", recovered_.cut_bytes}});
    }
    SL_TRY_VOID(make_durable(*file, found.plan, reached));
    if (reached.whole == found.plan.first_record()) {
      recovered_.empty.push_back(found.path);
    } else {
      keep(found, reached.whole);
    }
    return {};
  }

  struct Reached {
    std::uint64_t whole = 0;    // behind the last record whose group is complete
    std::uint64_t stopped = 0;  // where no whole record begins
    std::uint64_t proven = 0;   // the highest proven end that was seen
  };

  Result<Reached> walk(const File& file, const Found& found, std::uint64_t limit) {
    const std::uint64_t from = std::max(found.plan.first_record(), start_.position);
    SegmentScanner scanner(file, found.plan, from, limit);
    Reached reached{from, from, start_.position};
    group_.clear();
    while (true) {
      SL_TRY(frame, scanner.next());
      if (!frame) break;
      SL_TRY_VOID(take(found.plan, *frame, reached));
      reached.stopped = scanner.position();
      if (group_.empty()) reached.whole = reached.stopped;
    }
    return reached;
  }

  Result<void> take(const SegmentPlan& plan, const SegmentScanner::Frame& frame, Reached& reached) {
    recovered_.time_and_node = std::max(recovered_.time_and_node, frame.header.time_and_node);
    if (frame.header.type == RecordType::Batch) {
      const auto body = decode_batch_body(frame.body);
      if (!body) return unknown(frame.header);
      reached.proven = std::max(reached.proven, body->proven_end);
      return {};
    }
    if (frame.header.type > RecordType::Erase) return unknown(frame.header);
    const bool continues = (frame.header.flags & kContinues) != 0;
    if (!continues && group_.empty()) return visit_(plan, frame.header, frame.body);
    group_.push_back({frame.header, std::string(frame.body)});
    if (continues) return {};
    for (const auto& [header, body] : group_) SL_TRY_VOID(visit_(plan, header, body));
    group_.clear();
    return {};
  }

  // After a failed sync the system may show us bytes that never reached the disk, and a killed
  // process may leave bytes only the system's cache holds. What nothing proves is written again.
  static Result<void> make_durable(File& file, const SegmentPlan& plan, const Reached& reached) {
    std::vector<char> bytes(kCopyBytes);
    std::uint64_t from = std::max(reached.proven, plan.first_record());
    while (from < reached.whole) {
      const std::size_t size = std::min<std::uint64_t>(bytes.size(), reached.whole - from);
      SL_TRY(got, file.read_at(from - plan.base, bytes.data(), size));
      if (got < size) return fail(Errc::IoFailed, "the log's last file shrank while it was read");
      const std::array<iovec, 1> part{iovec{bytes.data(), size}};
      SL_TRY_VOID(file.write_at(from - plan.base, part));
      from += size;
    }
    SL_TRY_VOID(file.truncate(reached.whole - plan.base));
    return file.sync();
  }

  void keep(const Found& found, std::uint64_t end) {
    recovered_.segments.push_back({found.plan, end});
    recovered_.end = end;
  }

  static tl::unexpected<Error> damaged(const std::string& path, std::uint64_t offset,
                                       const std::string& why) {
    return fail(Errc::Corrupt, path + " is damaged at offset " + std::to_string(offset) + ": " +
                                   why + "; see `sluice log repair`");
  }

  static tl::unexpected<Error> unknown(const FrameHeader& header) {
    return fail(Errc::Unsupported, "the record at position " + std::to_string(header.position) +
                                       " is of a kind that this version does not know (" +
                                       std::to_string(static_cast<int>(header.type)) + ")");
  }

  struct Held {
    FrameHeader header;
    std::string body;
  };

  FileSystem& files_;
  const std::string& directory_;
  RecoveryStart start_;
  VisitRecord visit_;
  std::vector<Found> found_;
  std::vector<Held> group_;  // records of a group whose last one has not come yet
  Recovered recovered_;
};

}  // namespace

Result<Recovered> recover(FileSystem& files, const std::string& directory, RecoveryStart start,
                          VisitRecord visit) {
  return Recovery(files, directory, start, visit).run();
}

}  // namespace sluice::store::embedded
