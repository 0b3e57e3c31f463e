#include "where/parser.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "base/schema.hpp"

namespace sluice::where {
namespace {

using TokenKind = Token::Kind;

constexpr std::size_t kMostNodes = 2048;
constexpr std::size_t kMostSteps = 32;  // into the payload
constexpr std::int64_t kMostElement = 1'000'000;

struct Known {
  std::string_view spelling;
  Attribute attribute;
};
constexpr std::array kAttributes = {
    Known{"$TOPIC", Attribute::Topic},         Known{"$QOS", Attribute::Qos},
    Known{"$RETAIN", Attribute::Retain},       Known{"$DUP", Attribute::Dup},
    Known{"$CLIENT_ID", Attribute::ClientId},  Known{"$USERNAME", Attribute::Username},
    Known{"$HOST", Attribute::Host},           Known{"$TIMESTAMP", Attribute::Timestamp},
    Known{"$MESSAGE_ID", Attribute::MessageId}};

struct Function {
  std::string_view name;
  Op op;
  std::size_t fewest, most;
};
constexpr std::array kFunctions = {
    Function{"UPPER", Op::Upper, 1, 1}, Function{"LOWER", Op::Lower, 1, 1},
    Function{"LENGTH", Op::Length, 1, 1}, Function{"ABS", Op::Abs, 1, 1},
    Function{"COALESCE", Op::Coalesce, 1, 64}};

struct Sign {
  std::string_view symbol;
  Op op;
};
constexpr std::array kComparisons = {Sign{"=", Op::Equal},        Sign{"!=", Op::NotEqual},
                                     Sign{"<>", Op::NotEqual},    Sign{"<", Op::Less},
                                     Sign{"<=", Op::LessEqual},   Sign{">", Op::Greater},
                                     Sign{">=", Op::GreaterEqual}};

// Words that are no names of user properties unless they stand in double quotes.
constexpr std::array<std::string_view, 17> kReserved = {
    "AND",  "OR",   "NOT",  "IN",   "BETWEEN", "LIKE", "ESCAPE", "IS",  "NULL",
    "CASE", "WHEN", "THEN", "ELSE", "END",     "TRUE", "FALSE",  "FROM"};

constexpr std::string_view kValue =
    "a value: a name such as payload.temperature or $topic, a number, or text in 'quotes'";

std::string unknown_attribute(std::string_view given) {
  std::vector<std::string> known;
  const auto lower = ascii_lower(given);
  known.reserve(kAttributes.size());
  for (const auto& attribute : kAttributes) known.push_back(ascii_lower(attribute.spelling));
  std::string text = "one of";
  for (const auto& name : known) text += (text == "one of" ? " " : ", ") + name;
  if (const auto near = schema::nearest(lower, known)) text += " (did you mean " + *near + "?)";
  return text;
}

}  // namespace

Result<Program, SyntaxError> Parser::parse() {
  SL_TRY_VOID(advance());
  if (token_.kind == TokenKind::End) return expected("a condition, such as $qos >= 1");
  SL_TRY(root, either());
  SL_TRY_VOID(condition(root, 0));
  if (token_.kind != TokenKind::End) {
    if (at_symbol("=")) return expected("= (once)");
    return expected("AND, OR or the end");
  }
  program_.root = root;
  return std::move(program_);
}

Parser::Part Parser::either() {
  const auto begin = token_.at;
  SL_TRY(first, both());
  Parts parts{first};
  for (;;) {
    SL_TRY(more, take_word("OR"));
    if (!more) break;
    const auto at = token_.at;
    SL_TRY(next, both());
    SL_TRY_VOID(condition(next, at));
    parts.push_back(next);
  }
  if (parts.size() == 1) return first;
  SL_TRY_VOID(condition(first, begin));
  return add({.op = Op::Or}, parts);
}

Parser::Part Parser::both() {
  const auto begin = token_.at;
  SL_TRY(first, denied());
  Parts parts{first};
  for (;;) {
    SL_TRY(more, take_word("AND"));
    if (!more) break;
    const auto at = token_.at;
    SL_TRY(next, denied());
    SL_TRY_VOID(condition(next, at));
    parts.push_back(next);
  }
  if (parts.size() == 1) return first;
  SL_TRY_VOID(condition(first, begin));
  return add({.op = Op::And}, parts);
}

Parser::Part Parser::denied() {
  SL_TRY(is_not, take_word("NOT"));
  if (!is_not) return predicate();
  const auto at = token_.at;
  if (++depth_ > Condition::kDeepest) return expected("a condition that is less deep");
  SL_TRY(what, denied());
  --depth_;
  SL_TRY_VOID(condition(what, at));
  return add({.op = Op::Not}, {what});
}

Parser::Part Parser::predicate() {
  SL_TRY(what, sum());
  for (const auto& [symbol, op] : kComparisons) {
    SL_TRY(is_it, take_symbol(symbol));
    if (!is_it) continue;
    if (symbol == "=" && at_symbol("=")) return expected("one =, as SQL has it");
    SL_TRY(other, sum());
    return add({.op = op}, {what, other});
  }
  SL_TRY(is, take_word("IS"));
  if (is) return is_null(what);
  SL_TRY(is_negated, take_word("NOT"));
  return test(what, is_negated);
}

Parser::Part Parser::test(Index what, bool is_negated) {
  SL_TRY(is_in, take_word("IN"));
  if (is_in) return in(what, is_negated);
  SL_TRY(is_between, take_word("BETWEEN"));
  if (is_between) return between(what, is_negated);
  SL_TRY(is_like, take_word("LIKE"));
  if (is_like) return like(what, is_negated);
  if (is_negated) return expected("IN, BETWEEN or LIKE");
  return what;
}

Parser::Part Parser::is_null(Index what) {
  SL_TRY(is_negated, take_word("NOT"));
  if (!at_word("NULL")) return expected(is_negated ? "NULL" : "NULL or NOT NULL");
  SL_TRY_VOID(advance());
  return add({.op = Op::IsNull, .is_negated = is_negated}, {what});
}

Parser::Part Parser::in(Index what, bool is_negated) {
  SL_TRY_VOID(need_symbol("("));
  Parts parts{what};
  SL_TRY_VOID(list(parts));
  return add({.op = Op::In, .is_negated = is_negated}, parts);
}

Parser::Part Parser::between(Index what, bool is_negated) {
  SL_TRY(from, sum());
  SL_TRY_VOID(need_word("AND"));
  SL_TRY(to, sum());
  return add({.op = Op::Between, .is_negated = is_negated}, {what, from, to});
}

Parser::Part Parser::like(Index what, bool is_negated) {
  SL_TRY(pattern, sum());
  Node node{.op = Op::Like, .is_negated = is_negated};
  SL_TRY(has_escape, take_word("ESCAPE"));
  if (has_escape) {
    if (token_.kind != TokenKind::Text || token_.text.size() != 1 || (token_.text[0] & 0x80) != 0)
      return expected("one ASCII character in quotes, such as '!'");
    node.escape = token_.text[0];
    SL_TRY_VOID(advance());
  }
  return add(node, {what, pattern});
}

Parser::Part Parser::sum() {
  SL_TRY(first, product());
  auto result = first;
  for (;;) {
    const bool is_plus = at_symbol("+");
    if (!is_plus && !at_symbol("-")) return result;
    SL_TRY_VOID(advance());
    SL_TRY(next, product());
    const Node node{.op = is_plus ? Op::Add : Op::Subtract};
    SL_TRY(added, add(node, Parts{result, next}));
    result = added;
  }
}

Parser::Part Parser::product() {
  static constexpr std::array kSigns = {Sign{"*", Op::Multiply}, Sign{"/", Op::Divide},
                                        Sign{"%", Op::Remainder}};
  SL_TRY(first, signed_value());
  auto result = first;
  for (;;) {
    const auto* sign =
        std::ranges::find_if(kSigns, [this](const Sign& known) { return at_symbol(known.symbol); });
    if (sign == kSigns.end()) return result;
    SL_TRY_VOID(advance());
    SL_TRY(next, signed_value());
    const Node node{.op = sign->op};
    SL_TRY(added, add(node, Parts{result, next}));
    result = added;
  }
}

Parser::Part Parser::signed_value() {
  SL_TRY(is_minus, take_symbol("-"));
  if (!is_minus) return value();
  if (token_.kind == TokenKind::Number) {  // a number of its own, and the smallest one, too
    auto number = number_in("-" + std::string(token_.spelling));
    SL_TRY_VOID(advance());
    return literal({.value = number, .text = {}});
  }
  if (++depth_ > Condition::kDeepest) return expected("a condition that is less deep");
  SL_TRY(what, signed_value());
  --depth_;
  return add({.op = Op::Negate}, {what});
}

Parser::Part Parser::value() {
  switch (token_.kind) {
    case TokenKind::Number: {
      const auto number = token_.number;
      SL_TRY_VOID(advance());
      return literal({.value = number, .text = {}});
    }
    case TokenKind::Text: {
      auto text = std::move(token_.text);
      SL_TRY_VOID(advance());
      return literal({.value = Value::of(std::string_view()), .text = std::move(text)});
    }
    case TokenKind::Quoted: {
      if (token_.text.empty()) return expected("the name of a user property");
      auto name = std::move(token_.text);
      std::string spelling(token_.spelling);
      SL_TRY_VOID(advance());
      return property(std::move(name), std::move(spelling));
    }
    case TokenKind::Attribute:
      return attribute();
    case TokenKind::Word:
      return word();
    case TokenKind::Symbol: {
      if (!at_symbol("(")) break;
      if (++depth_ > Condition::kDeepest) return expected("a condition that is less deep");
      SL_TRY_VOID(advance());
      SL_TRY(inner, either());
      SL_TRY_VOID(need_symbol(")"));
      --depth_;
      return inner;
    }
    case TokenKind::End:
      break;
  }
  return expected(std::string(kValue));
}

Parser::Part Parser::word() {
  if (token_.spelling == "payload") return payload();
  if (at_word("CASE")) return choice();
  for (const auto& [name, truth] : {std::pair{"TRUE", true}, std::pair{"FALSE", false}}) {
    SL_TRY(is_it, take_word(name));
    if (is_it) return literal({.value = Value::of(truth), .text = {}});
  }
  SL_TRY(is_null_word, take_word("NULL"));
  if (is_null_word) return literal({});
  if (std::ranges::any_of(kReserved, [this](auto reserved) { return at_word(reserved); }))
    return expected(std::string(kValue));

  const Token name = token_;
  SL_TRY_VOID(advance());
  if (at_symbol("(")) {
    const auto* function = std::ranges::find_if(
        kFunctions, [&](const Function& known) { return is_same_word(name.spelling, known.name); });
    if (function != kFunctions.end()) return call(function->op, function->fewest, function->most);
    return tl::unexpected(
        lexer_.error(name.at, "UPPER, LOWER, LENGTH, ABS or COALESCE before a ("));
  }
  if (at_symbol(".") || at_symbol("["))
    return tl::unexpected(lexer_.error(
        name.at,
        "payload before a path; a user property with dots in its name stands in double "
        "quotes: \"a.b\""));
  return property(std::string(name.spelling), std::string(name.spelling));
}

Parser::Part Parser::choice() {
  if (++depth_ > Condition::kDeepest) return expected("a condition that is less deep");
  SL_TRY_VOID(advance());
  Node node{.op = Op::Case};
  Parts parts;
  if (!at_word("WHEN")) {
    node.op = Op::CaseOf;
    SL_TRY(what, either());
    parts.push_back(what);
  }
  SL_TRY_VOID(need_word("WHEN"));
  for (;;) {
    const auto at = token_.at;
    SL_TRY(when, either());
    if (node.op == Op::Case) SL_TRY_VOID(condition(when, at));
    SL_TRY_VOID(need_word("THEN"));
    SL_TRY(then, either());
    parts.push_back(when);
    parts.push_back(then);
    SL_TRY(more, take_word("WHEN"));
    if (!more) break;
  }
  SL_TRY(has_else, take_word("ELSE"));
  if (has_else) {
    SL_TRY(otherwise, either());
    parts.push_back(otherwise);
  }
  if (!at_word("END")) return expected(has_else ? "END" : "WHEN, ELSE or END");
  SL_TRY_VOID(advance());
  --depth_;
  return add(node, parts);
}

Parser::Part Parser::call(Op op, std::size_t fewest, std::size_t most) {
  if (++depth_ > Condition::kDeepest) return expected("a condition that is less deep");
  const auto at = token_.at;
  SL_TRY_VOID(advance());
  Parts parts;
  SL_TRY_VOID(list(parts));
  --depth_;
  if (parts.size() < fewest || parts.size() > most)
    return tl::unexpected(lexer_.error(
        at, most == 1 ? "one value in the parentheses" : "at most 64 values in the parentheses"));
  return add({.op = op}, parts);
}

// Behind the opening parenthesis, up to and with the closing one.
Parser::Step Parser::list(Parts& parts) {
  for (;;) {
    SL_TRY(next, either());
    parts.push_back(next);
    SL_TRY(more, take_symbol(","));
    if (more) continue;
    if (!at_symbol(")")) return expected(", or )");
    return advance();
  }
}

Parser::Part Parser::attribute() {
  const auto* known = std::ranges::find_if(kAttributes, [this](const Known& attribute) {
    return is_same_word(token_.spelling, attribute.spelling);
  });
  if (known == kAttributes.end()) return expected(unknown_attribute(token_.spelling));
  Name name{.attribute = known->attribute,
            .spelling = std::string(token_.spelling),
            .property = {},
            .path = {}};
  SL_TRY_VOID(advance());
  return add_name(std::move(name));
}

Parser::Part Parser::payload() {
  Name name{.attribute = Attribute::Payload, .spelling = "payload", .property = {}, .path = {}};
  SL_TRY_VOID(advance());
  SL_TRY_VOID(path(name));
  return add_name(std::move(name));
}

Parser::Step Parser::path(Name& name) {
  while (at_symbol(".") || at_symbol("[")) {
    name.attribute = Attribute::PayloadPath;
    if (name.path.size() == kMostSteps) return expected("at most 32 steps into the payload");
    const bool is_member = at_symbol(".");
    SL_TRY_VOID(advance());
    if (is_member) {
      if (token_.kind == TokenKind::Word) {
        name.path.emplace_back(std::string(token_.spelling));
      } else if (token_.kind == TokenKind::Quoted || token_.kind == TokenKind::Text) {
        name.path.emplace_back(token_.text);
      } else {
        return expected("the name of a member; one that is no word stands in 'quotes'");
      }
      name.spelling += '.';
      name.spelling += token_.spelling;
      SL_TRY_VOID(advance());
      continue;
    }
    const auto& number = token_.number;
    if (token_.kind != TokenKind::Number || number.kind != Value::Kind::Integer ||
        number.integer > kMostElement)
      return expected("a number from 0 to 1000000");
    name.path.emplace_back(static_cast<std::size_t>(number.integer));
    name.spelling += '[' + std::to_string(number.integer) + ']';
    SL_TRY_VOID(advance());
    SL_TRY_VOID(need_symbol("]"));
  }
  return {};
}

Parser::Part Parser::property(std::string name, std::string spelling) {
  return add_name({.attribute = Attribute::UserProperty,
                   .spelling = std::move(spelling),
                   .property = std::move(name),
                   .path = {}});
}

Parser::Part Parser::literal(Literal literal) {
  const auto index = static_cast<Index>(program_.literals.size());
  program_.literals.push_back(std::move(literal));
  SL_TRY(added, add(Node{.op = Op::Literal}, Parts()));
  program_.nodes[added].first = index;
  return added;
}

Parser::Part Parser::add_name(Name name) {
  const auto index = static_cast<Index>(program_.names.size());
  program_.names.push_back(std::move(name));
  SL_TRY(added, add(Node{.op = Op::Name}, Parts()));
  program_.nodes[added].first = index;
  return added;
}

Parser::Part Parser::add(Node node, const Parts& parts) {
  node.first = static_cast<Index>(program_.children.size());
  node.count = static_cast<std::uint32_t>(parts.size());
  for (const auto part : parts) {
    node.depth = std::max(node.depth, program_.nodes[part].depth + 1);
    program_.children.push_back(part);
  }
  if (node.depth > Condition::kDeepest) return expected("a condition that is less deep");
  if (program_.nodes.size() == kMostNodes) return expected("a condition with fewer parts");
  program_.nodes.push_back(node);
  return static_cast<Index>(program_.nodes.size() - 1);
}

// A number or a text is nothing that can be true: better said now than never met.
Parser::Step Parser::condition(Index part, std::size_t at) const {
  const auto& node = program_.nodes[part];
  const bool is_number =
      (node.op >= Op::Add && node.op <= Op::Negate) || node.op == Op::Length || node.op == Op::Abs;
  const auto kind =
      node.op == Op::Literal ? program_.literals[node.first].value.kind : Value::Kind::Null;
  const bool is_constant =
      kind == Value::Kind::Integer || kind == Value::Kind::Real || kind == Value::Kind::Text;
  if (!is_number && !is_constant) return {};
  return tl::unexpected(
      lexer_.error(at, "a condition, not a value alone: compare it with something"));
}

Parser::Step Parser::advance() {
  auto next = lexer_.next();
  if (!next) return tl::unexpected(std::move(next).error());
  token_ = std::move(*next);
  return {};
}

bool Parser::at_word(std::string_view upper) const {
  return token_.kind == TokenKind::Word && is_same_word(token_.spelling, upper);
}

bool Parser::at_symbol(std::string_view symbol) const {
  return token_.kind == TokenKind::Symbol && token_.spelling == symbol;
}

Result<bool, SyntaxError> Parser::take_word(std::string_view upper) {
  if (!at_word(upper)) return false;
  SL_TRY_VOID(advance());
  return true;
}

Result<bool, SyntaxError> Parser::take_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  SL_TRY_VOID(advance());
  return true;
}

Parser::Step Parser::need_word(std::string_view upper) {
  if (!at_word(upper)) return expected(std::string(upper));
  return advance();
}

Parser::Step Parser::need_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return expected(std::string(symbol));
  return advance();
}

tl::unexpected<SyntaxError> Parser::expected(std::string what) const {
  return tl::unexpected(lexer_.error(token_.at, std::move(what)));
}

}  // namespace sluice::where
