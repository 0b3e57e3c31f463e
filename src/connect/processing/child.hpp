#pragma once
#include <optional>

namespace sluice::connect::processing {

// How a Processor calls the program that it is part of.
inline constexpr const char* kChildName = "sluice-processing";
constexpr int kChildChannel = 3;  // the descriptor over which they talk

// The first thing in main(): when this process was started to process messages, does so until
// nobody wants it any more, and returns how to exit. Otherwise nothing, and main() goes on.
[[nodiscard]] std::optional<int> serve_as_child(int argc, const char* const* argv);

}  // namespace sluice::connect::processing
