#include "store/embedded/log_reader.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/crc32c.hpp"
#include "base/direct_file.hpp"
#include "store/embedded/record.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::uint64_t kMaximumChunk = 256 << 10;
constexpr std::uint64_t kMaximumGap = 32 << 10;  // cheaper to read than to leave out
constexpr std::uint64_t kGuess = 4 << 10;        // of a record whose length is not known
// From here on in whole blocks, which need not pass through the system's cache.
constexpr std::uint64_t kWorthBlocks = 32 << 10;

// A piece of the log with the messages found in it.
struct Chunk {
  std::uint64_t begin = 0;  // position
  AlignedMemory memory;
  std::size_t size = 0;
  std::vector<model::Message> messages;
};

// At least [begin, begin + size), as far as the segment holds it.
Result<std::shared_ptr<Chunk>> read_chunk(const SegmentFiles::Readable& segment,
                                          std::uint64_t begin, std::uint64_t size) {
  static constexpr std::uint64_t kBlock = DirectFile::kBlockBytes;
  const std::uint64_t base = segment.plan.base;
  const std::uint64_t end = std::min(begin + size, segment.end);
  const std::uint64_t block = size < kWorthBlocks ? 1 : kBlock;
  const std::uint64_t from = (begin - base) / block * block;
  const std::uint64_t to = (end - base + block - 1) / block * block;
  auto chunk = std::make_shared<Chunk>();
  chunk->begin = base + from;
  chunk->memory = DirectFile::allocate((to - from + kBlock - 1) / kBlock * kBlock);
  SL_TRY(got, segment.file->read_at(from, chunk->memory.get(), to - from));
  chunk->size = std::min(got, segment.end - chunk->begin);
  return chunk;
}

tl::unexpected<Error> damaged(const SegmentFiles::Readable& segment, std::uint64_t position) {
  return damaged_record(segment.plan, position);
}

// The header at `position`, if its bytes are in the chunk and whole.
std::optional<FrameHeader> header_in(const Chunk& chunk, std::uint64_t position,
                                     const SegmentPlan& plan) {
  const std::uint64_t at = position - chunk.begin;
  if (at + kFrameHeaderBytes > chunk.size) return std::nullopt;
  return decode_header(chunk.memory.get() + at, position, plan.seed);
}

bool holds(const Chunk& chunk, const FrameHeader& header) {
  return header.position - chunk.begin + header.frame_bytes() <= chunk.size;
}

// A sector that cannot be read is damage like any other, if the rest of the file can be read:
// otherwise the disk is away, and may come back.
Error judged(const SegmentFiles::Readable& segment, std::uint64_t position, Error error) {
  std::array<char, kSegmentHeaderBytes> bytes{};
  const auto got = segment.file->read_at(0, bytes.data(), bytes.size());
  if (!got) return error;
  const auto plan = decode_segment_header({bytes.data(), *got}, segment.plan.base);
  if (!plan || !*plan) return error;
  return damaged_record(segment.plan, position, error.detail).value();
}

// Where reading ahead failed: the one record alone, and not a byte more.
Result<std::shared_ptr<Chunk>> read_record(const SegmentFiles::Readable& segment,
                                           std::uint64_t position) {
  auto chunk = read_chunk(segment, position, kFrameHeaderBytes);
  if (chunk) {
    const auto header = header_in(**chunk, position, segment.plan);
    if (!header) return chunk;
    chunk = read_chunk(segment, position, header->frame_bytes());
  }
  if (!chunk) return tl::unexpected(judged(segment, position, std::move(chunk).error()));
  return chunk;
}

// Checks the record and adds its message to the chunk.
bool take_message(Chunk& chunk, const FrameHeader& header) {
  const std::string_view body(
      chunk.memory.get() + (header.position - chunk.begin) + kFrameHeaderBytes, header.body_length);
  if (crc32c(body) != header.body_crc) return false;
  return decode_message(header, body, chunk.messages.emplace_back(), nullptr);
}

// How much to read so that the wanted messages that lie close together come at once.
std::uint64_t chunk_bytes(std::span<const IndexEntry> wanted, std::uint64_t end) {
  const std::uint64_t begin = wanted.front().position;
  std::uint64_t last = begin;
  for (const IndexEntry& entry : wanted.subspan(1)) {
    if (entry.position >= end || entry.position - last > kMaximumGap) break;
    if (entry.position - begin > kMaximumChunk) break;
    last = entry.position;
  }
  return last - begin + kGuess;
}

}  // namespace

Result<MessagePtr> LogReader::message(std::span<const IndexEntry> wanted) {
  const std::uint64_t position = wanted.front().position;
  while (!ready_.empty() && ready_.front().position < position) ready_.pop_front();
  if (ready_.empty() || ready_.front().position != position) {
    ready_.clear();
    SL_TRY_VOID(load(wanted));
  }
  MessagePtr message = std::move(ready_.front().message);
  ready_.pop_front();
  return message;
}

Result<void> LogReader::load(std::span<const IndexEntry> wanted) {
  const std::uint64_t first = wanted.front().position;
  SL_TRY(segment, segments_.at(first));
  auto ahead = read_chunk(segment, first, chunk_bytes(wanted, segment.end));
  if (!ahead) ahead = read_record(segment, first);
  SL_TRY(chunk, std::move(ahead));
  const auto head = header_in(*chunk, first, segment.plan);
  if (!head || first + head->frame_bytes() > segment.end) return damaged(segment, first);
  if (!holds(*chunk, *head)) {
    SL_TRY(larger, read_record(segment, first));
    chunk = std::move(larger);
  }
  chunk->messages.reserve(wanted.size());
  for (const IndexEntry& entry : wanted) {
    if (entry.position >= segment.end) break;
    const auto header = header_in(*chunk, entry.position, segment.plan);
    if (!header || !holds(*chunk, *header)) break;
    if (!take_message(*chunk, *header)) break;
    ready_.push_back({entry.position, MessagePtr(chunk, &chunk->messages.back())});
  }
  if (ready_.empty()) return damaged(segment, first);
  return {};
}

Result<MessagePtr> read_message(SegmentFiles& segments, std::uint64_t position) {
  SL_TRY(segment, segments.at(position));
  if (position < segment.plan.first_record()) {
    return fail(Errc::NotFound, "no message at this position");
  }
  auto guessed = read_chunk(segment, position, kGuess);
  if (!guessed) guessed = read_record(segment, position);
  SL_TRY(chunk, std::move(guessed));
  const auto header = header_in(*chunk, position, segment.plan);
  if (!header || header->type != RecordType::Message) {
    return fail(Errc::NotFound, "no message at this position");
  }
  if (!holds(*chunk, *header)) {
    if (position + header->frame_bytes() > segment.end) return damaged(segment, position);
    SL_TRY(larger, read_chunk(segment, position, header->frame_bytes()));
    chunk = std::move(larger);
  }
  chunk->messages.reserve(1);
  if (!holds(*chunk, *header) || !take_message(*chunk, *header)) return damaged(segment, position);
  return MessagePtr(chunk, &chunk->messages.back());
}

}  // namespace sluice::store::embedded
