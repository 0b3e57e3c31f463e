#pragma once
#include <cstddef>

namespace sluice::connect::processing {

// Checked by a sanitizer everything takes many times as long.
#if defined(__has_feature) && (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
constexpr int kSlowness = 10;
#else
constexpr int kSlowness = 1;
#endif

// What one message may cost in the child. Processor time, not time on the clock: a busy machine
// rejects nothing.
constexpr int kTickMs = 25 * kSlowness;
constexpr unsigned kTicks = 4;                                 // for every message
constexpr std::size_t kBytesPerTick = std::size_t{64} * 1024;  // and one more for so much payload

// Getting ready may take as long as a payload of this size.
constexpr std::size_t kCompiledAs = std::size_t{1} << 20;

// Above what a child needs to begin with.
constexpr std::size_t kMemory = std::size_t{256} << 20;

// Of which nothing is used until something goes deep.
constexpr std::size_t kStack = std::size_t{256} << 20;

// A result may be as large as this, or twice its payload where that is more.
constexpr std::size_t kLargestResult = std::size_t{1} << 20;

}  // namespace sluice::connect::processing
