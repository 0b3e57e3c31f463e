#include "app/settings_file.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "app/settings.hpp"

namespace sluice::app {
namespace {

constexpr std::size_t kTextColumns = 96;

// Behind `##`, as deep as what it is about, broken between words.
void append_text(std::string& out, const std::string& indent, std::string_view text) {
  const std::string head = "##" + indent;
  std::string line = head;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find_first_of(" \n", begin), text.size());
    const auto word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    if (line.size() + 1 + word.size() > kTextColumns && line.size() > head.size()) {
      out += line + "\n";
      line = head;
    }
    line += " ";
    line += word;
  }
  out += line + "\n";
}

// JSON is YAML; a word needs no quotes.
std::string yaml_value(const boost::json::value& value) {
  const auto* text = value.if_string();
  const bool is_word = text != nullptr && !text->empty() &&
                       std::string_view(*text).find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") ==
                           std::string_view::npos &&
                       std::string_view(*text).find_first_of("abcdefghijklmnopqrstuvwxyz/") !=
                           std::string_view::npos;
  return is_word ? std::string(*text) : boost::json::serialize(value);
}

void append_about(std::string& out, const std::string& indent, const schema::Field& field,
                  std::string_view name) {
  std::string text = name.empty() ? "" : fmt::format("{}: ", name);
  text += field.help;
  if (field.reloadable) text += " Can change while running.";
  text += fmt::format(" Takes {}.", schema::allowed_text(field));
  append_text(out, indent, text);
}

void append_fields(std::string& out, const schema::Fields& fields, const std::string& indent);

// What its members may be given, then those that are there by default, in one line each.
void append_object_map(std::string& out, const schema::Field& field, const std::string& indent) {
  for (const auto& member : field.fields) append_about(out, indent + "  ", member, member.name);
  out += "#" + indent + field.name + ":\n";
  for (const auto& member : field.fallback.as_object()) {
    std::string values;
    for (const auto& value : member.value().as_object())
      values += fmt::format("{}{}: {}", values.empty() ? "" : ", ", std::string_view(value.key()),
                            boost::json::serialize(value.value()));
    out += fmt::format("#{}  {}: {{{}}}\n", indent, std::string_view(member.key()), values);
  }
}

void append_fields(std::string& out, const schema::Fields& fields, const std::string& indent) {
  for (const auto& field : fields) {
    if (indent.empty()) out += "\n";
    if (field.type == schema::Type::Object) {
      append_text(out, indent, field.help);
      out += "#" + indent + field.name + ":\n";
      append_fields(out, field.fields, indent + "  ");
    } else if (field.type == schema::Type::ObjectMap && !field.fallback.as_object().empty()) {
      append_text(out, indent, field.help);
      append_object_map(out, field, indent);
    } else if (field.fallback.is_null()) {  // no default: it is named in the text alone
      append_about(out, indent, field, field.name);
    } else {
      append_about(out, indent, field, "");
      out += fmt::format("#{}{}: {}\n", indent, field.name, yaml_value(field.fallback));
    }
  }
}

}  // namespace

std::string commented_settings() {
  std::string out =
      "## Settings of the Sluice server: sluice.yaml(5).\n"
      "##\n"
      "## Every setting stands here with its default, behind a `#`. To change one, take the `#` "
      "away\n"
      "## from its line and from the lines of the mappings that it stands in. Then\n"
      "##   sluice check -c FILE        says whether it is right, and what is in effect;\n"
      "##   SIGHUP                      takes over what can change while running;\n"
      "##   a restart                   takes over all of it.\n";
  append_fields(out, setting_fields(), "");
  return out;
}

}  // namespace sluice::app
