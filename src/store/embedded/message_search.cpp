#include "store/embedded/message_search.hpp"

#include <algorithm>
#include <deque>

#include "mqtt/topic.hpp"
#include "store/embedded/record.hpp"
#include "store/embedded/scanner.hpp"

namespace sluice::store::embedded {
namespace {

// So many blocks are asked for their topics in one call: 8 GiB of log.
constexpr std::size_t kMostBlocksSearched = 8192;

// A copy, so that a message keeps nothing alive but itself.
struct KeptMessage {
  std::string body;
  model::Message message;
};
using KeptMessagePtr = std::shared_ptr<const KeptMessage>;

// One call.
class MessageSearch {
 public:
  MessageSearch(SegmentFiles& segments, const TopicIndex& index, const View& view, Damages& damages,
                const FindRequest& request, std::uint64_t durable)
      : segments_(segments),
        index_(index),
        view_(view),
        damages_(damages),
        request_(request),
        question_(request.filter),
        after_(request.newest_first ? 0 : request.beyond.get()),
        durable_(durable),
        before_(durable) {
    if (request.newest_first && request.beyond != Position()) {
      before_ = std::min(before_, request.beyond.get());
    }
  }

  Result<FindResult> run() {
    const bool newest_first = request_.newest_first;
    result_.next = request_.beyond;
    // Positions behind `after_` and before `before_`.
    const TopicIndex::Range range{after_ + 1, before_, request_.from_ms, request_.before_ms};
    const auto blocks = index_.blocks(range, newest_first, kMostBlocksSearched);
    auto topics = view_.topics();
    for (const auto& candidate : blocks) {
      const TopicBlock& block = candidate.block;
      SL_TRY(may_match, may_hold(candidate, topics));
      if (may_match) {
        if (is_done_with(block)) return std::move(result_);
        SL_TRY(all, scan(block));
        if (!all) return std::move(result_);
      }
      result_.next = Position(newest_first ? block.begin : block.end - 1);
    }
    result_.at_end = blocks.size() < kMostBlocksSearched;
    return std::move(result_);
  }

 private:
  // The page is full, or this call has read its share.
  [[nodiscard]] bool is_done_with(const TopicBlock& next) const {
    if (result_.messages.size() >= request_.maximum_messages) return true;
    const std::uint64_t scanned = result_.scanned_bytes + (next.end - next.begin);
    return result_.scanned_bytes > 0 && scanned > request_.maximum_scanned;
  }

  Result<bool> may_hold(const TopicIndex::Candidate& candidate, View::Topics& topics) const {
    if (candidate.is_open) return true;
    if (candidate.topics) return question_.may_match(*candidate.topics, candidate.block.begin);
    SL_TRY(found, topics.of(candidate.block.begin));
    return !found || question_.may_match(*found, candidate.block.begin);
  }

  // False: the page is full, and `next` says where to go on.
  Result<bool> scan(const TopicBlock& block) {
    auto segment = segments_.at(block.begin);
    if (!segment && segment.error().code == Errc::NotFound) return true;  // deleted meanwhile
    if (!segment) return tl::unexpected(std::move(segment).error());
    result_.scanned_bytes += block.end - block.begin;
    collect(*segment, block.begin, std::min({block.end, durable_, segment->end}));
    return hand_over(block);
  }

  // The block's messages that are wanted, into `found_`: of newest first no more than can be given.
  void collect(const SegmentFiles::Readable& segment, std::uint64_t begin, std::uint64_t end) {
    found_.clear();
    found_bytes_ = 0;
    is_cut_ = false;
    SegmentScanner scanner(*segment.file, segment.plan, begin, end);
    while (true) {
      const auto frame = scanner.next();
      const bool is_damaged = !frame || (!*frame && scanner.position() < end);
      if (is_damaged) note_damage(segment, scanner.position());
      if (is_damaged || !*frame || !look_at(segment, **frame)) return;
    }
  }

  // False: nothing behind it is wanted of this block.
  bool look_at(const SegmentFiles::Readable& segment, const SegmentScanner::Frame& frame) {
    const FrameHeader& header = frame.header;
    if (header.position >= before_) return false;
    if (header.type != RecordType::Message || header.position <= after_) return true;
    const std::int64_t time_ms = milliseconds_of(header.time_and_node);
    if (request_.from_ms && time_ms < *request_.from_ms) return true;
    if (request_.before_ms && time_ms >= *request_.before_ms) return false;
    if (!request_.newest_first && is_enough(frame.body.size())) {
      is_cut_ = true;
      return false;
    }
    model::Message message;
    if (!decode_message(header, frame.body, message, nullptr)) {
      note_damage(segment, header.position);
      return true;
    }
    if (request_.filter.empty() || mqtt::matches(request_.filter, message.topic)) {
      take(header, frame.body);
    }
    return true;
  }

  void note_damage(const SegmentFiles::Readable& segment, std::uint64_t position) {
    result_.damaged.emplace_back(position);
    damages_.note(damaged_record(segment.plan, position).value());
  }

  void take(const FrameHeader& header, std::string_view body) {
    auto kept = std::make_shared<KeptMessage>();
    kept->body = body;
    static_cast<void>(decode_message(header, kept->body, kept->message, nullptr));
    found_bytes_ += body.size();
    found_.push_back(std::move(kept));
    while (request_.newest_first && found_.size() > 1 && is_too_much()) {
      found_bytes_ -= found_.front()->body.size();
      found_.pop_front();
      is_cut_ = true;
    }
  }

  // One message more would be too many.
  [[nodiscard]] bool is_enough(std::size_t bytes) const {
    const std::size_t count = result_.messages.size() + found_.size();
    return count >= request_.maximum_messages ||
           (count > 0 && given_bytes_ + found_bytes_ + bytes > request_.maximum_bytes);
  }
  [[nodiscard]] bool is_too_much() const {
    return result_.messages.size() + found_.size() > request_.maximum_messages ||
           given_bytes_ + found_bytes_ > request_.maximum_bytes;
  }

  Result<bool> hand_over(const TopicBlock& block) {
    if (request_.newest_first) {
      // The one that is always kept may be one too many of a page that holds some.
      if (found_.size() == 1 && !result_.messages.empty() && is_too_much()) {
        found_.clear();
        result_.next = Position(block.end);
        return false;
      }
      std::ranges::reverse(found_);
    }
    for (auto& kept : found_) {
      result_.next = kept->message.position();
      const model::Message* message = &kept->message;
      result_.messages.emplace_back(std::move(kept), message);
    }
    given_bytes_ += found_bytes_;
    return !is_cut_;
  }

  SegmentFiles& segments_;
  const TopicIndex& index_;
  const View& view_;
  Damages& damages_;
  const FindRequest& request_;
  const TopicQuestion question_;
  const std::uint64_t after_;
  const std::uint64_t durable_;
  std::uint64_t before_;
  std::deque<KeptMessagePtr> found_;
  std::size_t found_bytes_ = 0;
  std::size_t given_bytes_ = 0;
  bool is_cut_ = false;
  FindResult result_;
};

}  // namespace

Result<FindResult> find_messages(SegmentFiles& segments, const TopicIndex& index, const View& view,
                                 Damages& damages, const FindRequest& request,
                                 std::uint64_t durable) {
  return MessageSearch(segments, index, view, damages, request, durable).run();
}

}  // namespace sluice::store::embedded
