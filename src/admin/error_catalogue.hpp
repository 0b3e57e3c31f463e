#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sluice::admin {

// A `code` of problem JSON, as programs decide on it.
struct ErrorKind {
  std::string_view code;
  unsigned status = 500;
  std::string_view meaning;
};

// Every code that REST can answer, by code.
[[nodiscard]] const std::vector<ErrorKind>& error_catalogue();

// The reference page of the codes.
[[nodiscard]] std::string error_catalogue_markdown();

}  // namespace sluice::admin
