#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect/letter_copy.hpp"
#include "connect/record_mapper.hpp"
#include "connect/saved_letter.hpp"

namespace sluice::connect {

// Makes the record of a dead letter's copy: the message's bytes, its properties as a record has
// them (interface.md §5), and before them what the letter says, under `dead_letter.` names.
//
// Threads: one at a time; `copy` outlives it.
class LetterRecord {
 public:
  struct Names {
    std::string task;  // its name
    std::string node, worker;
    std::string origin;  // noted in what goes out, so that it does not come back to the task
  };
  LetterRecord(const LetterCopy& copy, Names names);

  // Views into the letter and the arena. Fails with the reason, for a person.
  [[nodiscard]] Result<Record, std::string> make(const SavedLetter& letter, Arena& arena,
                                                 std::int64_t now_ms);

 private:
  void add(std::string_view name, std::string_view value) {
    if (!value.empty()) headers_.emplace_back(name, value);
  }
  void add_letter(const SavedLetter& letter, Arena& arena);

  const std::string task_;
  Mapping mapping_;
  RecordMapper mapper_;  // after what it points at
  std::vector<std::pair<std::string_view, std::string_view>> headers_;
};

}  // namespace sluice::connect
