#include "app/settings.hpp"

#include <algorithm>
#include <thread>

#include <boost/json/array.hpp>

#include "app/access_settings.hpp"
#include "app/listener_settings.hpp"
#include "app/setting_reader.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

std::size_t io_threads(const json::value& value) {
  if (const auto* number = value.if_int64()) return static_cast<std::size_t>(*number);
  const std::size_t cores = std::thread::hardware_concurrency();
  return cores > 2 ? cores - 1 : 1;
}

StoreSettings store(const SettingReader& in) {
  using Durability = StoreSettings::Durability;
  using DeliverAfter = StoreSettings::DeliverAfter;
  const auto retention = in.in("retention");
  const auto hold = retention.in("hold");
  return {.durability = in.text("durability") == "os" ? Durability::Os : Durability::Fsync,
          .deliver_after =
              in.text("deliver_after") == "durable" ? DeliverAfter::Durable : DeliverAfter::Ordered,
          .segment_bytes = in.number<std::uint64_t>("segment_bytes"),
          .retention_ms = retention.number_or_word<std::int64_t>("time"),
          .retention_bytes = retention.number_or_word<std::uint64_t>("bytes"),
          .hold_sessions_bytes = hold.number_or_word<std::uint64_t>("sessions"),
          .hold_tasks_bytes = hold.number_or_word<std::uint64_t>("tasks"),
          .cache_bytes = in.number<std::uint64_t>("cache_bytes"),
          .dead_letter_bytes = in.in("dead_letters").number<std::uint64_t>("maximum_bytes")};
}

MqttSettings mqtt(const SettingReader& in) {
  const auto expiry_ms = in.number<std::uint64_t>("session_expiry_maximum");
  return {
      .maximum_packet_size = in.number<std::uint32_t>("maximum_packet_size"),
      .maximum_qos = in.number<std::uint8_t>("maximum_qos"),
      .receive_maximum = in.number<std::uint16_t>("receive_maximum"),
      .maximum_inflight = in.number<std::uint16_t>("maximum_inflight"),
      .topic_alias_maximum = in.number<std::uint16_t>("topic_alias_maximum"),
      .session_expiry_maximum_s = static_cast<std::uint32_t>(expiry_ms / 1000),
      .keep_alive_maximum_s = in.number<std::uint16_t>("keep_alive_maximum"),
      .connections = in.number<std::uint32_t>("connections"),
      .subscriptions_per_client = in.number<std::uint32_t>("subscriptions_per_client"),
      .conditions_per_client = in.number<std::uint32_t>("conditions_per_client"),
      .conditions_bytes = in.number<std::uint64_t>("conditions_bytes"),
      .topic_levels = in.number<std::uint32_t>("topic_levels"),
      .retained_maximum = in.number<std::uint32_t>("retained_maximum"),
      .retained_bytes = in.number<std::uint64_t>("retained_bytes"),
      .wills_bytes = in.number<std::uint64_t>("wills_bytes"),
      .sessions_bytes = in.number<std::uint64_t>("sessions_bytes"),
      .aliases_bytes = in.number<std::uint64_t>("aliases_bytes"),
      .packets_bytes = in.number<std::uint64_t>("packets_bytes"),
      .strangers_bytes = in.number<std::uint64_t>("strangers_bytes"),
      .delayed_maximum = in.number<std::uint32_t>("delayed_maximum"),
      .groups = in.number<std::uint32_t>("groups"),
      .group_strategy = broker::group_strategy(in.text("group_strategy"))
                            .value_or(broker::GroupStrategy::RoundRobin),
      .sessions_per_user = in.number<std::uint32_t>("sessions_per_user"),
      .redirect_to = in.text("redirect_to"),
      .redirect_permanently = in.flag("redirect_permanently"),
      .groups_must_exist = in.flag("groups_must_exist"),
      .point_to_point = in.flag("point_to_point"),
      .messages_per_second_per_client = in.number<std::uint32_t>("messages_per_second_per_client")};
}

ConnectSettings connect_settings(const SettingReader& in) {
  const auto& names = in.values().at("allowed_networks").as_array();
  const auto has = [&](std::string_view name) {
    return std::ranges::find(names, json::value(name)) != names.end();
  };
  return {.networks = {.loopback = has("loopback"), .priv = has("private"), .pub = has("public")},
          .maximum_hops = in.number<std::uint32_t>("maximum_hops")};
}

LogSettings log_settings(const SettingReader& in) {
  const auto level = in.text("level");
  return {.level = level == "debug"   ? log::Level::Debug
                   : level == "warn"  ? log::Level::Warn
                   : level == "error" ? log::Level::Error
                                      : log::Level::Info,
          .format = in.text("format") == "json" ? log::Format::Json : log::Format::Text,
          .file = in.text("file")};
}

std::optional<io::TlsOptions> admin_tls(const SettingReader& admin) {
  const auto certificate = admin.text_if_given("certificate");
  if (certificate.empty()) return std::nullopt;
  io::TlsOptions options;
  options.certificates.push_back({"", certificate, admin.text("key")});
  options.protocol = "http/1.1";
  return options;
}

json::value shown_value(const schema::Field& field, const json::value& value) {
  if (field.type == schema::Type::Bytes && value.is_int64()) {
    return json::value(schema::bytes_text(value.get_int64()));
  }
  if (field.type == schema::Type::Duration && value.is_int64()) {
    return json::value(schema::duration_text(value.get_int64()));
  }
  return value;
}

class Shower {
 public:
  explicit Shower(const EffectiveSettings& effective) : effective_(effective) {}

  void show(const schema::Fields& fields, const json::object& values, const std::string& prefix) {
    for (const auto& field : fields) {
      const auto* value = values.if_contains(field.name);
      if (value == nullptr) continue;
      const auto name = prefix + field.name;
      if (field.type == schema::Type::Object && value->is_object()) {
        show(field.fields, value->get_object(), name + ".");
      } else if (field.type == schema::Type::ObjectMap && value->is_object()) {
        for (const auto& member : value->get_object()) {
          show(field.fields, member.value().as_object(),
               name + "." + std::string(member.key()) + ".");
        }
      } else {
        const auto origin = effective_.origins.find(name);
        shown.push_back({name, shown_value(field, *value),
                         origin == effective_.origins.end() ? "default" : origin->second,
                         field.reloadable});
      }
    }
  }

  std::vector<ShownSetting> shown;

 private:
  const EffectiveSettings& effective_;
};

}  // namespace

Settings settings_of(const json::object& values) {
  const SettingReader in(values);
  const auto admin = in.in("admin");
  return {.node_name = in.in("node").text("name"),
          .data = in.text("data"),
          .io_threads = io_threads(values.at("io_threads")),
          .listeners = listeners_of(in.in("listeners").values()),
          .listener_names = in.in("listeners").names(),
          .admin = {.bind = admin.bind("bind"),
                    .tls = admin_tls(admin),
                    .host_names = admin.texts("host_names"),
                    .audit_records = admin.number<std::size_t>("audit_records"),
                    .event_records = admin.number<std::size_t>("event_records"),
                    .metrics_public = admin.flag("metrics_public"),
                    .login_bounds = login_bounds_of(admin)},
          .access_enabled = in.in("access").flag("enabled"),
          .names_refused_subscriptions =
              in.in("access").text("refused_subscription") == "not_authorized",
          .authentication = authentication_of(in.in("access")),
          .login_bounds = login_bounds_of(in.in("access")),
          .store = store(in.in("store")),
          .mqtt = mqtt(in.in("mqtt")),
          .connect = connect_settings(in.in("connect")),
          .log = log_settings(in.in("log"))};
}

tl::expected<EffectiveSettings, std::vector<SettingProblem>> load_settings(
    const SettingSources& sources) {
  auto loaded = load_values(setting_fields(), sources);
  for (auto& problem : check_setting_rules(loaded.values)) {
    loaded.problems.push_back({place_of(loaded.origins, problem.pointer), dotted(problem.pointer),
                               std::move(problem.detail)});
  }
  if (!loaded.problems.empty()) return tl::unexpected(std::move(loaded.problems));

  EffectiveSettings effective;
  effective.settings = settings_of(loaded.values);
  for (auto& problem : check_files(effective.settings)) {
    loaded.problems.push_back({place_of(loaded.origins, problem.pointer), dotted(problem.pointer),
                               std::move(problem.detail)});
  }
  if (!loaded.problems.empty()) return tl::unexpected(std::move(loaded.problems));
  effective.values = std::move(loaded.values);
  for (auto& [pointer, place] : loaded.origins) {
    effective.origins.emplace(dotted(pointer), std::move(place));
  }
  effective.warnings = std::move(loaded.warnings);
  return effective;
}

std::vector<ShownSetting> show_settings(const EffectiveSettings& effective) {
  Shower shower(effective);
  shower.show(setting_fields(), schema::mask(setting_fields(), effective.values), "");
  return std::move(shower.shown);
}

json::object settings_document(const EffectiveSettings& effective) {
  json::array items;
  for (const auto& setting : show_settings(effective)) {
    items.push_back({{"name", setting.name},
                     {"value", setting.value},
                     {"origin", setting.origin},
                     {"reloadable", setting.reloadable}});
  }
  return {{"items", std::move(items)}};
}

}  // namespace sluice::app
