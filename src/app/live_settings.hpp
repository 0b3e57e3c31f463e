// The settings in effect while the server runs: SIGHUP and PATCH /settings change them.
#pragma once
#include <functional>
#include <mutex>
#include <string>

#include <boost/json/object.hpp>

#include "app/settings.hpp"
#include "base/guarded.hpp"
#include "base/refusal.hpp"
#include "store/store.hpp"

namespace sluice::app {

// Owns:    the settings in effect; the document `setting/changed`, which holds what was changed by
//          REST and outlives restarts. Values of the environment and of `--set` are stronger, those
//          of the file weaker.
// Threads: any; changes go one after the other. restore() before all others.
// Fails:   nothing that is wrong comes into effect; all the old settings stay then.
class LiveSettings {
 public:
  // Reads all sources, with what was changed by REST (a JSON object, or empty).
  using Load =
      std::function<tl::expected<EffectiveSettings, std::vector<SettingProblem>>(std::string)>;
  // Makes the program follow the settings that can change while it runs.
  using Apply = std::function<void(const EffectiveSettings&)>;

  LiveSettings(const EffectiveSettings& loaded, Load load, Apply apply);

  [[nodiscard]] boost::json::object shown() const;
  // What an earlier run was told. What is no setting any more is logged and has no effect.
  [[nodiscard]] Result<void> restore(store::Store& store);
  // What is in effect, once more: for parts that are there only now.
  void apply() const;
  // SIGHUP. `read_files`: what else is read again then, before it is told that this is done.
  void reload(const std::function<void()>& read_files);
  // PATCH /settings: a merge patch (RFC 7396) of the settings as a document; null takes back what
  // was changed. Durable and in effect when it returns; as shown() afterwards. Blocks on the disk.
  [[nodiscard]] Outcome<boost::json::object> change(store::Store& store,
                                                    const boost::json::object& patch);

 private:
  using Reloaded = tl::expected<ReloadedSettings, std::vector<SettingProblem>>;
  [[nodiscard]] Reloaded merged_with(const boost::json::object& changed) const;
  void take(const ReloadedSettings& merged);

  const Load load_;
  const Apply apply_;
  std::mutex changing_;
  boost::json::object changed_;  // guarded by changing_
  Guarded<EffectiveSettings> current_;
};

}  // namespace sluice::app
