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

std::optional<Truth> Condition::evaluate_within(std::uint64_t& steps, const model::Message& message,
                                                PayloadJson& payload) const {
  Evaluation evaluation(*program_, message, payload, nullptr, Budget(steps));
  const auto result = evaluation.run();
  steps = evaluation.steps_left();
  return result;
}

std::size_t Condition::bytes() const {
  const auto& program = *program_;
  auto bytes = sizeof(Program) + program.nodes.capacity() * sizeof(Node) +
               program.children.capacity() * sizeof(program.children[0]) +
               program.names.capacity() * sizeof(Name) +
               program.literals.capacity() * sizeof(Literal);
  for (const auto& name : program.names) {
    bytes += name.spelling.capacity() + name.property.capacity();
    bytes += name.path.capacity() * sizeof(PathStep);
    for (const auto& step : name.path)
      if (const auto* member = std::get_if<std::string>(&step)) bytes += member->capacity();
  }
  for (const auto& literal : program.literals) bytes += literal.text.capacity();
  return bytes;
}

bool Condition::reads_json() const {
  return std::ranges::find(program_->names, Attribute::PayloadPath, &Name::attribute) !=
         program_->names.end();
}

}  // namespace sluice::where
