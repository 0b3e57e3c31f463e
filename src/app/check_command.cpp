#include "app/check_command.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/escape.hpp"

namespace sluice::app {
namespace {

std::string value_text(const boost::json::value& value) {
  std::string out;
  if (const auto* text = value.if_string(); text != nullptr && !text->empty()) {
    append_escaped(out, *text, EscapeFor::Terminal);
  } else {
    append_escaped(out, boost::json::serialize(value), EscapeFor::Terminal);
  }
  return out;
}

}  // namespace

std::string settings_text(const EffectiveSettings& effective) {
  std::vector<std::pair<std::string, std::string>> lines;
  std::size_t width = 0;
  for (const auto& setting : show_settings(effective)) {
    auto& line = lines.emplace_back(fmt::format("{} = {}", setting.name, value_text(setting.value)),
                                    setting.origin);
    width = std::max(width, line.first.size());
  }
  std::string out;
  for (const auto& [setting, origin] : lines) {
    out += fmt::format("{:<{}}  # {}\n", setting, width, origin);
  }
  return out;
}

std::string problems_text(const std::vector<SettingProblem>& problems) {
  auto out =
      fmt::format("sluice: {} in the settings; nothing was started\n",
                  problems.size() == 1 ? "1 problem" : fmt::format("{} problems", problems.size()));
  for (const auto& problem : problems) out += "  " + problem.text() + "\n";
  return out;
}

}  // namespace sluice::app
