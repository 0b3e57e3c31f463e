#include "app/doctor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include <boost/json/array.hpp>

#include "base/clock.hpp"
#include "base/escape.hpp"
#include "base/json_text.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

std::string_view word_of(Health health) {
  switch (health) {
    case Health::Warning:
      return "warning";
    case Health::Problem:
      return "problem";
    case Health::Ok:
      break;
  }
  return "ok";
}

std::string for_terminal(std::string_view text) {
  std::string out;
  append_escaped(out, text, EscapeFor::Terminal);
  return out;
}

void look_at_settings_file(const std::string& file, Findings& findings) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return;  // load_settings has said so
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0) {
    findings.push_back({"settings file", Health::Ok, file + " is read, and nobody else writes it"});
    return;
  }
  findings.push_back({"settings file", Health::Warning,
                      fmt::format("{}: others may change it (mode {:04o})", file,
                                  static_cast<unsigned>(status.st_mode & 07777)),
                      "chmod go-w " + file});
}

// What can be said without settings.
Findings without_settings(const SettingSources& sources,
                          const std::vector<SettingProblem>& problems) {
  Findings findings;
  for (const auto& problem : problems)
    findings.push_back({"settings", Health::Problem, problem.text(),
                        "mend it; data, ports and certificates are looked at then"});
  if (sources.file) look_at_settings_file(*sources.file, findings);
  look_at_core_dumps({}, findings);
  return findings;
}

json::object document_of(const Findings& findings) {
  json::array checks;
  for (const auto& finding : findings)
    checks.push_back(json::object{{"check", finding.check},
                                  {"health", word_of(finding.health)},
                                  {"detail", finding.detail},
                                  {"advice", finding.advice}});
  const auto is_problem = [](const Finding& finding) { return finding.health == Health::Problem; };
  return {{"ok", std::ranges::none_of(findings, is_problem)}, {"checks", std::move(checks)}};
}

void print_lines(const Findings& findings) {
  std::size_t width = 0;
  for (const auto& finding : findings) width = std::max(width, finding.check.size());
  for (const auto& finding : findings) {
    fmt::print("{:<7}  {:<{}}  {}\n", word_of(finding.health), for_terminal(finding.check), width,
               for_terminal(finding.detail));
    if (!finding.advice.empty())
      fmt::print("{:<7}  {:<{}}  -> {}\n", "", "", width, for_terminal(finding.advice));
  }
}

}  // namespace

std::string text_of_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Findings examine(const SettingSources& sources) {
  const auto effective = load_settings(sources);
  if (!effective) return without_settings(sources, effective.error());
  const auto& settings = effective->settings;
  Findings findings;
  if (sources.file)
    look_at_settings_file(*sources.file, findings);
  else
    findings.push_back({"settings", Health::Ok, "no file: defaults, environment, command line"});
  for (const auto& warning : effective->warnings)
    findings.push_back({"settings", Health::Warning, warning, "`sluice check` shows all of them"});

  const auto holder = holder_of(settings.data);
  look_at_data(settings, holder, findings);
  look_at_sync_speed(settings, findings);
  look_at_ports(settings, holder, findings);
  look_at_certificates(settings, system_clock().wall_ms(), findings);
  look_at_limits(*effective, holder, findings);
  look_at_clock(settings.data, findings);
  look_at_core_dumps(holder, findings);
  return findings;
}

int run_doctor(const SettingSources& sources, OutputFormat format) {
  const auto findings = examine(sources);
  const auto document = document_of(findings);
  if (format == OutputFormat::Json)
    fmt::print("{}\n", json_text(document));
  else
    print_lines(findings);
  return document.at("ok") == true ? 0 : 1;
}

}  // namespace sluice::app
