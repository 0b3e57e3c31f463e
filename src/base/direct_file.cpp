#include "base/direct_file.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/out_of_memory.hpp"

namespace sluice {
namespace {

std::size_t inside_block(std::uint64_t offset) {
  return static_cast<std::size_t>(offset % DirectFile::kBlockBytes);
}

std::size_t whole_blocks(std::size_t bytes) {
  return (bytes + DirectFile::kBlockBytes - 1) / DirectFile::kBlockBytes * DirectFile::kBlockBytes;
}

// Copies `count` bytes out of the parts, from `inside` the first one on, and steps over them.
void take(std::span<const iovec>& parts, std::size_t& inside, char* into, std::size_t count) {
  while (count > 0) {
    const std::size_t here = std::min(parts[0].iov_len - inside, count);
    if (here > 0) std::memcpy(into, static_cast<const char*>(parts[0].iov_base) + inside, here);
    into += here;
    count -= here;
    inside += here;
    if (inside < parts[0].iov_len) continue;
    inside = 0;
    parts = parts.subspan(1);
  }
}

bool is_aligned(const void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory) % DirectFile::kBlockBytes == 0;
}

bool are_whole_blocks(std::uint64_t offset, std::span<const iovec> parts) {
  return inside_block(offset) == 0 && std::ranges::all_of(parts, [](const iovec& part) {
           return is_aligned(part.iov_base) && part.iov_len % DirectFile::kBlockBytes == 0;
         });
}

}  // namespace

void FreeAligned::operator()(char* memory) const {
  std::free(memory);
}

AlignedMemory DirectFile::allocate(std::size_t bytes) {
  AlignedMemory memory(static_cast<char*>(std::aligned_alloc(kBlockBytes, bytes)));
  if (!memory) end_for_want_of_memory();
  return memory;
}

DirectFile::DirectFile(std::unique_ptr<File> direct, std::unique_ptr<File> plain)
    : direct_(std::move(direct)), plain_(std::move(plain)), block_(allocate(kBlockBytes)) {}

DirectFile::~DirectFile() = default;

Result<std::size_t> DirectFile::read_at(std::uint64_t offset, char* into, std::size_t size) const {
  const bool is_whole = inside_block(offset) == 0 && size % kBlockBytes == 0 && is_aligned(into);
  if (is_whole && !refuses_.load(std::memory_order_relaxed)) {
    auto got = direct_->read_at(offset, into, size);
    // Refused also where the file ends inside a block: then it is no matter of the file system.
    if (got || got.error().code != Errc::InvalidArgument) return got;
  }
  return plain_->read_at(offset, into, size);
}

Result<void> DirectFile::write_at(std::uint64_t offset, std::span<const iovec> parts) {
  if (are_whole_blocks(offset, parts)) {
    end_ = UINT64_MAX;
    return write_blocks(offset, parts);
  }
  std::size_t left = 0;
  for (const auto& part : parts) left += part.iov_len;
  make_room(inside_block(offset) + left);
  SL_TRY_VOID(begin_block(offset));
  std::size_t filled = inside_block(offset);
  std::size_t inside_part = 0;
  while (left > 0) {
    const std::size_t count = std::min(left, capacity_ - filled);
    take(parts, inside_part, staging_.get() + filled, count);
    filled += count;
    left -= count;
    const std::size_t size = whole_blocks(filled);
    std::memset(staging_.get() + filled, 0, size - filled);
    const std::uint64_t begin = offset - inside_block(offset);
    SL_TRY_VOID(write_blocks(begin, std::array<iovec, 1>{iovec{staging_.get(), size}}));
    // What comes next, now or in another call, goes on in the last block.
    offset = end_ = begin + filled;
    const std::size_t rest = inside_block(offset);
    std::memcpy(block_.get(), staging_.get() + filled - rest, rest);
    std::memcpy(staging_.get(), block_.get(), rest);
    filled = rest;
  }
  return {};
}

Result<void> DirectFile::write_blocks(std::uint64_t offset, std::span<const iovec> parts) {
  if (!refuses_.load(std::memory_order_relaxed)) {
    auto written = direct_->write_at(offset, parts);
    if (written || written.error().code != Errc::InvalidArgument) return written;
    refuses_.store(true, std::memory_order_relaxed);
  }
  return plain_->write_at(offset, parts);
}

void DirectFile::make_room(std::size_t bytes) {
  const std::size_t wanted = std::min(whole_blocks(bytes), kStagingBytes);
  if (capacity_ >= wanted) return;
  staging_ = allocate(wanted);
  capacity_ = wanted;
}

// What stands before `offset` in its block goes to the front of the staging memory.
Result<void> DirectFile::begin_block(std::uint64_t offset) {
  const std::size_t before = inside_block(offset);
  if (before == 0) return {};
  if (offset != end_) {
    end_ = UINT64_MAX;
    SL_TRY(got, plain_->read_at(offset - before, block_.get(), before));
    std::memset(block_.get() + got, 0, before - got);
    end_ = offset;
  }
  std::memcpy(staging_.get(), block_.get(), before);
  return {};
}

Result<void> DirectFile::truncate(std::uint64_t size) {
  end_ = UINT64_MAX;
  return plain_->truncate(size);
}

}  // namespace sluice
