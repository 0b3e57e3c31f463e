#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::connect {

// Memory that is given out piece by piece and taken back all at once: what the records of one read
// are made of. Pieces never move.
//
// Threads: one at a time.
class Arena {
 public:
  [[nodiscard]] char* allocate(std::size_t size, std::size_t alignment = 1) {
    auto at = (used_ + alignment - 1) & ~(alignment - 1);
    if (current_ == nullptr || at + size > capacity_) {
      next_chunk(size + alignment);
      at = 0;
    }
    used_ = at + size;
    total_ += size;
    return current_ + at;
  }

  [[nodiscard]] std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    auto* at = allocate(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }

  // Trivial types only: nothing is destroyed.
  template <class T>
  [[nodiscard]] std::span<T> array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count == 0) return {};
    auto* at = reinterpret_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    std::uninitialized_value_construct_n(at, count);
    return {at, count};
  }

  // All pieces end. Keeps what the next use will want, but nothing unusually large.
  void reset() {
    std::erase_if(chunks_, [](const Chunk& chunk) { return chunk.size > kChunk; });
    if (chunks_.size() > kMostKept) chunks_.resize(kMostKept);
    next_ = 0;
    current_ = nullptr;
    capacity_ = 0;
    used_ = 0;
    total_ = 0;
  }

  [[nodiscard]] std::size_t bytes() const { return total_; }  // given out since the last reset

 private:
  static constexpr std::size_t kChunk = std::size_t{32} * 1024;
  static constexpr std::size_t kMostKept = 16;  // chunks
  struct Chunk {
    std::unique_ptr<char[]> memory;  // aligned for every fundamental type
    std::size_t size = 0;
  };

  void next_chunk(std::size_t at_least) {
    if (at_least > kChunk || next_ == chunks_.size()) {
      const auto size = at_least > kChunk ? at_least : kChunk;
      const auto at = chunks_.begin() + static_cast<std::ptrdiff_t>(next_);
      chunks_.insert(at, {std::make_unique_for_overwrite<char[]>(size), size});
    }
    current_ = chunks_[next_].memory.get();
    capacity_ = chunks_[next_].size;
    ++next_;
  }

  std::vector<Chunk> chunks_;
  std::size_t next_ = 0;  // chunks before it are in use
  char* current_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t total_ = 0;
};

}  // namespace sluice::connect
