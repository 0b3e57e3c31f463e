#include "store/embedded/inspect.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/crc32c.hpp"
#include "store/embedded/begin.hpp"
#include "store/embedded/scanner.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::size_t kInspectBytes = 1 << 20;

// The next place behind `from` at which a whole record begins.
Result<std::optional<std::uint64_t>> find_record(const File& file, const SegmentPlan& plan,
                                                 std::uint64_t from, std::uint64_t limit) {
  std::vector<char> window(kInspectBytes);
  for (std::uint64_t position = from; position < limit;) {
    SL_TRY(got, file.read_at(position - plan.base, window.data(), window.size()));
    for (std::size_t at = 0; at + kFrameHeaderBytes <= got; ++at) {
      if (position + at >= limit) return std::nullopt;
      if (!decode_header(window.data() + at, position + at, plan.seed)) continue;
      SegmentScanner scanner(file, plan, position + at, limit);
      SL_TRY(frame, scanner.next());
      if (frame) return position + at;
    }
    if (got < window.size()) return std::nullopt;
    position += got - (kFrameHeaderBytes - 1);
  }
  return std::nullopt;
}

std::string name_of_type(RecordType type) {
  switch (type) {
    case RecordType::Batch:
      return "batch frame";
    case RecordType::Message:
      return "message";
    case RecordType::Put:
      return "change of state";
    case RecordType::Erase:
      return "erasure of state";
  }
  return "record of type " + std::to_string(static_cast<int>(type));
}

class Inspection {
 public:
  Inspection(FileSystem& files, const std::string& data, VisitFrame visit)
      : files_(files), data_(data), directory_(data + "/log"), visit_(visit) {}

  Result<LogReport> run() {
    SL_TRY_VOID(read_headers());
    SL_TRY_VOID(check_begin());
    auto& segments = report_.segments;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const bool is_last = i + 1 == segments.size();
      const std::uint64_t end = is_last ? UINT64_MAX : segments[i + 1].plan.previous_end;
      if (!is_last && end <= segments[i].plan.base) continue;  // never held a record
      if (!is_last && end > segments[i].plan.limit()) {
        SL_TRY_VOID(walk(segments[i], UINT64_MAX, false));
        note_missing(segments[i], segments[i + 1]);
        continue;
      }
      SL_TRY_VOID(walk(segments[i], end, is_last));
    }
    std::ranges::sort(report_.damages, {},
                      [](const Damage& damage) { return damage.base + damage.offset; });
    return std::move(report_);
  }

 private:
  Result<void> read_headers() {
    SL_TRY(names, files_.list(directory_));
    for (const std::string& name : names) {
      const auto base = base_of(name);
      if (!base) continue;
      const std::string path = directory_ + "/" + name;
      SL_TRY(file, files_.open(path, FileSystem::Mode::Read));
      std::array<char, kSegmentHeaderBytes> bytes{};
      SL_TRY(got, file->read_at(0, bytes.data(), bytes.size()));
      SL_TRY(plan, decode_segment_header({bytes.data(), got}, *base));
      if (plan) {
        report_.segments.push_back({.file = path, .plan = *plan});
        continue;
      }
      SegmentPlan unknown;
      unknown.base = *base;
      SL_TRY(remains, search_remains(*file, unknown, unknown.first_record()));
      if (remains.end == 0) continue;  // made ready and never used
      report_.damages.push_back({.file = path,
                                 .bytes = remains.end - *base,
                                 .base = *base,
                                 .what = "the header of the file is not whole: none of it can be "
                                         "read",
                                 .is_header = true});
    }
    return {};
  }

  Result<void> check_begin() {
    SL_TRY(record, read_begin(files_, data_));
    std::vector<SegmentPlan> plans;
    for (const SegmentReport& segment : report_.segments) plans.push_back(segment.plan);
    const auto lost = find_lost_begin(record, plans);
    if (!lost) return {};
    const bool is_known = std::ranges::any_of(report_.damages, [&](const Damage& damage) {
      return damage.is_header && damage.base == lost->base;
    });
    if (is_known && !lost->is_record) return {};
    report_.damages.push_back(
        {.file = lost->is_record ? begin_path(data_) : directory_ + "/" + segment_name(lost->base),
         .bytes = lost->end - std::min(lost->base, lost->end),
         .base = lost->base,
         .what = lost->what,
         .is_missing = !lost->is_record,
         .is_begin = lost->is_record});
    return {};
  }

  void note_missing(const SegmentReport& before, const SegmentReport& after) {
    const std::uint64_t from = before.plan.limit();
    const bool is_known = std::ranges::any_of(report_.damages, [&](const Damage& damage) {
      return damage.is_header && damage.base >= from && damage.base < after.plan.base;
    });
    if (is_known) return;
    report_.damages.push_back({.file = directory_ + "/" + segment_name(from),
                               .bytes = after.plan.previous_end - from,
                               .base = from,
                               .what = "the file is missing: " + segment_name(after.plan.base) +
                                       " says that one ends at "
                                       "position " +
                                       std::to_string(after.plan.previous_end),
                               .is_missing = true});
  }

  // `end` is where the records end if it is known.
  Result<void> walk(SegmentReport& segment, std::uint64_t end, bool is_last) {
    SL_TRY(file, files_.open(segment.file, FileSystem::Mode::Read));
    std::uint64_t from = segment.plan.first_record();
    while (true) {
      SegmentScanner scanner(*file, segment.plan, from, end);
      SL_TRY(stopped, walk_whole(scanner, segment));
      segment.end = stopped - segment.plan.base;
      if (stopped == end) return {};
      SL_TRY(next, find_record(*file, segment.plan, stopped + 1, end));
      SL_TRY(remains, search_remains(*file, segment.plan, stopped));
      if (!next && end == UINT64_MAX && remains.end == 0) return {};  // only zeros follow
      const std::uint64_t to = next                ? *next
                               : end != UINT64_MAX ? end
                                                   : std::max(remains.end, stopped);
      SL_TRY(what, what_is_wrong(*file, segment.plan, stopped));
      report_.damages.push_back({.file = segment.file,
                                 .offset = stopped - segment.plan.base,
                                 .bytes = to - stopped,
                                 .base = segment.plan.base,
                                 .what = what,
                                 .has_next = next.has_value(),
                                 .is_tail = is_last && remains.proven_end <= stopped});
      if (!next) return {};
      from = *next;
    }
  }

  Result<std::uint64_t> walk_whole(SegmentScanner& scanner, SegmentReport& segment) {
    while (true) {
      SL_TRY(frame, scanner.next());
      if (!frame) return scanner.position();
      const auto time_ms = milliseconds_of(frame->header.time_and_node);
      if (segment.first_ms == 0) segment.first_ms = time_ms;
      segment.last_ms = std::max(segment.last_ms, time_ms);
      if (frame->header.type == RecordType::Message) ++segment.messages;
      if (frame->header.type > RecordType::Message) ++segment.changes;
      visit_(segment.plan, frame->header, frame->body);
    }
  }

  static Result<std::string> what_is_wrong(const File& file, const SegmentPlan& plan,
                                           std::uint64_t position) {
    std::array<char, kFrameHeaderBytes> bytes{};
    SL_TRY(got, file.read_at(position - plan.base, bytes.data(), bytes.size()));
    const auto header =
        got == bytes.size() ? decode_header(bytes.data(), position, plan.seed) : std::nullopt;
    if (!header) return std::string("no header of a record stands here");
    return "the body of a " + name_of_type(header->type) + " of " +
           std::to_string(header->body_length) + " bytes does not match its checksum";
  }

  FileSystem& files_;
  const std::string& data_;
  const std::string directory_;
  VisitFrame visit_;
  LogReport report_;
};

}  // namespace

bool LogReport::is_usable() const {
  return std::ranges::all_of(damages, &Damage::is_tail);
}

Result<LogReport> inspect_log(FileSystem& files, const std::string& data_directory,
                              VisitFrame visit) {
  return Inspection(files, data_directory, visit).run();
}

Result<LogReport> inspect_log(FileSystem& files, const std::string& data_directory) {
  return inspect_log(files, data_directory,
                     [](const SegmentPlan&, const FrameHeader&, std::string_view) {});
}

}  // namespace sluice::store::embedded
