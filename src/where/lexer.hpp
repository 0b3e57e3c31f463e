#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "where/condition.hpp"
#include "where/value.hpp"

namespace sluice::where {

struct Token {
  enum class Kind : std::uint8_t {
    End,
    Word,       // a name or a word of the language
    Attribute,  // $name
    Quoted,     // "a name"
    Text,       // 'text'
    Number,
    Symbol,  // = != <> <= >= < > + - * / % ( ) , . [ ]
  };
  Kind kind = Kind::End;
  std::string_view spelling;  // as written
  std::string text;           // of Quoted and Text, without the quotes
  Value number;
  std::size_t at = 0;  // where it begins, in bytes
};

// Cuts the text of a condition into tokens, one at a time.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  [[nodiscard]] Result<Token, SyntaxError> next();
  [[nodiscard]] SyntaxError error(std::size_t at, std::string expected) const;

 private:
  [[nodiscard]] Result<void, SyntaxError> quoted(Token& token);
  void number(Token& token);

  std::string_view text_;
  std::size_t at_ = 0;
};

[[nodiscard]] bool is_same_word(std::string_view text, std::string_view upper);

}  // namespace sluice::where
