// WHERE: a condition over one message, in the words of SQL. interface.md §6 is the contract.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/message.hpp"
#include "where/payload_json.hpp"

namespace sluice::where {

enum class Truth : std::uint8_t { False, True, Unknown };
[[nodiscard]] std::string_view name_of(Truth truth);

struct SyntaxError {
  std::size_t line = 1;    // from 1
  std::size_t column = 1;  // from 1, in characters
  std::string expected;    // "a name or a value"

  [[nodiscard]] std::string text() const;
};

struct Program;

// Compiled once, evaluated for every message. Copies share what was compiled.
//
// Threads: immutable; evaluate() from any thread with its own PayloadJson.
class Condition {
 public:
  [[nodiscard]] static Result<Condition, SyntaxError> compile(std::string_view text);

  // What it comes to for the message, whose payload is the one in `payload`. Nothing when that
  // would take more work than a message may cost: patterns and texts can be made to take long. The
  // names that this message has no value for are added to `missing`, as they are written; they live
  // as long as the condition.
  [[nodiscard]] std::optional<Truth> evaluate(
      const model::Message& message, PayloadJson& payload,
      std::vector<std::string_view>* missing = nullptr) const;
  // The same for who has less time: so many steps of a few nanoseconds, however large the message
  // is; `steps` becomes what is left of them. Parsing the payload does not count.
  [[nodiscard]] std::optional<Truth> evaluate_within(std::uint64_t& steps,
                                                     const model::Message& message,
                                                     PayloadJson& payload) const;
  // What it takes in memory, compiled, about.
  [[nodiscard]] std::size_t bytes() const;
  // Whether a name in it leads into the payload as JSON.
  [[nodiscard]] bool reads_json() const;

  static constexpr std::size_t kLongest = 16384;  // bytes of text
  static constexpr unsigned kDeepest = 64;        // of parts within parts

 private:
  explicit Condition(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace sluice::where
