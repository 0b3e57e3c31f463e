#include "store/embedded/log_scan.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>

#include "mqtt/topic.hpp"
#include "store/embedded/record.hpp"
#include "store/embedded/scanner.hpp"

namespace sluice::store::embedded {
namespace {

// What one call found: copies, so that a message keeps nothing alive but its like.
struct Kept {
  std::deque<std::string> bodies;
  std::deque<model::Message> messages;
};

// Does a whole header stand at this position? Not every number that a caller names is the
// beginning of a record.
Result<bool> begins_record(const SegmentFiles::Readable& segment, std::uint64_t position) {
  if (position < segment.plan.first_record() || position >= segment.end) return false;
  char header[kFrameHeaderBytes];
  SL_TRY(got, segment.file->read_at(position - segment.plan.base, header, sizeof header));
  return got == sizeof header && decode_header(header, position, segment.plan.seed).has_value();
}

class LogScan {
 public:
  LogScan(SegmentFiles& segments, const ScanRequest& request, std::uint64_t durable)
      : segments_(segments),
        request_(request),
        durable_(durable),
        limit_(std::min(request.before.get(), durable)),
        scanned_to_(request.after.get()) {}

  Result<ReadResult> run() {
    bool more = scanned_to_ < limit_;
    while (more) {
      auto segment = segments_.at_or_behind(scanned_to_);
      if (!segment && segment.error().code != Errc::NotFound) {
        return tl::unexpected(std::move(segment).error());
      }
      more = segment && segment->plan.base < limit_;
      if (!more) break;
      SL_TRY(done, scan_segment(*segment));
      if (!done) return stopped();
      // Nothing begins where a segment's records end: from there the next one is found.
      scanned_to_ = std::min(segment->end, limit_);
      more = scanned_to_ < limit_;
    }
    if (limit_ < request_.before.get()) return stopped();
    result_.next = std::max(request_.after, request_.before);
    result_.at_end = true;
    return std::move(result_);
  }

 private:
  Result<ReadResult> stopped() {
    result_.next = Position(scanned_to_);
    return std::move(result_);
  }

  // False: the call's share is done.
  Result<bool> scan_segment(const SegmentFiles::Readable& segment) {
    const std::uint64_t end = std::min(segment.end, durable_);
    SL_TRY(exact, begins_record(segment, scanned_to_));
    SegmentScanner scanner(*segment.file, segment.plan,
                           exact ? scanned_to_ : segment.plan.first_record(), end);
    while (true) {
      const std::uint64_t position = scanner.position();
      if (position >= limit_) return true;
      auto next = scanner.next();
      const bool is_damaged = !next || (!*next && scanner.position() != end);
      // First what is whole before it; the next call begins there and says so.
      if (is_damaged && !result_.entries.empty()) return false;
      SL_TRY(frame, std::move(next));
      if (is_damaged) return damaged_record(segment.plan, scanner.position());
      if (!frame) return true;
      if (position <= request_.after.get()) continue;
      if (!result_.entries.empty() && is_enough(*frame)) return false;
      SL_TRY_VOID(take(segment.plan, *frame));
      scanned_to_ = position;
      scanned_ += frame->header.frame_bytes();
      if (scanned_ >= request_.maximum_scanned) return false;
    }
  }

  [[nodiscard]] bool is_enough(const SegmentScanner::Frame& frame) const {
    return result_.entries.size() >= request_.maximum_messages ||
           bytes_ + frame.body.size() > request_.maximum_bytes;
  }

  Result<void> take(const SegmentPlan& plan, const SegmentScanner::Frame& frame) {
    if (frame.header.type != RecordType::Message) return {};
    model::Message message;
    if (!decode_message(frame.header, frame.body, message, nullptr)) {
      return damaged_record(plan, frame.header.position);
    }
    const bool wanted = std::ranges::any_of(request_.filters, [&](const std::string& filter) {
      return mqtt::matches(filter, message.topic);
    });
    if (!wanted) return {};
    const auto& body = kept_->bodies.emplace_back(frame.body);
    auto& copy = kept_->messages.emplace_back();
    if (!decode_message(frame.header, body, copy, nullptr)) {
      return damaged_record(plan, frame.header.position);
    }
    bytes_ += body.size();
    result_.entries.push_back({MessagePtr(kept_, &copy), 0});
    return {};
  }

  SegmentFiles& segments_;
  const ScanRequest& request_;
  const std::uint64_t durable_;
  const std::uint64_t limit_;  // nothing that begins here or behind it is of interest
  std::uint64_t scanned_to_;   // the record that was looked at last
  std::uint64_t scanned_ = 0;
  std::size_t bytes_ = 0;
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
  ReadResult result_;
};

// The time of a segment's first record, and nothing where there is none.
Result<std::optional<std::int64_t>> first_time(const SegmentFiles::Readable& segment) {
  SegmentScanner scanner(*segment.file, segment.plan, segment.plan.first_record(), segment.end);
  SL_TRY(frame, scanner.next());
  if (!frame) return std::nullopt;
  return milliseconds_of(frame->header.time_and_node);
}

}  // namespace

Result<ReadResult> scan_messages(SegmentFiles& segments, const ScanRequest& request,
                                 std::uint64_t durable) {
  return LogScan(segments, request, durable).run();
}

Result<std::uint64_t> find_time(SegmentFiles& segments, std::int64_t wall_ms, std::uint64_t end) {
  // Timestamps never fall: the last segment that begins earlier holds the place.
  const auto ranges = segments.ranges();
  std::size_t low = 0;
  std::size_t high = ranges.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    auto segment = segments.at_or_behind(ranges[middle].base);
    std::optional<std::int64_t> time;
    if (segment) {
      SL_TRY(first, first_time(*segment));
      time = first;
    } else if (segment.error().code != Errc::NotFound) {
      return tl::unexpected(std::move(segment).error());
    }
    if (time && *time < wall_ms) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return std::uint64_t{0};
  const auto segment = segments.at_or_behind(ranges[low - 1].base);
  if (!segment) return tl::unexpected(segment.error());
  const std::uint64_t limit = std::min(segment->end, end);
  std::uint64_t before = segment->plan.base;  // the record before
  SegmentScanner scanner(*segment->file, segment->plan, segment->plan.first_record(), limit);
  while (true) {
    const std::uint64_t position = scanner.position();
    SL_TRY(frame, scanner.next());
    if (!frame) {
      if (scanner.position() != limit) return damaged_record(segment->plan, scanner.position());
      return low == ranges.size() ? end : limit;
    }
    if (milliseconds_of(frame->header.time_and_node) >= wall_ms) return before;
    before = position;
  }
}

}  // namespace sluice::store::embedded
