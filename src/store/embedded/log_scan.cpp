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

// So many blocks are asked for their topics in one call: 8 GiB of log.
constexpr std::size_t kMostBlocks = 8192;

class LogScan {
 public:
  LogScan(SegmentFiles& segments, const TopicIndex& index, const View& view,
          const ScanRequest& request, std::uint64_t durable)
      : segments_(segments),
        index_(index),
        topics_(view.topics()),
        request_(request),
        question_(request.filters),
        durable_(durable),
        limit_(std::min(request.before.get(), durable)),
        scanned_to_(request.after.get()) {}

  Result<ReadResult> run() {
    if (scanned_to_ < limit_) {
      const auto blocks = index_.blocks({scanned_to_ + 1, limit_, {}, {}}, false, kMostBlocks);
      for (const auto& candidate : blocks) {
        SL_TRY(wanted, may_hold(candidate));
        if (wanted) {
          SL_TRY(done, scan_block(candidate.block));
          if (!done) return stopped();
        }
        // Nothing begins there: the next block is found from it.
        scanned_to_ = std::max(scanned_to_, std::min(candidate.block.end, limit_) - 1);
      }
      if (blocks.size() >= kMostBlocks) return stopped();
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

  Result<bool> may_hold(const TopicIndex::Candidate& candidate) {
    if (candidate.is_open) return true;
    if (candidate.topics) return question_.may_match(*candidate.topics, candidate.block.begin);
    SL_TRY(found, topics_.of(candidate.block.begin));
    return !found || question_.may_match(*found, candidate.block.begin);
  }

  // False: the call's share is done.
  Result<bool> scan_block(const TopicBlock& block) {
    auto found = segments_.at(block.begin);
    if (!found && found.error().code == Errc::NotFound) return true;  // deleted meanwhile
    SL_TRY(segment, std::move(found));
    const std::uint64_t end = std::min({block.end, segment.end, durable_});
    SL_TRY(exact, begins_record(segment, scanned_to_));
    SegmentScanner scanner(*segment.file, segment.plan,
                           exact && scanned_to_ > block.begin ? scanned_to_ : block.begin, end);
    while (true) {
      const std::uint64_t position = scanner.position();
      if (position >= limit_) return true;
      auto next = scanner.next();
      const bool is_damaged = !next || (!*next && scanner.position() < end);
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
  const TopicIndex& index_;
  View::Topics topics_;
  const ScanRequest& request_;
  const TopicQuestion question_;
  const std::uint64_t durable_;
  const std::uint64_t limit_;  // nothing that begins here or behind it is of interest
  std::uint64_t scanned_to_;   // the record that was looked at last
  std::uint64_t scanned_ = 0;
  std::size_t bytes_ = 0;
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
  ReadResult result_;
};

}  // namespace

Result<ReadResult> scan_messages(SegmentFiles& segments, const TopicIndex& index, const View& view,
                                 const ScanRequest& request, std::uint64_t durable) {
  return LogScan(segments, index, view, request, durable).run();
}

Result<std::uint64_t> find_time(SegmentFiles& segments, const TopicIndex& index,
                                std::int64_t wall_ms, std::uint64_t end) {
  // The last block that begins earlier holds the place, or it lies before the one behind it.
  const auto blocks = index.blocks({0, end, wall_ms, {}}, false, 2);
  if (blocks.empty()) return end;
  // Of two that both begin earlier the second one is still written.
  const bool in_second = blocks.size() > 1 && blocks[1].block.first_ms < wall_ms;
  const TopicBlock& block = blocks[in_second ? 1 : 0].block;
  const bool is_last = in_second || blocks.size() == 1;
  const auto segment = segments.at(block.begin);
  if (!segment) return tl::unexpected(segment.error());
  const std::uint64_t limit = std::min({block.end, segment->end, end});
  std::uint64_t before = block.begin - 1;
  SegmentScanner scanner(*segment->file, segment->plan, block.begin, limit);
  while (true) {
    const std::uint64_t position = scanner.position();
    SL_TRY(frame, scanner.next());
    if (!frame) {
      if (scanner.position() < limit) return damaged_record(segment->plan, scanner.position());
      return is_last ? end : before;
    }
    if (milliseconds_of(frame->header.time_and_node) >= wall_ms) return before;
    before = position;
  }
}

}  // namespace sluice::store::embedded
