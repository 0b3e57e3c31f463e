#include "connect/processing/schema_references.hpp"

#include <charconv>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::connect::processing {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestName = 200;  // of what is told again

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// `%25` is a percent sign, `~1` a slash, `~0` a tilde (RFC 6901, sections 3 and 6).
std::optional<std::string> decode(std::string_view step) {
  std::string plain;
  for (std::size_t i = 0; i < step.size(); ++i) {
    if (step[i] != '%') {
      plain += step[i];
      continue;
    }
    if (i + 2 >= step.size()) return std::nullopt;
    const int high = hex_digit(step[i + 1]);
    const int low = hex_digit(step[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  std::string name;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (plain[i] != '~' || i + 1 == plain.size()) {
      name += plain[i];
      continue;
    }
    name += plain[++i] == '1' ? '/' : '~';
  }
  return name;
}

const json::value* child(const json::value& value, const std::string& name) {
  if (const auto* object = value.if_object()) return object->if_contains(name);
  const auto* list = value.if_array();
  if (list == nullptr) return nullptr;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc() || end != name.data() + name.size()) return nullptr;
  return list->if_contains(index);
}

}  // namespace

std::string below(std::string_view pointer, std::string_view name) {
  auto path = std::string(pointer) + '/';
  for (const char c : name) path += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return path;
}

Result<Target, std::string> follow(const json::value& root, const json::value& reference) {
  const auto text = reference.is_string() ? std::string_view(reference.get_string()) : "";
  const auto told = "`" + std::string(text.substr(0, kLongestName)) + "`";
  if (text != "#" && !text.starts_with("#/"))
    return tl::unexpected(
        "must lead into this schema, as `#/definitions/name` does: no other document is fetched, "
        "and names given with `$id` are not known" +
        (text.empty() ? "" : "; it is " + told));
  Target target{.value = &root};
  auto rest = text.substr(1);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const auto end = std::min(rest.find('/'), rest.size());
    const auto name = decode(rest.substr(0, end));
    target.value = name && !name->empty() ? child(*target.value, *name) : nullptr;
    if (target.value == nullptr)
      return tl::unexpected("leads nowhere: there is no " + told + " in this schema");
    target.pointer = below(target.pointer, *name);
    rest.remove_prefix(end);
  }
  return target;
}

}  // namespace sluice::connect::processing
