#pragma once
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "where/like.hpp"
#include "where/program.hpp"

namespace sluice::where {

// One condition over one message.
class Evaluation {
 public:
  Evaluation(const Program& program, const model::Message& message, PayloadJson& payload,
             std::vector<std::string_view>* missing);
  Evaluation(const Program& program, const model::Message& message, PayloadJson& payload,
             std::vector<std::string_view>* missing, Budget budget)
      : program_(program),
        message_(message),
        payload_(payload),
        missing_(missing),
        budget_(budget) {}
  // Nothing when the budget is spent.
  [[nodiscard]] std::optional<Truth> run();
  [[nodiscard]] std::uint64_t steps_left() const { return budget_.left(); }

 private:
  [[nodiscard]] Value value(std::uint32_t index);
  [[nodiscard]] Truth truth(std::uint32_t index) { return truth_of(value(index)); }
  [[nodiscard]] std::uint32_t child(const Node& node, std::uint32_t which) const {
    return program_.children[node.first + which];
  }
  [[nodiscard]] Value named(const Name& name);
  [[nodiscard]] Value attribute(const Name& name);
  [[nodiscard]] Truth all(const Node& node);
  [[nodiscard]] Truth any(const Node& node);
  [[nodiscard]] Truth compared(const Node& node);
  [[nodiscard]] Truth equal(const Value& left, const Value& right);
  [[nodiscard]] Truth in(const Node& node);
  [[nodiscard]] Truth between(const Node& node);
  [[nodiscard]] Truth like(const Node& node);
  [[nodiscard]] Value choice(const Node& node);
  [[nodiscard]] Value choice_of(const Node& node);
  [[nodiscard]] Value coalesce(const Node& node);
  [[nodiscard]] Value function(const Node& node);
  [[nodiscard]] Value changed_case(const Node& node, bool to_upper);
  [[nodiscard]] Value length(const Value& of);

  const Program& program_;
  const model::Message& message_;
  PayloadJson& payload_;
  std::vector<std::string_view>* missing_;
  Budget budget_;
  std::forward_list<std::string> made_;  // texts that stand nowhere else
};

}  // namespace sluice::where
