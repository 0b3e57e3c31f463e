#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "where/payload_json.hpp"
#include "where/value.hpp"

namespace sluice::where {

enum class Op : std::uint8_t {
  Literal,
  Name,
  And,
  Or,
  Not,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  In,       // what, then the list
  Between,  // what, from, to
  Like,     // what, pattern
  IsNull,
  Case,    // condition, result, ..., the one of ELSE where their number is odd
  CaseOf,  // what, then value, result, ..., the one of ELSE where their number is even
  Add,
  Subtract,
  Multiply,
  Divide,
  Remainder,
  Negate,
  Upper,
  Lower,
  Length,
  Abs,
  Coalesce,
};

enum class Attribute : std::uint8_t {
  Topic,
  Qos,
  Retain,
  Dup,
  ClientId,
  Username,
  Host,
  Timestamp,
  MessageId,
  Payload,
  PayloadPath,
  UserProperty,
};

struct Name {
  Attribute attribute = Attribute::Topic;
  std::string spelling;        // as written
  std::string property;        // of UserProperty
  std::vector<PathStep> path;  // of PayloadPath
};

struct Literal {
  Value value;       // without the text of a Text
  std::string text;  // of a Text
};

// A part of a condition; the parts that it has stand in `children`, from `first` on. Of a Literal
// or a Name `first` is the one it is.
struct Node {
  Op op = Op::Literal;
  bool is_negated = false;  // NOT IN, NOT BETWEEN, NOT LIKE, IS NOT NULL
  char escape = 0;          // of Like
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  unsigned depth = 1;
};

struct Program {
  std::vector<Node> nodes;
  std::vector<std::uint32_t> children;
  std::vector<Name> names;
  std::vector<Literal> literals;
  std::uint32_t root = 0;
};

}  // namespace sluice::where
