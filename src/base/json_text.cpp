#include "base/json_text.hpp"

#include <cmath>
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace sluice {
namespace {

namespace json = boost::json;

// NOLINTNEXTLINE(misc-no-recursion): as deep as the document, which is bounded where it is made
void append(std::string& out, const json::value& value) {
  if (const auto* number = value.if_double()) {
    out += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
  } else if (const auto* array = value.if_array()) {
    out += '[';
    for (const auto& member : *array) {
      if (&member != array->begin()) out += ',';
      append(out, member);
    }
    out += ']';
  } else if (const auto* object = value.if_object()) {
    out += '{';
    for (const auto& member : *object) {
      if (&member != object->begin()) out += ',';
      out += json::serialize(json::string_view(member.key()));
      out += ':';
      append(out, member.value());
    }
    out += '}';
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string json_text(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string text_at(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace sluice
