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
  std::string error;  // its class, as name_of(LetterClass) has it
  std::string reason;
  std::string target;  // the mapped topic; empty when the mapping failed
  std::string timestamp, first_rejected_at, rejected_at;  // RFC 3339
  unsigned attempts = 0;
};

// Errors: Corrupt.
[[nodiscard]] Result<std::unique_ptr<SavedLetter>> decode_letter(std::string_view saved);

// A key of a source's record that is no text is kept as text: SourceWorker::make_letter_of(). The
// key again, in `memory`.
void restore_key(model::Message& message, std::string& memory);

}  // namespace sluice::connect
