#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "admin/openapi.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

// Letters and digits alone need no quotes; what YAML could read as something else gets them.
bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const auto* word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}) {
    if (text == word) return false;
  }
  bool has_letter = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool inner = (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/' || c == '.';
    if (!letter && (i == 0 || !inner)) return false;
    has_letter = has_letter || letter;
  }
  return has_letter;
}

// A JSON string is a YAML string too.
std::string scalar(const json::value& value) {
  if (value.is_string() && is_plain(value.get_string())) return std::string(value.get_string());
  return json::serialize(value);
}

bool is_block(const json::value& value) {
  if (const auto* object = value.if_object()) return !object->empty();
  if (const auto* array = value.if_array()) return !array->empty();
  return false;
}

void write(const json::value& value, std::size_t indent, std::string& out);

void write_member(const std::string& lead, const json::value& value, std::size_t indent,
                  std::string& out) {
  out += lead;
  if (!is_block(value)) {
    out += " " + scalar(value) + "\n";
    return;
  }
  out += "\n";
  write(value, indent + 2, out);
}

void write(const json::value& value, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  if (const auto* object = value.if_object()) {
    for (const auto& [name, member] : *object) {
      write_member(margin + scalar(json::value(name)) + ":", member, indent, out);
    }
  } else if (const auto* array = value.if_array()) {
    for (const auto& member : *array) write_member(margin + "-", member, indent, out);
  }
}

}  // namespace

std::string to_yaml(const json::value& value) {
  if (!is_block(value)) return scalar(value) + "\n";
  std::string out;
  write(value, 0, out);
  return out;
}

}  // namespace sluice::admin
