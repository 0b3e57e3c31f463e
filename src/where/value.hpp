#pragma once
#include <cstdint>
#include <string_view>

#include "where/condition.hpp"

namespace sluice::where {

// What a part of a condition comes to for one message. Text points into the message, the condition
// or what the evaluation made.
struct Value {
  enum class Kind : std::uint8_t { Null, Boolean, Integer, Real, Text, Structure };

  static Value of(bool value) { return {.kind = Kind::Boolean, .boolean = value}; }
  static Value of(std::int64_t value) { return {.kind = Kind::Integer, .integer = value}; }
  static Value of(std::string_view value) { return {.kind = Kind::Text, .text = value}; }
  // Null when it is not a finite number.
  static Value of(double value);
  static Value of(Truth truth) {
    return truth == Truth::Unknown ? Value() : of(truth == Truth::True);
  }

  [[nodiscard]] bool is_number() const { return kind == Kind::Integer || kind == Kind::Real; }
  [[nodiscard]] double real_value() const {
    return kind == Kind::Integer ? static_cast<double>(integer) : real;
  }

  Kind kind = Kind::Null;  // Structure: a JSON object or array, of which only IS NULL can be asked
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view text = {};
};

// The number that the whole text is, as user properties carry them; otherwise Null.
[[nodiscard]] Value number_in(std::string_view text);

// As a condition: a boolean, or the text of one.
[[nodiscard]] Truth truth_of(const Value& value);

// What two values are to each other. Text meets a number as the number it is, and a boolean as the
// boolean it is; what cannot be compared is Unknown.
enum class Comparison : std::uint8_t { Less, Equal, Greater, Unknown };
[[nodiscard]] Comparison compare(const Value& left, const Value& right);

enum class Arithmetic : std::uint8_t { Add, Subtract, Multiply, Divide, Remainder };
// Whole numbers stay whole while they can; Null for what is not a number, and for division by 0.
[[nodiscard]] Value calculate(Arithmetic operation, const Value& left, const Value& right);

}  // namespace sluice::where
