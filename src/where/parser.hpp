#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "where/lexer.hpp"
#include "where/program.hpp"

namespace sluice::where {

// Reads a condition once, from left to right, a function for each level of binding. Whatever the
// text, it ends with a program that is at most kDeepest deep, or with an error that says where and
// what was expected.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}
  [[nodiscard]] Result<Program, SyntaxError> parse();

 private:
  using Index = std::uint32_t;
  using Part = Result<Index, SyntaxError>;
  using Step = Result<void, SyntaxError>;
  using Parts = std::vector<Index>;

  [[nodiscard]] Part either();     // a OR b
  [[nodiscard]] Part both();       // a AND b
  [[nodiscard]] Part denied();     // NOT a
  [[nodiscard]] Part predicate();  // a = b, a IN (...), ...
  [[nodiscard]] Part test(Index what, bool is_negated);
  [[nodiscard]] Part is_null(Index what);
  [[nodiscard]] Part in(Index what, bool is_negated);
  [[nodiscard]] Part between(Index what, bool is_negated);
  [[nodiscard]] Part like(Index what, bool is_negated);
  [[nodiscard]] Part sum();
  [[nodiscard]] Part product();
  [[nodiscard]] Part signed_value();
  [[nodiscard]] Part value();
  [[nodiscard]] Part word();
  [[nodiscard]] Part choice();  // CASE ... END
  [[nodiscard]] Part call(Op op, std::size_t fewest, std::size_t most);
  [[nodiscard]] Part attribute();
  [[nodiscard]] Part payload();
  [[nodiscard]] Step path(Name& name);
  [[nodiscard]] Part property(std::string name, std::string spelling);
  [[nodiscard]] Part literal(Literal literal);
  [[nodiscard]] Step list(Parts& parts);
  [[nodiscard]] Step condition(Index part, std::size_t at) const;

  [[nodiscard]] Part add(Node node, const Parts& parts);
  [[nodiscard]] Part add_name(Name name);
  [[nodiscard]] Step advance();
  [[nodiscard]] bool at_word(std::string_view upper) const;
  [[nodiscard]] bool at_symbol(std::string_view symbol) const;
  [[nodiscard]] Result<bool, SyntaxError> take_word(std::string_view upper);
  [[nodiscard]] Result<bool, SyntaxError> take_symbol(std::string_view symbol);
  [[nodiscard]] Step need_word(std::string_view upper);
  [[nodiscard]] Step need_symbol(std::string_view symbol);
  [[nodiscard]] tl::unexpected<SyntaxError> expected(std::string what) const;

  Lexer lexer_;
  Token token_;  // the one that is looked at
  Program program_;
  unsigned depth_ = 0;  // of what is being read
};

}  // namespace sluice::where
