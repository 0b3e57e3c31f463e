#include "where/condition.hpp"

#include <algorithm>

#include "where/evaluation.hpp"
#include "where/parser.hpp"

namespace sluice::where {

std::string_view name_of(Truth truth) {
  switch (truth) {
    case Truth::False:
      return "false";
    case Truth::True:
      return "true";
    case Truth::Unknown:
      return "unknown";
  }
  return "unknown";
}

std::string SyntaxError::text() const {
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": expected " +
         expected;
}

Result<Condition, SyntaxError> Condition::compile(std::string_view text) {
  if (text.size() > kLongest)
    return tl::unexpected(SyntaxError{.expected = "a condition of at most 16384 bytes"});
  auto program = Parser(text).parse();
  if (!program) return tl::unexpected(std::move(program).error());
  return Condition(std::make_shared<const Program>(std::move(*program)));
}

std::optional<Truth> Condition::evaluate(const model::Message& message, PayloadJson& payload,
                                         std::vector<std::string_view>* missing) const {
  return Evaluation(*program_, message, payload, missing).run();
}

std::optional<Truth> Condition::evaluate_within(std::uint64_t steps, const model::Message& message,
                                                PayloadJson& payload) const {
  return Evaluation(*program_, message, payload, nullptr, Budget(steps)).run();
}

bool Condition::reads_json() const {
  return std::ranges::find(program_->names, Attribute::PayloadPath, &Name::attribute) !=
         program_->names.end();
}

}  // namespace sluice::where
