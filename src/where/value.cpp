#include "where/value.hpp"

#include <charconv>
#include <cmath>
#include <compare>
#include <limits>

namespace sluice::where {
namespace {

// Longer texts are no numbers: reading one takes time by its length, and a condition may look at a
// payload as often as it has parts.
constexpr std::size_t kLongestNumber = 400;
constexpr double kTwoTo63 = 9223372036854775808.0;

Comparison ordered(std::strong_ordering order) {
  if (order == std::strong_ordering::less) return Comparison::Less;
  return order == std::strong_ordering::equal ? Comparison::Equal : Comparison::Greater;
}

// Exact: 2^53 + 1 is not 2^53, whichever side is the real.
Comparison compare_mixed(std::int64_t whole, double real) {
  if (real >= kTwoTo63) return Comparison::Less;
  if (real < -kTwoTo63) return Comparison::Greater;
  const auto down = static_cast<std::int64_t>(real);  // towards 0
  if (whole != down) return ordered(whole <=> down);
  const double rest = real - static_cast<double>(down);
  return rest == 0 ? Comparison::Equal : rest > 0 ? Comparison::Less : Comparison::Greater;
}

Comparison reversed(Comparison comparison) {
  if (comparison == Comparison::Less) return Comparison::Greater;
  return comparison == Comparison::Greater ? Comparison::Less : comparison;
}

Comparison compare_numbers(const Value& left, const Value& right) {
  using Kind = Value::Kind;
  if (left.kind == Kind::Integer && right.kind == Kind::Integer)
    return ordered(left.integer <=> right.integer);
  if (left.kind == Kind::Integer) return compare_mixed(left.integer, right.real);
  if (right.kind == Kind::Integer) return reversed(compare_mixed(right.integer, left.real));
  if (left.real < right.real) return Comparison::Less;
  return left.real == right.real ? Comparison::Equal : Comparison::Greater;
}

bool is_word(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((text[i] | 0x20) != lower[i]) return false;
  return true;
}

bool calculate_whole(Arithmetic operation, std::int64_t left, std::int64_t right,
                     std::int64_t& result) {
  switch (operation) {
    case Arithmetic::Add:
      return !__builtin_add_overflow(left, right, &result);
    case Arithmetic::Subtract:
      return !__builtin_sub_overflow(left, right, &result);
    case Arithmetic::Multiply:
      return !__builtin_mul_overflow(left, right, &result);
    case Arithmetic::Divide:
      if (right == 0 || right == -1 || left % right != 0) return false;
      result = left / right;
      return true;
    case Arithmetic::Remainder:
      if (right == 0) return false;
      result = right == -1 ? 0 : left % right;
      return true;
  }
  return false;
}

Value as_number(const Value& value) {
  if (value.is_number()) return value;
  return value.kind == Value::Kind::Text ? number_in(value.text) : Value();
}

}  // namespace

Value Value::of(double value) {
  if (!std::isfinite(value)) return {};
  return {.kind = Kind::Real, .real = value};
}

Value number_in(std::string_view text) {
  if (text.size() > kLongestNumber) return {};
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  std::int64_t whole = 0;
  const auto as_whole = std::from_chars(begin, end, whole);
  if (as_whole.ptr == end && as_whole.ec == std::errc()) return Value::of(whole);
  double real = 0;
  const auto as_real = std::from_chars(begin, end, real);
  if (as_real.ptr == end && as_real.ec == std::errc()) return Value::of(real);
  return {};
}

Truth truth_of(const Value& value) {
  if (value.kind == Value::Kind::Boolean) return value.boolean ? Truth::True : Truth::False;
  if (value.kind != Value::Kind::Text) return Truth::Unknown;
  if (is_word(value.text, "true")) return Truth::True;
  return is_word(value.text, "false") ? Truth::False : Truth::Unknown;
}

Comparison compare(const Value& left, const Value& right) {
  using Kind = Value::Kind;
  if (left.kind == Kind::Text && right.kind == Kind::Text) return ordered(left.text <=> right.text);
  if (left.kind == Kind::Boolean || right.kind == Kind::Boolean) {
    const auto a = truth_of(left);
    const auto b = truth_of(right);
    if (a == Truth::Unknown || b == Truth::Unknown) return Comparison::Unknown;
    return ordered((a == Truth::True) <=> (b == Truth::True));
  }
  const auto a = as_number(left);
  const auto b = as_number(right);
  if (!a.is_number() || !b.is_number()) return Comparison::Unknown;
  return compare_numbers(a, b);
}

Value calculate(Arithmetic operation, const Value& left, const Value& right) {
  const auto a = as_number(left);
  const auto b = as_number(right);
  if (!a.is_number() || !b.is_number()) return {};
  if (a.kind == Value::Kind::Integer && b.kind == Value::Kind::Integer) {
    std::int64_t whole = 0;
    if (calculate_whole(operation, a.integer, b.integer, whole)) return Value::of(whole);
  }
  const double x = a.real_value();
  const double y = b.real_value();
  switch (operation) {
    case Arithmetic::Add:
      return Value::of(x + y);
    case Arithmetic::Subtract:
      return Value::of(x - y);
    case Arithmetic::Multiply:
      return Value::of(x * y);
    case Arithmetic::Divide:
      return y == 0 ? Value() : Value::of(x / y);
    case Arithmetic::Remainder:
      return y == 0 ? Value() : Value::of(std::fmod(x, y));
  }
  return {};
}

}  // namespace sluice::where
