#include "where/lexer.hpp"

#include <array>

#include "base/ascii.hpp"

namespace sluice::where {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

constexpr std::array<std::string_view, 18> kSymbols = {
    "!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", ".", "[", "]"};

}  // namespace

bool is_same_word(std::string_view text, std::string_view upper_case) {
  if (text.size() != upper_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (ascii_lower(text[i]) != ascii_lower(upper_case[i])) return false;
  return true;
}

SyntaxError Lexer::error(std::size_t at, std::string expected) const {
  SyntaxError error{.expected = std::move(expected)};
  for (const char c : text_.substr(0, at)) {
    if (c == '\n') {
      ++error.line;
      error.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) {
      ++error.column;
    }
  }
  return error;
}

Result<Token, SyntaxError> Lexer::next() {
  static constexpr std::string_view kSpace = " \t\r\n";
  while (at_ < text_.size() && kSpace.find(text_[at_]) != std::string_view::npos) ++at_;
  Token token;
  token.at = at_;
  if (at_ == text_.size()) return token;
  const char first = text_[at_];
  if (first == '\'' || first == '"') {
    if (auto read = quoted(token); !read) return tl::unexpected(std::move(read.error()));
  } else if (is_digit(first)) {
    number(token);
    if (!token.number.is_number()) return tl::unexpected(error(token.at, "a number"));
  } else if (is_word_part(first) || first == '$') {
    token.kind = first == '$' ? Token::Kind::Attribute : Token::Kind::Word;
    ++at_;
    while (at_ < text_.size() && is_word_part(text_[at_])) ++at_;
  } else {
    token.kind = Token::Kind::Symbol;
    for (const auto symbol : kSymbols) {
      if (!text_.substr(at_).starts_with(symbol)) continue;
      at_ += symbol.size();
      break;
    }
    if (at_ == token.at) {
      return tl::unexpected(error(
          at_, first == '!' ? "!=" : "a name, a value or an operator; text stands in 'quotes'"));
    }
  }
  token.spelling = text_.substr(token.at, at_ - token.at);
  return token;
}

// 'it''s': the quote itself is written twice.
Result<void, SyntaxError> Lexer::quoted(Token& token) {
  const char quote = text_[at_];
  token.kind = quote == '"' ? Token::Kind::Quoted : Token::Kind::Text;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == quote) {
      ++at_;
      if (at_ == text_.size() || text_[at_] != quote) return {};
    }
    token.text += text_[at_];
  }
  return tl::unexpected(error(text_.size(), std::string("the closing ") + quote));
}

void Lexer::number(Token& token) {
  token.kind = Token::Kind::Number;
  const auto begin = at_;
  const auto digits = [this] {
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  };
  digits();
  if (at_ + 1 < text_.size() && text_[at_] == '.' && is_digit(text_[at_ + 1])) {
    ++at_;
    digits();
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    digits();
  }
  while (at_ < text_.size() && is_word_part(text_[at_])) ++at_;  // `3rd` is not 3 and a name
  token.number = number_in(text_.substr(begin, at_ - begin));
}

}  // namespace sluice::where
