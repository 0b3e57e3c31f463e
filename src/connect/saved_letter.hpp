#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/message.hpp"

namespace sluice::connect {

// A dead letter read back: the message as it was received, with the memory it stands in.
struct SavedLetter {
  model::Message message;  // points into `memory`
  std::string memory;
  std::string reason;
  unsigned attempts = 0;
};

// Errors: Corrupt.
[[nodiscard]] Result<std::unique_ptr<SavedLetter>> decode_letter(std::string_view saved);

}  // namespace sluice::connect
