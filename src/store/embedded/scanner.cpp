#include "store/embedded/scanner.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "store/embedded/bytes.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::size_t kWindowBytes = 1 << 20;

// Are twice a header's bytes all zero?
bool is_zero(const char* at) {
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < 2 * kFrameHeaderBytes; i += 8) any |= load_le<std::uint64_t>(at + i);
  return any == 0;
}

}  // namespace

SegmentScanner::SegmentScanner(const File& file, const SegmentPlan& plan, std::uint64_t from,
                               std::uint64_t limit)
    : file_(file), plan_(plan), position_(from), limit_(limit) {}

Result<std::optional<SegmentScanner::Frame>> SegmentScanner::next() {
  if (position_ >= limit_ || limit_ - position_ < kFrameHeaderBytes) return std::nullopt;
  SL_TRY(head, bytes_at(position_, kFrameHeaderBytes));
  if (head.size() < kFrameHeaderBytes) return std::nullopt;
  const char* const at = head.data();
  const auto header = decode_header(at, position_, plan_.seed);
  if (!header || header->frame_bytes() > limit_ - position_) return std::nullopt;
  SL_TRY(frame, bytes_at(position_, header->frame_bytes()));
  if (frame.size() < header->frame_bytes()) return std::nullopt;
  const std::string_view body = frame.substr(kFrameHeaderBytes);
  if (crc32c(body) != header->body_crc) return std::nullopt;
  position_ += header->frame_bytes();
  return Frame{*header, body, frame};
}

Result<std::string_view> SegmentScanner::bytes_at(std::uint64_t position, std::size_t size) {
  const bool inside = position >= window_begin_ && position - window_begin_ + size <= window_bytes_;
  if (!inside) {
    // Grown only to what the file really holds: a damaged length takes no memory.
    SL_TRY(file_bytes, file_.size());
    const std::uint64_t offset = position - plan_.base;
    const std::uint64_t left = offset < file_bytes ? file_bytes - offset : 0;
    const std::size_t wanted = std::min<std::uint64_t>(std::max(size, kWindowBytes), left);
    if (window_.size() < wanted) window_.resize(wanted);
    auto read = file_.read_at(offset, window_.data(), wanted);
    // What lies ahead may be a bad sector: whoever asks for what is before it gets that.
    if (!read && size < wanted) read = file_.read_at(offset, window_.data(), size);
    SL_TRY(got, std::move(read));
    window_begin_ = position;
    window_bytes_ = got;
  }
  const std::size_t at = position - window_begin_;
  return std::string_view(window_.data() + at, std::min(size, window_bytes_ - at));
}

Result<Remains> search_remains(const File& file, const SegmentPlan& plan, std::uint64_t from) {
  constexpr std::size_t kNeeded = kFrameHeaderBytes + kBatchBodyBytes;
  Remains remains;
  std::vector<char> window(kWindowBytes);
  for (std::uint64_t position = from;;) {
    SL_TRY(got, file.read_at(position - plan.base, window.data(), window.size()));
    for (std::size_t at = 0; at < got; ++at) {
      // In so many zeros no header begins: a position is never 0.
      while (at + 2 * kFrameHeaderBytes <= got && is_zero(window.data() + at)) {
        at += kFrameHeaderBytes;
      }
      if (window[at] != 0) remains.end = position + at + 1;
      if (at + kNeeded > got) continue;
      const auto header = decode_header(window.data() + at, position + at, plan.seed);
      if (!header || header->type != RecordType::Batch) continue;
      const std::string_view body(window.data() + at + kFrameHeaderBytes, kBatchBodyBytes);
      if (header->body_length != kBatchBodyBytes || crc32c(body) != header->body_crc) continue;
      const auto batch = decode_batch_body(body);
      if (batch) remains.proven_end = std::max(remains.proven_end, batch->proven_end);
    }
    if (got < window.size()) return remains;
    // A frame may straddle two windows.
    position += got - (kNeeded - 1);
  }
}

}  // namespace sluice::store::embedded
