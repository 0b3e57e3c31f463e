#pragma once
#include <utility>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

namespace sluice {

// A value that several share and nobody changes. One pointer, and four bytes beside the value: half
// of what a std::shared_ptr and its block need, which counts where there are millions.
//
// Threads: any; one SharedValue by one at a time.
template <class T>
class SharedValue {
 public:
  explicit SharedValue(T&& value) : block_(new Block(std::move(value))) {}

  [[nodiscard]] const T& operator*() const { return block_->value; }
  [[nodiscard]] const T* operator->() const { return &block_->value; }

 private:
  struct Block : boost::intrusive_ref_counter<Block, boost::thread_safe_counter> {
    explicit Block(T&& from) : value(std::move(from)) {}
    const T value;
  };
  boost::intrusive_ptr<const Block> block_;  // null once moved from
};

}  // namespace sluice
