#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>

#include "base/file.hpp"

namespace sluice {

// A file whose writes go to the disk without a copy in the system's cache, for one who writes on
// and on and reads what is recent from memory of his own. The system wants such writes in whole
// blocks: they are put together here, the last block is filled up with zeros and written again with
// what follows it.
//
// Owns:    the files, one block, and during a write up to kStagingBytes.
// Threads: read_at() and size() from any; everything else from one.
// Fails:   as the file below does.
class DirectFile final : public File {
 public:
  static constexpr std::size_t kBlockBytes = 4096;
  static constexpr std::size_t kStagingBytes = 1 << 20;

  // `direct` takes whole blocks from aligned memory, or says InvalidArgument if its file system
  // cannot: then `plain`, which is the same file, is written as it is read.
  DirectFile(std::unique_ptr<File> direct, std::unique_ptr<File> plain);
  ~DirectFile() override;

  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) const override {
    return plain_->read_at(offset, into, size);
  }
  // Behind what is written the rest of a block of zeros may follow.
  Result<void> write_at(std::uint64_t offset, std::span<const iovec> parts) override;
  Result<void> sync() override { return plain_->sync(); }
  Result<void> truncate(std::uint64_t size) override;
  Result<std::uint64_t> size() const override { return plain_->size(); }

 private:
  struct Free {
    void operator()(char* memory) const;
  };
  using Aligned = std::unique_ptr<char[], Free>;
  [[nodiscard]] static Aligned allocate(std::size_t bytes);
  [[nodiscard]] Result<void> begin_block(std::uint64_t offset);
  void make_room(std::size_t bytes);
  [[nodiscard]] Result<void> write_blocks(std::uint64_t offset, std::size_t size);

  std::unique_ptr<File> direct_;  // none: not on this file system
  std::unique_ptr<File> plain_;
  Aligned block_;                   // the block that the last write ended in
  std::uint64_t end_ = UINT64_MAX;  // of the last write; its block's contents are in block_
  Aligned staging_;
  std::size_t capacity_ = 0;
};

}  // namespace sluice
