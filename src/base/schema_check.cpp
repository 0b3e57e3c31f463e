// The check of a document against its declaration. Every problem is found in one pass.
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/escape.hpp"
#include "base/schema.hpp"

namespace sluice::schema {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestQuote = 60;  // bytes of a wrong value that a problem repeats

using Problems = std::vector<Problem>;

// What stands there instead, for the end of a sentence. A secret is never repeated.
std::string quoted(const Field& field, const json::value& value) {
  if (field.secret) return {};
  if (value.is_object()) return ", not an object";
  if (value.is_array()) return ", not a list";
  const auto text = value.is_string() ? std::string(value.get_string()) : json::serialize(value);
  std::string out = value.is_string() ? ", not \"" : ", not ";
  append_escaped(out, std::string_view(text).substr(0, kLongestQuote), EscapeFor::Text);
  if (text.size() > kLongestQuote) out += "...";
  if (value.is_string()) out += '"';
  return out;
}

std::int64_t characters(std::string_view text) {
  std::int64_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1 : 0;
  return count;
}

bool is_choice(const Field& field, std::string_view text) {
  for (const auto& choice : field.choices) {
    if (choice == text) return true;
  }
  return false;
}

bool in_range(const Field& field, std::int64_t number) {
  return number >= field.minimum.value_or(std::numeric_limits<std::int64_t>::min()) &&
         number <= field.maximum.value_or(std::numeric_limits<std::int64_t>::max());
}

std::optional<std::int64_t> whole_number(const json::value& value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: above it a double skips whole numbers
  if (value.is_int64()) return value.get_int64();
  if (const auto* number = value.if_double()) {
    if (std::nearbyint(*number) == *number && std::abs(*number) <= kExact) {
      return static_cast<std::int64_t>(*number);
    }
  }
  return std::nullopt;  // an uint64 here is larger than every int64
}

class Checker {
 public:
  explicit Checker(Problems& problems) : problems_(problems) {}

  json::object object(const Fields& fields, const json::object& document,
                      std::string_view pointer) {
    refuse_unknown(fields, document, pointer);
    json::object checked;
    for (const auto& field : fields) {
      const auto place = child_pointer(pointer, field.name);
      const auto* given = document.if_contains(field.name);
      auto value = given != nullptr ? present(field, *given, place) : absent(field, place);
      if (value) checked[field.name] = std::move(*value);
    }
    return checked;
  }

 private:
  void refuse_unknown(const Fields& fields, const json::object& document,
                      std::string_view pointer) {
    std::vector<std::string> known;
    known.reserve(fields.size());
    for (const auto& field : fields) known.push_back(field.name);
    for (const auto& member : document) {
      bool is_known = false;
      for (const auto& name : known) is_known = is_known || name == member.key();
      if (is_known) continue;
      const auto meant = nearest(member.key(), known);
      std::string detail = "is not known here";
      if (meant) {
        detail += fmt::format("; did you mean `{}`?", *meant);
      } else if (!known.empty()) {
        detail += fmt::format("; known are `{}`", fmt::join(known, "`, `"));
      }
      problem(child_pointer(pointer, member.key()), std::move(detail));
    }
  }

  std::optional<json::value> absent(const Field& field, const std::string& place) {
    if (field.required) {
      problem(place, fmt::format("is missing: {}", allowed_text(field)));
      return std::nullopt;
    }
    if (!field.fallback.is_null()) return value(field, field.fallback, place);
    if (field.nullable) return json::value(nullptr);
    if (field.type != Type::Object) return std::nullopt;
    for (const auto& member : field.fields) {
      if (member.required) return std::nullopt;
    }
    return object(field.fields, {}, place);
  }

  std::optional<json::value> present(const Field& field, const json::value& given,
                                     const std::string& place) {
    if (given.is_null() && field.nullable) return json::value(nullptr);
    if (given.is_null() && !field.required)
      return absent(field, place);  // RFC 7396: as if left out
    return value(field, given, place);
  }

  std::optional<json::value> value(const Field& field, const json::value& given,
                                   const std::string& place) {
    switch (field.type) {
      case Type::Text:
        return text(field, given, place);
      case Type::Choice:
        if (given.is_string() && is_choice(field, given.get_string())) return given;
        return wrong_choice(field, given, place);
      case Type::Boolean:
        if (given.is_bool()) return given;
        return wrong(field, given, place);
      case Type::Integer:
      case Type::Bytes:
      case Type::Duration:
        return number(field, given, place);
      case Type::TextList:
      case Type::IntegerList:
        return list(field, given, place);
      case Type::Object:
        if (given.is_object()) return object(field.fields, given.get_object(), place);
        return wrong(field, given, place);
      case Type::Map:
      case Type::ObjectMap:
        return map(field, given, place);
      case Type::Any:
        return given;
    }
    return std::nullopt;
  }

  std::optional<json::value> text(const Field& field, const json::value& given,
                                  const std::string& place) {
    if (!given.is_string()) return wrong(field, given, place);
    const std::string_view content = given.get_string();
    if (field.secret && !is_secret(content, place)) return std::nullopt;
    if (content.find('\0') != std::string_view::npos) {
      return problem(place, "must not contain U+0000");
    }
    if (!in_range(field, characters(content))) return wrong(field, given, place);
    if (field.allowed != nullptr && !field.allowed(content)) return wrong(field, given, place);
    return given;
  }

  bool is_secret(std::string_view content, const std::string& place) {
    if (content == "***") {
      problem(place, "is \"***\", which keeps a saved secret, but none is saved here");
      return false;
    }
    if (content.starts_with("file:") || content.starts_with("env:")) {
      problem(place, "must be the secret itself: file: and env: work in the settings file only");
      return false;
    }
    return true;
  }

  std::optional<json::value> number(const Field& field, const json::value& given,
                                    const std::string& place) {
    auto number = whole_number(given);
    if (const auto* text = given.if_string()) {
      if (is_choice(field, *text)) return given;
      if (field.type == Type::Integer) return wrong(field, given, place);
      const auto parsed = field.type == Type::Bytes ? parse_bytes(*text) : parse_duration_ms(*text);
      if (parsed) number = *parsed;
    }
    const bool is_negative_measure = field.type != Type::Integer && number.value_or(0) < 0;
    if (!number || is_negative_measure || !in_range(field, *number)) {
      return wrong(field, given, place);
    }
    return json::value(*number);
  }

  std::optional<json::value> list(const Field& field, const json::value& given,
                                  const std::string& place) {
    const auto* members = given.if_array();
    if (members == nullptr) return wrong(field, given, place);
    if (!in_range(field, static_cast<std::int64_t>(members->size()))) {
      return problem(
          place, fmt::format("must be {}, not {} of them", allowed_text(field), members->size()));
    }
    json::array checked;
    for (std::size_t i = 0; i < members->size(); ++i) {
      const auto member_place = child_pointer(place, std::to_string(i));
      if (auto member = list_member(field, (*members)[i], member_place)) {
        checked.push_back(std::move(*member));
      }
    }
    return json::value(std::move(checked));
  }

  std::optional<json::value> list_member(const Field& field, const json::value& given,
                                         const std::string& place) {
    Field member;
    member.type = field.type == Type::TextList ? Type::Text : Type::Integer;
    member.secret = field.secret;
    member.pattern_help = field.pattern_help;
    member.allowed = field.allowed;
    if (field.choices.empty()) return value(member, given, place);

    const auto number = whole_number(given);
    const bool is_wanted_type = member.type == Type::Text ? given.is_string() : number.has_value();
    if (is_wanted_type) {
      const auto content = number ? std::to_string(*number) : std::string(given.get_string());
      if (is_choice(field, content)) return given;
    }
    return wrong_choice(field, given, place);
  }

  std::optional<json::value> map(const Field& field, const json::value& given,
                                 const std::string& place) {
    const auto* members = given.if_object();
    if (members == nullptr) return wrong(field, given, place);
    if (!in_range(field, static_cast<std::int64_t>(members->size()))) {
      return problem(
          place, fmt::format("must be {}, not {} of them", allowed_text(field), members->size()));
    }
    Field member;
    member.type = field.type == Type::Map ? Type::Text : Type::Object;
    member.secret = field.secret;
    member.fields = field.fields;
    json::object checked;
    for (const auto& entry : *members) {
      const auto member_place = child_pointer(place, entry.key());
      if (field.allowed != nullptr && !field.allowed(entry.key())) {
        problem(member_place, fmt::format("the name must be {}", field.pattern_help));
        continue;
      }
      const auto before = problems_.size();
      auto kept = value(member, entry.value(), member_place);
      if (problems_.size() > before) suggest_name(field, entry.key(), before);
      if (kept) {
        checked[entry.key()] = std::move(*kept);
      }
    }
    return json::value(std::move(checked));
  }

  // Half an object under a free name: a slip in the name of one that is there by default?
  void suggest_name(const Field& field, std::string_view name, std::size_t first_problem) {
    const auto* defaults = field.fallback.if_object();
    if (defaults == nullptr || defaults->contains(name)) return;
    std::vector<std::string> known;
    for (const auto& each : *defaults) known.emplace_back(each.key());
    const auto meant = nearest(name, known);
    if (!meant) return;
    for (auto i = first_problem; i < problems_.size(); ++i) {
      if (problems_[i].detail.starts_with("is missing"))
        problems_[i].detail += fmt::format("; or did you mean `{}` by `{}`?", *meant, name);
    }
  }

  std::optional<json::value> wrong_choice(const Field& field, const json::value& given,
                                          const std::string& place) {
    Field choice;
    choice.type = Type::Choice;
    choice.choices = field.choices;
    auto detail = fmt::format("must be {}{}", allowed_text(choice), quoted(field, given));
    if (given.is_string() && !field.secret) {
      if (const auto meant = nearest(given.get_string(), field.choices)) {
        detail += fmt::format("; did you mean `{}`?", *meant);
      }
    }
    return problem(place, std::move(detail));
  }

  std::optional<json::value> wrong(const Field& field, const json::value& given,
                                   const std::string& place) {
    return problem(place, fmt::format("must be {}{}", allowed_text(field), quoted(field, given)));
  }

  std::optional<json::value> problem(std::string place, std::string detail) {
    problems_.push_back({std::move(place), std::move(detail)});
    return std::nullopt;
  }

  Problems& problems_;
};

}  // namespace

Checked check(const Fields& fields, const json::object& document, std::string_view pointer) {
  Checked checked;
  checked.value = Checker(checked.problems).object(fields, document, pointer);
  return checked;
}

}  // namespace sluice::schema
