// Whatever stands in a settings file: it is refused with at least one problem, or its values pass
// the checks again, mean something to the program, and can be taken over while it runs.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "app/settings.hpp"

using namespace sluice;  // a fuzzer has no other names

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  app::SettingSources sources;
  // By the way of a change by REST, which has the parser of the file.
  sources.changed = std::string(reinterpret_cast<const char*>(data), size);
  // A secret may name any file of this machine: not in a fuzzer.
  if (sources.changed.find("file:") != std::string::npos) return 0;
  auto loaded = app::load_values(app::setting_fields(), sources);
  for (const auto& problem : loaded.problems)
    if (problem.detail.empty()) std::abort();
  if (!loaded.problems.empty() || !app::check_setting_rules(loaded.values).empty()) return 0;

  const auto again = schema::check(app::setting_fields(), loaded.values);
  if (!again.problems.empty() || again.value != loaded.values) std::abort();
  app::EffectiveSettings fresh;
  fresh.settings = app::settings_of(loaded.values);
  fresh.values = loaded.values;
  auto current = app::load_settings(app::SettingSources{});
  if (!current) std::abort();
  const auto merged = app::merge_reloaded(*current, fresh);
  if (merged && merged->effective.values.size() != current->values.size()) std::abort();
  return 0;
}
