#include "app/setting_sources.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

#include "app/setting_document.hpp"
#include "base/ascii.hpp"
#include "base/escape.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;
using schema::Field;
using schema::Fields;
using schema::Type;

constexpr std::string_view kPrefix = "SLUICE_";
constexpr std::uintmax_t kLongestSecret = 64 * 1024;  // bytes of a file that holds one
constexpr std::array<std::string_view, 5> kNotSettings = {
    "SLUICE_URL", "SLUICE_TOKEN", "SLUICE_USER", "SLUICE_PASSWORD", "SLUICE_ADMIN_PASSWORD"};

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

// SLUICE_LISTENERS__TCP__BIND -> listeners, tcp, bind.
std::vector<std::string> path_of_variable(std::string_view name) {
  return split(ascii_lower(name.substr(kPrefix.size())), "__");
}

std::string variable_of(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) {
    if (c == '.') name += "__";
    if (c != '.') name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

class Loader {
 public:
  Loader(const Fields& fields, const SettingSources& sources)
      : fields_(fields), sources_(sources), document_(fields) {}

  LoadedValues load() {
    lay_file();
    if (!sources_.changed.empty())
      document_.lay_yaml(std::string(kChangedByRest), sources_.changed, false);
    lay_environment();
    lay_flags();
    resolve_secrets(fields_, document_.values(), "");

    LoadedValues loaded;
    loaded.origins = document_.origins();
    loaded.problems = std::move(document_.problems());
    auto checked = schema::check(fields_, document_.values());
    for (auto& problem : checked.problems) {
      loaded.problems.push_back({place_of(loaded.origins, problem.pointer), dotted(problem.pointer),
                                 std::move(problem.detail)});
    }
    loaded.values = std::move(checked.value);
    loaded.warnings = std::move(warnings_);
    return loaded;
  }

 private:
  void lay_file() {
    if (!sources_.file) return;
    const auto text = read_file(*sources_.file);
    if (!text) {
      document_.problems().push_back(
          {*sources_.file, "", "the settings file cannot be read: " + text.error().detail});
      return;
    }
    if (!is_utf8(*text)) {
      document_.problems().push_back({*sources_.file, "", "the settings file is not UTF-8"});
      return;
    }
    document_.lay_yaml(*sources_.file, *text);
  }

  void lay_environment() {
    for (const auto& [name, value] : sources_.environment) {
      const bool is_ours = name.starts_with(kPrefix) && name.size() > kPrefix.size();
      if (!is_ours || std::ranges::find(kNotSettings, name) != kNotSettings.end()) continue;
      if (!is_utf8(value)) {
        document_.problems().push_back({name, "", "the variable is not UTF-8"});
        continue;
      }
      const auto path = path_of_variable(name);
      if (document_.lay_text(path, name, value) == SettingDocument::Found::Yes) continue;
      auto warning = fmt::format("the variable {} is not a setting and has no effect", name);
      const auto meant = document_.nearest_path(path);
      if (!meant.empty()) warning += fmt::format("; did you mean {}?", variable_of(meant));
      warnings_.push_back(std::move(warning));
    }
  }

  void lay_flags() {
    for (const auto& [flag, key, value] : sources_.flags) {
      if (key.empty()) {
        document_.problems().push_back(
            {flag, "",
             fmt::format("`{}` has no value; write KEY=VALUE, such as mqtt.groups=10", value)});
        continue;
      }
      if (!is_utf8(key) || !is_utf8(value)) {
        document_.problems().push_back({flag, "", "the argument is not UTF-8"});
        continue;
      }
      const auto path = split(key, ".");
      if (document_.lay_text(path, flag, value) == SettingDocument::Found::Yes) continue;
      std::string detail = "is not a setting";
      const auto meant = document_.nearest_path(path);
      if (!meant.empty()) detail += fmt::format("; did you mean `{}`?", meant);
      document_.problems().push_back({flag, key, std::move(detail)});
    }
  }

  // Replaces `file:PATH` and `env:NAME` by what they refer to.
  void resolve_secrets(const Fields& fields, json::object& values, const std::string& pointer) {
    for (const auto& field : fields) {
      auto* value = values.if_contains(field.name);
      if (value == nullptr) continue;
      const auto child = schema::child_pointer(pointer, field.name);
      if (auto* text = value->if_string(); text != nullptr && field.secret) {
        resolve_secret(*value, std::string(*text), child);
      }
      auto* nested = value->if_object();
      if (nested == nullptr) continue;
      if (field.type == Type::Object) resolve_secrets(field.fields, *nested, child);
      if (field.type != Type::ObjectMap) continue;
      for (auto& member : *nested) {
        auto* object = member.value().if_object();
        if (object == nullptr) continue;
        resolve_secrets(field.fields, *object, schema::child_pointer(child, member.key()));
      }
    }
  }

  void resolve_secret(json::value& value, const std::string& text, const std::string& pointer) {
    const auto refuse = [&](std::string detail) {
      document_.problems().push_back(
          {place_of(document_.origins(), pointer), dotted(pointer), std::move(detail)});
      value = "";
    };
    if (text.starts_with("env:")) {
      const auto name = text.substr(4);
      const auto found = std::ranges::find(sources_.environment, name,
                                           &std::pair<std::string, std::string>::first);
      if (found == sources_.environment.end()) {
        return refuse(fmt::format("refers to the variable {}, which is not set", name));
      }
      value = found->second;
    } else if (text.starts_with("file:")) {
      const auto path = text.substr(5);
      auto secret = read_file(path);
      if (!secret) {
        return refuse(
            fmt::format("refers to {}, which cannot be read: {}", path, secret.error().detail));
      }
      if (secret->size() > kLongestSecret) {
        return refuse(fmt::format("refers to {}, which is too large for a secret", path));
      }
      while (secret->ends_with('\n') || secret->ends_with('\r')) secret->pop_back();
      value = *secret;
    }
  }

  const Fields& fields_;
  const SettingSources& sources_;
  SettingDocument document_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad()) {
    return fail(Errc::IoFailed, errno == 0 ? "not a file" : std::strerror(errno));
  }
  return std::move(text).str();
}

std::string SettingProblem::text() const {
  std::string line;
  if (!place.empty()) line += place + ": ";
  if (!key.empty()) line += key + " ";
  line += detail;
  std::string safe;
  append_escaped(safe, line, EscapeFor::Terminal);
  return safe;
}

SettingSources::Flag parse_set_flag(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return {"--set", "", text};
  return {"--set", text.substr(0, equals), text.substr(equals + 1)};
}

LoadedValues load_values(const Fields& fields, const SettingSources& sources) {
  return Loader(fields, sources).load();
}

std::string dotted(std::string_view pointer) {
  std::string text;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    const bool is_escape = pointer[i] == '~' && i + 1 < pointer.size();
    if (is_escape) {
      text += pointer[++i] == '1' ? '/' : '~';
    } else if (pointer[i] != '/') {
      text += pointer[i];
    } else if (i > 0) {
      text += '.';
    }
  }
  return text;
}

std::string place_of(const std::map<std::string, std::string>& origins, std::string_view pointer) {
  while (!pointer.empty()) {
    const auto it = origins.find(std::string(pointer));
    if (it != origins.end()) return it->second;
    pointer = pointer.substr(0, pointer.rfind('/'));
  }
  return {};
}

}  // namespace sluice::app
