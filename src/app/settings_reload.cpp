// SIGHUP: what of freshly read settings comes into effect.
#include "app/settings.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;
using schema::Fields;
using schema::Type;

class Merge {
 public:
  Merge(const EffectiveSettings& current, const EffectiveSettings& fresh) : fresh_(fresh) {
    merged.effective = current;
  }

  void merge(const Fields& fields, json::object& values, const json::object& fresh,
             const std::string& prefix) {
    for (const auto& field : fields) {
      const auto name = prefix + field.name;
      auto* value = values.if_contains(field.name);
      const auto* fresh_value = fresh.if_contains(field.name);
      if (field.type == Type::Object && value != nullptr && value->is_object()) {
        merge(field.fields, value->get_object(), fresh_value->as_object(), name + ".");
        continue;
      }
      const bool is_same = value == nullptr || fresh_value == nullptr ? value == fresh_value
                                                                      : *value == *fresh_value;
      if (!is_same) (field.reloadable ? merged.changed : merged.need_restart).push_back(name);
      // What can change has a default, so it is in both.
      if (!field.reloadable || value == nullptr || fresh_value == nullptr) continue;
      *value = *fresh_value;
      take_origin(name);
    }
  }

  ReloadedSettings merged;

 private:
  void take_origin(const std::string& name) {
    merged.effective.origins.erase(name);
    const auto found = fresh_.origins.find(name);
    if (found != fresh_.origins.end()) merged.effective.origins.insert(*found);
  }

  const EffectiveSettings& fresh_;
};

}  // namespace

tl::expected<ReloadedSettings, std::vector<SettingProblem>> merge_reloaded(
    const EffectiveSettings& current, const EffectiveSettings& fresh) {
  Merge merge(current, fresh);
  auto& effective = merge.merged.effective;
  merge.merge(setting_fields(), effective.values, fresh.values, "");
  std::vector<SettingProblem> problems;
  for (auto& problem : check_setting_rules(effective.values)) {
    const auto name = dotted(problem.pointer);
    const auto origin = effective.origins.find(name);
    problems.push_back({origin == effective.origins.end() ? std::string() : origin->second, name,
                        std::move(problem.detail)});
  }
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  effective.settings = settings_of(effective.values);
  return std::move(merge.merged);
}

}  // namespace sluice::app
