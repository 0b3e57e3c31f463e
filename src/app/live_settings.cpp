#include "app/live_settings.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/log.hpp"
#include "broker/save_change.hpp"
#include "connect/merge_patch.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;
using schema::Field;
using schema::Fields;
using schema::Type;

constexpr std::string_view kChangedKey = "setting/changed";

std::string names_text(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, " "));
}

void log_kept_out(const std::vector<SettingProblem>& problems, std::string_view event) {
  for (const auto& problem : problems) log::error(event, {{"problem", problem.text()}});
}

std::string pointer_of(std::string key) {
  std::ranges::replace(key, '.', '/');
  return "/" + key;
}

// Does the environment or the command line give it? A file's place ends in a line number.
bool is_stronger(const std::string& origin) {
  return origin.starts_with("--") ||
         (origin.starts_with("SLUICE_") && origin.find_first_of(":.") == std::string::npos);
}

// What in a patch cannot be done, each with what to do instead.
class PatchCheck {
 public:
  explicit PatchCheck(const EffectiveSettings& current) : current_(current) {}

  void look(const Fields& fields, const json::object& patch, const std::string& prefix) {
    for (const auto& member : patch) {
      const std::string name(member.key());
      const auto found = std::ranges::find(fields, name, &Field::name);
      if (found == fields.end()) {
        refuse(prefix + name, unknown(fields, name));
      } else if (found->type == Type::Object && !member.value().is_null()) {
        if (const auto* nested = member.value().if_object())
          look(found->fields, *nested, prefix + name + ".");
        else
          refuse(prefix + name, "must be an object");
      } else if (found->type != Type::Object) {
        look_at(*found, prefix + name);
      }
    }
  }

  std::vector<schema::Problem> problems;

 private:
  static std::string unknown(const Fields& fields, const std::string& name) {
    std::vector<std::string> known;
    for (const auto& field : fields) known.push_back(field.name);
    const auto meant = schema::nearest(name, known);
    return meant ? fmt::format("is not a setting; did you mean `{}`?", *meant)
                 : std::string("is not a setting");
  }

  void look_at(const Field& field, const std::string& name) {
    const auto origin = current_.origins.find(name);
    if (!field.reloadable)
      refuse(name, "cannot change while running: change it in the settings file and restart");
    else if (field.secret)
      refuse(name, "is a secret: change it where the settings file has it, then SIGHUP");
    else if (origin != current_.origins.end() && is_stronger(origin->second))
      refuse(name,
             fmt::format("is given by {}, which is stronger: change it there", origin->second));
  }

  void refuse(const std::string& name, std::string detail) {
    problems.push_back({pointer_of(name), std::move(detail)});
  }

  const EffectiveSettings& current_;
};

tl::unexpected<Refusal> refuse_change(std::vector<schema::Problem> problems) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = fmt::format("{} of the changes cannot be made", problems.size()),
                 .hint = "nothing was changed; GET /api/v1/settings says what can change while "
                         "running (`reloadable`) and where each value comes from",
                 .fields = std::move(problems)});
}

tl::unexpected<Refusal> refuse_change(const std::vector<SettingProblem>& problems) {
  std::vector<schema::Problem> fields;
  for (const auto& problem : problems) fields.push_back({pointer_of(problem.key), problem.detail});
  return refuse_change(std::move(fields));
}

}  // namespace

LiveSettings::LiveSettings(const EffectiveSettings& loaded, Load load, Apply apply)
    : load_(std::move(load)), apply_(std::move(apply)), current_(loaded) {}

json::object LiveSettings::shown() const {
  return current_.with(settings_document);
}

LiveSettings::Reloaded LiveSettings::merged_with(const json::object& changed) const {
  const auto fresh = load_(changed.empty() ? std::string() : json::serialize(changed));
  if (!fresh) return tl::unexpected(fresh.error());
  return current_.with([&](const EffectiveSettings& now) { return merge_reloaded(now, *fresh); });
}

void LiveSettings::take(const ReloadedSettings& merged) {
  apply_(merged.effective);
  current_.with([&](EffectiveSettings& now) { now = merged.effective; });
}

Result<void> LiveSettings::restore(store::Store& store) {
  const std::scoped_lock lock(changing_);
  SL_TRY(text, store.get(store::StateKind::Document, kChangedKey));
  if (!text) return {};
  boost::system::error_code error;
  auto document = json::parse(*text, error);
  if (error || !document.is_object())
    return fail(Errc::Corrupt, "the settings that were changed by REST are damaged");
  const auto merged = merged_with(document.get_object());
  if (!merged) {
    log_kept_out(merged.error(), "settings changed by REST are not in effect");
    return {};
  }
  changed_ = document.get_object();
  take(*merged);
  return {};
}

void LiveSettings::apply() const {
  apply_(current_.with([](const EffectiveSettings& now) { return now; }));
}

void LiveSettings::reload(const std::function<void()>& read_files) {
  const std::scoped_lock lock(changing_);
  const auto merged = merged_with(changed_);
  if (!merged)
    return log_kept_out(merged.error(), "settings not reloaded: the old ones stay in effect");
  take(*merged);
  read_files();
  log::info("settings reloaded", {{"changed", names_text(merged->changed)}});
  if (!merged->need_restart.empty())
    log::warn("settings changed that need a restart",
              {{"settings", names_text(merged->need_restart)}});
}

Outcome<json::object> LiveSettings::change(store::Store& store, const json::object& patch) {
  const std::scoped_lock lock(changing_);
  auto problems = current_.with([&](const EffectiveSettings& now) {
    PatchCheck check(now);
    check.look(setting_fields(), patch, "");
    return std::move(check.problems);
  });
  if (!problems.empty()) return refuse_change(std::move(problems));
  auto changed = connect::merge_patch(changed_, patch);
  const auto merged = merged_with(changed);
  if (!merged) return refuse_change(merged.error());

  const auto batch = store.new_batch();
  batch->put(store::StateKind::Document, kChangedKey, json::serialize(changed));
  SL_TRY_VOID(broker::save_change(store, batch));
  changed_ = std::move(changed);
  take(*merged);
  log::info("settings changed by REST", {{"changed", names_text(merged->changed)}});
  return shown();
}

}  // namespace sluice::app
