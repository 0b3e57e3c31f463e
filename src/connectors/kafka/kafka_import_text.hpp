// What imports of every format need of texts.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::connectors::kafka {

inline constexpr std::size_t kLongestTitle = 256;
inline constexpr std::size_t kLongestDescription = 128;

// The name of an entity that is nearest to a title: other characters become `-`.
[[nodiscard]] std::string imported_name(std::string_view title);
// Whole characters of UTF-8, at most so many bytes.
[[nodiscard]] std::string shortened(std::string text, std::size_t most);

}  // namespace sluice::connectors::kafka
