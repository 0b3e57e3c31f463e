#include "app/rest_output.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/escape.hpp"
#include "base/json_text.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

std::string safe(std::string_view text) {
  std::string out;
  append_escaped(out, text, EscapeFor::Terminal);
  return out;
}

std::string value_text(const json::value* value) {
  if (value == nullptr || value->is_null()) return "-";
  if (const auto* text = value->if_string()) return text->empty() ? "-" : safe(*text);
  if (const auto* list = value->if_array()) {
    std::string out;
    for (const auto& member : *list) {
      if (!out.empty()) out += ", ";
      out += value_text(&member);
    }
    return out.empty() ? "-" : out;
  }
  return safe(json_text(*value));
}

void append_members(std::string& out, const json::object& object, const std::string& prefix) {
  for (const auto& member : object) {
    const auto name = prefix + safe(member.key());
    const auto* nested = member.value().if_object();
    if (nested != nullptr && !nested->empty()) {
      append_members(out, *nested, name + ".");
    } else {
      out += fmt::format("{:<32} {}\n", name, value_text(&member.value()));
    }
  }
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? safe(value->get_string()) : std::string();
}

void append_fields(std::string& out, const json::object& problem) {
  const auto* fields = problem.if_contains("fields");
  if (fields == nullptr || !fields->is_array()) return;
  for (const auto& field : fields->get_array()) {
    const auto* members = field.if_object();
    if (members == nullptr) continue;
    out += fmt::format("  {} {}\n", text_of(*members, "pointer"), text_of(*members, "detail"));
  }
}

constexpr std::size_t kWidestPayload = 63;
constexpr std::size_t kGap = 2;         // between columns
constexpr std::size_t kNarrowest = 12;  // no column becomes narrower

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

// To so many characters, which stay whole.
void shorten(std::string& text, std::size_t most) {
  if (width_of(text) <= most) return;
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end)
    if (begins_character(text[end]) && seen++ == most - 3) break;
  text.resize(end);
  text += "...";
}

// The widest give way first.
void fit(std::vector<std::size_t>& widths, std::size_t most) {
  if (widths.empty()) return;
  auto total = (widths.size() - 1) * kGap;
  for (const auto width : widths) total += width;
  while (total > most) {
    auto& widest = *std::ranges::max_element(widths);
    if (widest <= kNarrowest) return;
    --widest;
    --total;
  }
}

}  // namespace

std::string lines_text(const json::array& items) {
  std::string out;
  for (const auto& item : items) out += json_text(item) + '\n';
  return out;
}

std::string table_text(const json::array& items, std::span<const std::string_view> columns,
                       bool with_header, std::size_t most_width) {
  std::vector<std::vector<std::string>> rows(1);
  for (const auto column : columns) {
    std::string title(column);
    for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    rows[0].push_back(std::move(title));
  }
  for (const auto& item : items) {
    auto& row = rows.emplace_back();
    const auto* object = item.if_object();
    for (const auto column : columns) {
      row.push_back(value_text(object == nullptr ? nullptr : object->if_contains(column)));
      if (column == "payload") shorten(row.back(), kWidestPayload);
    }
  }

  std::vector<std::size_t> widths(columns.size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  fit(widths, most_width);
  std::string out;
  for (auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      shorten(row[i], widths[i]);
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width_of(row[i]) + kGap, ' ');
    }
    out += '\n';
  }
  return with_header ? out : out.substr(out.find('\n') + 1);
}

std::size_t terminal_width() {
  winsize size{};
  const bool is_known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : SIZE_MAX;
}

std::string entity_text(const json::object& entity) {
  std::string out;
  append_members(out, entity, "");
  return out;
}

std::string trace_text(const json::object& trace) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kConsumers = {
      {{"sessions", "client_id"}, {"groups", "name"}, {"tasks", "name"}}};
  auto members = trace;
  json::array rows;
  for (const auto& [list, name] : kConsumers) {
    const auto* found = trace.if_contains(list);
    members.erase(list);
    if (found == nullptr || !found->is_array()) continue;
    for (const auto& entry : found->get_array()) {
      const auto* consumer = entry.if_object();
      if (consumer == nullptr) continue;
      auto row = *consumer;
      row["consumer"] = list.substr(0, list.size() - 1);
      if (const auto* named = consumer->if_contains(name)) row["name"] = *named;
      if (const auto* filters = consumer->if_contains("filters")) row["filter"] = *filters;
      rows.push_back(std::move(row));
    }
  }
  constexpr std::array<std::string_view, 6> kColumns = {"consumer", "name",   "state",
                                                        "filter",   "status", "reason"};
  auto out = entity_text(members);
  out +=
      rows.empty() ? "no session, group or task is to get it\n" : "\n" + table_text(rows, kColumns);
  return out;
}

std::string steps_text(const json::array& steps) {
  std::string out;
  for (const auto& step : steps) {
    const auto* members = step.if_object();
    if (members == nullptr) continue;
    const auto* ok = members->if_contains("ok");
    const auto* ms = members->if_contains("ms");
    out +=
        fmt::format("{:<7} {:<13} {:>6} ms  {}\n", ok != nullptr && *ok == true ? "ok" : "failed",
                    text_of(*members, "name"), value_text(ms), text_of(*members, "detail"));
    const auto hint = text_of(*members, "hint");
    if (!hint.empty()) out += "        " + hint + "\n";
  }
  return out;
}

std::string verdict_text(const json::object& answer) {
  auto out = text_of(answer, "decision") + ": " + text_of(answer, "reason") + '\n';
  if (const auto* notes = answer.if_contains("notes"); notes != nullptr && notes->is_array())
    for (const auto& note : notes->get_array()) out += "note: " + value_text(&note) + '\n';
  constexpr std::array<std::string_view, 2> kColumns = {"effect", "name"};
  const auto* policies = answer.if_contains("policies");
  if (policies != nullptr && policies->is_array() && !policies->get_array().empty())
    out += '\n' + table_text(policies->get_array(), kColumns);
  return out;
}

std::string import_text(const json::object& report) {
  constexpr std::array<std::string_view, 4> kColumns = {"priority", "name", "carried", "made"};
  const auto* policies = report.if_contains("policies");
  if (policies == nullptr || !policies->is_array()) return entity_text(report);
  auto out = table_text(policies->get_array(), kColumns);
  for (const auto& policy : policies->get_array()) {
    const auto* members = policy.if_object();
    const auto* found = members == nullptr ? nullptr : members->if_contains("differences");
    if (found == nullptr || !found->is_array()) continue;
    for (const auto& difference : found->get_array())
      out += text_of(*members, "name") + ": " + value_text(&difference) + '\n';
  }
  if (const auto* notes = report.if_contains("notes"); notes != nullptr && notes->is_array())
    for (const auto& note : notes->get_array()) out += "note: " + value_text(&note) + '\n';
  return out + fmt::format("{} made\n", value_text(report.if_contains("made")));
}

std::string problem_text(unsigned status, std::string_view body) {
  json::error_code error;
  const auto parsed = json::parse(body, error);
  const auto* problem = error ? nullptr : parsed.if_object();
  if (problem == nullptr) return fmt::format("the server answered {} without a reason\n", status);
  auto title = text_of(*problem, "title");
  if (title.empty()) title = fmt::format("Status {}", status);
  auto out = fmt::format("{}: {}\n", title, text_of(*problem, "detail"));
  const auto hint = text_of(*problem, "hint");
  if (!hint.empty()) out += fmt::format("hint: {}\n", hint);
  append_fields(out, *problem);
  return out;
}

}  // namespace sluice::app
