#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>

#include "base/file.hpp"

namespace sluice {

// Memory that begins where a block may begin.
struct FreeAligned {
  void operator()(char* memory) const;
};
using AlignedMemory = std::unique_ptr<char[], FreeAligned>;

// A file whose transfers go between disk and our memory without a copy in the system's cache, for
// one who writes on and on and reads what is recent from memory of his own. The system wants whole
// blocks in aligned memory. What is written in other pieces is put together here: the last block is
// filled up with zeros and written again with what follows it. What is read in other pieces is read
// through the system's cache.
//
// Owns:    the files, one block, and for writes up to kStagingBytes.
// Threads: read_at() and size() from any; everything else from one.
// Fails:   as the file below does.
class DirectFile final : public File {
 public:
  static constexpr std::size_t kBlockBytes = 4096;
  static constexpr std::size_t kStagingBytes = 1 << 20;

  // `bytes` is a multiple of kBlockBytes.
  [[nodiscard]] static AlignedMemory allocate(std::size_t bytes);

  // `direct` takes whole blocks from aligned memory, or says InvalidArgument if its file system
  // cannot: then `plain`, which is the same file, is written as it is read.
  DirectFile(std::unique_ptr<File> direct, std::unique_ptr<File> plain);
  ~DirectFile() override;

  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) const override;
  // Behind what is written the rest of a block of zeros may follow.
  Result<void> write_at(std::uint64_t offset, std::span<const iovec> parts) override;
  Result<void> sync() override { return plain_->sync(); }
  Result<void> truncate(std::uint64_t size) override;
  Result<std::uint64_t> size() const override { return plain_->size(); }

 private:
  [[nodiscard]] Result<void> begin_block(std::uint64_t offset);
  void make_room(std::size_t bytes);
  [[nodiscard]] Result<void> write_blocks(std::uint64_t offset, std::span<const iovec> parts);

  std::unique_ptr<File> direct_;
  std::unique_ptr<File> plain_;
  mutable std::atomic<bool> refuses_{false};  // the file system takes no direct transfer
  AlignedMemory block_;                       // the block that the last write ended in
  std::uint64_t end_ = UINT64_MAX;  // of the last write; its block's contents are in block_
  AlignedMemory staging_;
  std::size_t capacity_ = 0;
};

}  // namespace sluice
