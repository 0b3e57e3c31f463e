#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::connect::processing {

// What is wrong with a JSON Schema, and where in it (a JSON pointer).
struct SchemaFault {
  std::string pointer, detail;
};

// A JSON Schema of draft 4 or 7, read once and held against every payload. Never in the server
// itself: its patterns backtrack, and its references may go round in circles.
// docs/adr/0043-json-schema-check.md
//
// Threads: one.
class SchemaCheck {
 public:
  // `text` is the schema as JSON.
  [[nodiscard]] static Result<SchemaCheck, SchemaFault> compile(std::string_view text);
  SchemaCheck(SchemaCheck&& other) noexcept;
  SchemaCheck& operator=(SchemaCheck&& other) noexcept;
  ~SchemaCheck();

  // Empty: the payload is as it should be. Otherwise where in it what is wrong.
  [[nodiscard]] std::string fault_of(std::string_view payload);

 private:
  struct Compiled;
  explicit SchemaCheck(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace sluice::connect::processing
