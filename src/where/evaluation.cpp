#include "where/evaluation.hpp"

#include <algorithm>

#include "mqtt/properties.hpp"

namespace sluice::where {
namespace {

namespace json = boost::json;

// For the worst that a condition may do with a message: some milliseconds, and more only in
// proportion to what the message itself is.
constexpr std::uint64_t kSteps = 1'000'000;
constexpr std::uint64_t kStepsPerByte = 4;

// Texts are looked at some bytes at a time.
constexpr std::size_t kBytesPerStep = 16;

Truth negated(Truth truth, bool is_negated = true) {
  if (!is_negated || truth == Truth::Unknown) return truth;
  return truth == Truth::True ? Truth::False : Truth::True;
}

Truth known(bool is_true) {
  return is_true ? Truth::True : Truth::False;
}

Truth both(Truth a, Truth b) {
  if (a == Truth::False || b == Truth::False) return Truth::False;
  return a == Truth::Unknown || b == Truth::Unknown ? Truth::Unknown : Truth::True;
}

Value of_json(const json::value* value) {
  if (value == nullptr) return {};
  switch (value->kind()) {
    case json::kind::null:
      return {};
    case json::kind::bool_:
      return Value::of(value->get_bool());
    case json::kind::int64:
      return Value::of(value->get_int64());
    case json::kind::uint64:  // beyond what is whole here
      return Value::of(static_cast<double>(value->get_uint64()));
    case json::kind::double_:
      return Value::of(value->get_double());
    case json::kind::string:
      return Value::of(std::string_view(value->get_string()));
    case json::kind::object:
    case json::kind::array:
      return {.kind = Value::Kind::Structure};
  }
  return {};
}

Value user_property(const model::Message& message, std::string_view name) {
  Value found;
  if (message.properties.empty()) return found;
  const auto properties = mqtt::Properties::from_checked(message.properties);
  for (auto it = properties.begin(); it != properties.end(); ++it) {
    if (it->id == mqtt::PropertyId::UserProperty && it->name == name) found = Value::of(it->text);
  }
  return found;
}

Arithmetic arithmetic(Op op) {
  switch (op) {
    case Op::Subtract:
      return Arithmetic::Subtract;
    case Op::Multiply:
      return Arithmetic::Multiply;
    case Op::Divide:
      return Arithmetic::Divide;
    case Op::Remainder:
      return Arithmetic::Remainder;
    default:
      return Arithmetic::Add;
  }
}

}  // namespace

Evaluation::Evaluation(const Program& program, const model::Message& message, PayloadJson& payload,
                       std::vector<std::string_view>* missing)
    : Evaluation(
          program, message, payload, missing,
          Budget(kSteps + kStepsPerByte * (message.payload.size() + message.properties.size()))) {}

std::optional<Truth> Evaluation::run() {
  const auto result = truth(program_.root);
  if (budget_.is_spent()) return std::nullopt;
  return result;
}

Value Evaluation::value(std::uint32_t index) {
  const auto& node = program_.nodes[index];
  if (!budget_.take(1)) return {};
  switch (node.op) {
    case Op::Literal: {
      auto literal = program_.literals[node.first].value;
      literal.text = program_.literals[node.first].text;
      return literal;
    }
    case Op::Name:
      return named(program_.names[node.first]);
    case Op::And:
      return Value::of(all(node));
    case Op::Or:
      return Value::of(any(node));
    case Op::Not:
      return Value::of(negated(truth(child(node, 0))));
    case Op::Equal:
    case Op::NotEqual:
    case Op::Less:
    case Op::LessEqual:
    case Op::Greater:
    case Op::GreaterEqual:
      return Value::of(compared(node));
    case Op::In:
      return Value::of(in(node));
    case Op::Between:
      return Value::of(between(node));
    case Op::Like:
      return Value::of(like(node));
    case Op::IsNull:
      return Value::of((value(child(node, 0)).kind == Value::Kind::Null) != node.is_negated);
    case Op::Case:
      return choice(node);
    case Op::CaseOf:
      return choice_of(node);
    default:
      return function(node);
  }
}

Value Evaluation::function(const Node& node) {
  switch (node.op) {
    case Op::Upper:
      return changed_case(node, true);
    case Op::Lower:
      return changed_case(node, false);
    case Op::Coalesce:
      return coalesce(node);
    case Op::Length:
      return length(value(child(node, 0)));
    case Op::Negate:
      return calculate(Arithmetic::Subtract, Value::of(std::int64_t{0}), value(child(node, 0)));
    case Op::Abs: {
      const auto zero = Value::of(std::int64_t{0});
      const auto number = calculate(Arithmetic::Add, value(child(node, 0)), zero);
      return compare(number, zero) == Comparison::Less
                 ? calculate(Arithmetic::Subtract, zero, number)
                 : number;
    }
    default: {
      const auto left = value(child(node, 0));
      return calculate(arithmetic(node.op), left, value(child(node, 1)));
    }
  }
}

Value Evaluation::named(const Name& name) {
  auto found = attribute(name);
  if (missing_ != nullptr && found.kind == Value::Kind::Null &&
      std::ranges::find(*missing_, name.spelling) == missing_->end())
    missing_->push_back(name.spelling);
  return found;
}

Value Evaluation::attribute(const Name& name) {
  switch (name.attribute) {
    case Attribute::Topic:
      return Value::of(message_.topic);
    case Attribute::Qos:
      return Value::of(std::int64_t{message_.qos});
    case Attribute::Retain:
      return Value::of(message_.retain);
    case Attribute::Dup:
      return Value::of(message_.dup);
    case Attribute::ClientId:
      return Value::of(message_.client_id);
    case Attribute::Username:
      return message_.has_username ? Value::of(message_.username) : Value();
    case Attribute::Host:
      return message_.host.empty() ? Value() : Value::of(message_.host);
    case Attribute::Timestamp:
      return Value::of(message_.timestamp_ms);
    case Attribute::MessageId:
      return Value::of(std::string_view(made_.emplace_front(model::to_hex(message_.id))));
    case Attribute::Payload:
      return Value::of(message_.payload);
    case Attribute::PayloadPath:
      return of_json(follow(payload_.get(), name.path));
    case Attribute::UserProperty:
      static_cast<void>(budget_.take(message_.properties.size() / kBytesPerStep));
      return user_property(message_, name.property);
  }
  return {};
}

// False as soon as one is: what stands behind it is not looked at.
Truth Evaluation::all(const Node& node) {
  auto result = Truth::True;
  for (std::uint32_t i = 0; i < node.count && result != Truth::False; ++i)
    result = both(result, truth(child(node, i)));
  return result;
}

Truth Evaluation::any(const Node& node) {
  auto result = Truth::False;
  for (std::uint32_t i = 0; i < node.count && result != Truth::True; ++i) {
    const auto next = truth(child(node, i));
    if (next == Truth::True || result == Truth::False) result = next;
  }
  return result;
}

Truth Evaluation::equal(const Value& left, const Value& right) {
  if (left.kind == Value::Kind::Text && right.kind == Value::Kind::Text)
    static_cast<void>(budget_.take(std::min(left.text.size(), right.text.size()) / kBytesPerStep));
  const auto comparison = compare(left, right);
  return comparison == Comparison::Unknown ? Truth::Unknown
                                           : known(comparison == Comparison::Equal);
}

Truth Evaluation::compared(const Node& node) {
  const auto left = value(child(node, 0));
  const auto right = value(child(node, 1));
  static_cast<void>(budget_.take(std::min(left.text.size(), right.text.size()) / kBytesPerStep));
  const auto comparison = compare(left, right);
  if (comparison == Comparison::Unknown) return Truth::Unknown;
  switch (node.op) {
    case Op::Equal:
      return known(comparison == Comparison::Equal);
    case Op::NotEqual:
      return known(comparison != Comparison::Equal);
    case Op::Less:
      return known(comparison == Comparison::Less);
    case Op::LessEqual:
      return known(comparison != Comparison::Greater);
    case Op::Greater:
      return known(comparison == Comparison::Greater);
    default:
      return known(comparison != Comparison::Less);
  }
}

Truth Evaluation::in(const Node& node) {
  const auto what = value(child(node, 0));
  auto result = Truth::False;
  for (std::uint32_t i = 1; i < node.count && result != Truth::True; ++i) {
    const auto next = equal(what, value(child(node, i)));
    if (next != Truth::False) result = next;
  }
  return negated(result, node.is_negated);
}

Truth Evaluation::between(const Node& node) {
  const auto what = value(child(node, 0));
  const auto from = compare(what, value(child(node, 1)));
  const auto to = compare(what, value(child(node, 2)));
  static_cast<void>(budget_.take(what.text.size() / kBytesPerStep));
  const auto above = from == Comparison::Unknown ? Truth::Unknown : known(from != Comparison::Less);
  const auto below = to == Comparison::Unknown ? Truth::Unknown : known(to != Comparison::Greater);
  return negated(both(above, below), node.is_negated);
}

Truth Evaluation::like(const Node& node) {
  const auto text = value(child(node, 0));
  const auto pattern = value(child(node, 1));
  if (text.kind != Value::Kind::Text || pattern.kind != Value::Kind::Text) return Truth::Unknown;
  const auto matches = where::like(text.text, pattern.text, node.escape, budget_);
  if (!matches) return Truth::Unknown;
  return known(*matches != node.is_negated);
}

Value Evaluation::choice(const Node& node) {
  std::uint32_t i = 0;
  for (; i + 1 < node.count; i += 2)
    if (truth(child(node, i)) == Truth::True) return value(child(node, i + 1));
  return i < node.count ? value(child(node, i)) : Value();
}

Value Evaluation::choice_of(const Node& node) {
  const auto what = value(child(node, 0));
  std::uint32_t i = 1;
  for (; i + 1 < node.count; i += 2)
    if (equal(what, value(child(node, i))) == Truth::True) return value(child(node, i + 1));
  return i < node.count ? value(child(node, i)) : Value();
}

Value Evaluation::coalesce(const Node& node) {
  for (std::uint32_t i = 0; i < node.count; ++i) {
    auto found = value(child(node, i));
    if (found.kind != Value::Kind::Null) return found;
  }
  return {};
}

// Of ASCII letters; others stay as they are.
Value Evaluation::changed_case(const Node& node, bool to_upper) {
  const auto what = value(child(node, 0));
  if (what.kind != Value::Kind::Text) return {};
  if (!budget_.take(what.text.size())) return {};
  auto& text = made_.emplace_front(what.text);
  for (auto& c : text) {
    if (to_upper ? (c >= 'a' && c <= 'z') : (c >= 'A' && c <= 'Z')) c = static_cast<char>(c ^ 0x20);
  }
  return Value::of(std::string_view(text));
}

// In characters.
Value Evaluation::length(const Value& of) {
  if (of.kind != Value::Kind::Text) return {};
  if (!budget_.take(of.text.size() / kBytesPerStep)) return {};
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; };
  return Value::of(static_cast<std::int64_t>(std::ranges::count_if(of.text, begins)));
}

}  // namespace sluice::where
