// CRC-32C (Castagnoli): what guards every byte of the log. Uses the processor's instruction where
// there is one, chosen once at start; both ways give the same numbers.
#pragma once
#include <cstdint>
#include <string_view>

namespace sluice {

// `before` is the checksum of the bytes that stand before these, 0 for none. Thread-safe.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

// The table-driven way, for processors without the instruction.
[[nodiscard]] std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before = 0);

}  // namespace sluice
