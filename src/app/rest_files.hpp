// What is sent over REST, from files and standard input.
#pragma once
#include <cstddef>
#include <string>

#include <boost/json/object.hpp>

#include "base/result.hpp"

namespace sluice::app {

// Bytes of a document; the server takes no more either.
inline constexpr std::size_t kLargestDocument = 1024 * 1024;

// `-` is standard input. Errors: NotFound, InvalidArgument (longer than `limit` bytes).
[[nodiscard]] Result<std::string> read_text(const std::string& path, std::size_t limit);
// A JSON object without a name that stands in it twice. Errors: also InvalidArgument, with line and
// column of what cannot be read.
[[nodiscard]] Result<boost::json::object> read_document(const std::string& path);

}  // namespace sluice::app
