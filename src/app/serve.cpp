#include "app/serve.hpp"

#include <csignal>
#include <cstdio>
#include <pthread.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "admin/console.hpp"
#include "app/composition.hpp"
#include "app/descriptor_limit.hpp"
#include "app/live_settings.hpp"
#include "app/notify_systemd.hpp"
#include "base/log.hpp"
#include "io/address_rule.hpp"

namespace sluice::app {

namespace {

broker::Limits limits_of(const MqttSettings& settings) {
  broker::Limits limits;
  limits.maximum_packet_size = settings.maximum_packet_size;
  limits.maximum_qos = settings.maximum_qos;
  limits.receive_maximum = settings.receive_maximum;
  limits.maximum_inflight = settings.maximum_inflight;
  limits.topic_alias_maximum = settings.topic_alias_maximum;
  limits.session_expiry_maximum_s = settings.session_expiry_maximum_s;
  limits.keep_alive_maximum_s = settings.keep_alive_maximum_s;
  limits.connections = settings.connections;
  limits.subscriptions_per_client = settings.subscriptions_per_client;
  limits.conditions_per_client = settings.conditions_per_client;
  limits.conditions_bytes = settings.conditions_bytes;
  limits.topic_levels = settings.topic_levels;
  limits.retained_maximum = settings.retained_maximum;
  limits.retained_bytes = settings.retained_bytes;
  limits.wills_bytes = settings.wills_bytes;
  limits.sessions_bytes = settings.sessions_bytes;
  limits.aliases_bytes = settings.aliases_bytes;
  limits.packets_bytes = settings.packets_bytes;
  limits.strangers_bytes = settings.strangers_bytes;
  limits.delayed_maximum = settings.delayed_maximum;
  limits.groups = settings.groups;
  limits.group_strategy = settings.group_strategy;
  limits.sessions_per_user = settings.sessions_per_user;
  limits.redirect_to = settings.redirect_to;
  limits.redirect_permanently = settings.redirect_permanently;
  limits.groups_must_exist = settings.groups_must_exist;
  limits.point_to_point = settings.point_to_point;
  limits.messages_per_second = settings.messages_per_second_per_client;
  return limits;
}

std::vector<broker::ListenerLimits> listener_limits_of(
    const std::vector<ListenerSettings>& listeners) {
  std::vector<broker::ListenerLimits> limits;
  for (const auto& listener : listeners) {
    if (!listener.maximum_packet_size && !listener.messages_per_second_per_client) continue;
    limits.push_back({.listener = broker::ListenerName(listener.name),
                      .maximum_packet_size = listener.maximum_packet_size,
                      .messages_per_second = listener.messages_per_second_per_client});
  }
  return limits;
}

store::Retention retention_of(const StoreSettings& settings) {
  store::Retention retention;
  if (settings.retention_ms) retention.time = std::chrono::milliseconds(*settings.retention_ms);
  retention.bytes = settings.retention_bytes;
  retention.hold_sessions = settings.hold_sessions_bytes.value_or(UINT64_MAX);
  retention.hold_tasks = settings.hold_tasks_bytes.value_or(UINT64_MAX);
  return retention;
}

Plan plan_of(const Settings& settings, const ServeOptions& options, LiveSettings& live) {
  using DeliverAfter = StoreSettings::DeliverAfter;
  Plan plan;
  plan.data = settings.data;
  plan.node_name = settings.node_name;
  plan.store.directory = settings.data;
  plan.store.durability = settings.store.durability == StoreSettings::Durability::Fsync
                              ? store::EmbeddedOptions::Durability::Fsync
                              : store::EmbeddedOptions::Durability::Os;
  plan.store.segment_bytes = settings.store.segment_bytes;
  plan.store.cache_bytes = settings.store.cache_bytes;
  plan.store.retention = retention_of(settings.store);
  plan.broker.workers = settings.io_threads;
  plan.broker.limits = limits_of(settings.mqtt);
  plan.broker.listener_limits = listener_limits_of(settings.listeners);
  plan.broker.deliver_after_durable = settings.store.deliver_after == DeliverAfter::Durable;
  plan.broker.node_name = settings.node_name;
  plan.broker.version = SLUICE_VERSION;
  plan.access.enabled = settings.access_enabled;
  plan.access.listeners = settings.listener_names;
  plan.access.login_bounds = settings.login_bounds;
  plan.authentication = settings.authentication;
  if (!settings.names_refused_subscriptions)
    plan.broker.refused_subscription = mqtt::ReasonCode::UnspecifiedError;
  plan.connect.node_name = settings.node_name;
  plan.connect.files_directory = settings.data + "/files";
  plan.connect.maximum_hops = settings.connect.maximum_hops;
  plan.connect.dead_letter_bytes = settings.store.dead_letter_bytes;
  plan.admin.bind = settings.admin.bind.text();
  plan.admin.tls = settings.admin.tls;
  plan.admin.api.metrics_public = settings.admin.metrics_public;
  plan.admin.api.audit_records = settings.admin.audit_records;
  plan.admin.api.console_pack = admin::console_pack();
  plan.admin.api.event_records = settings.admin.event_records;
  plan.admin.api.login_bounds = settings.admin.login_bounds;
  plan.admin.api.host_names = settings.admin.host_names;
  for (const auto& listener : settings.listeners)
    plan.listeners.push_back({.name = listener.name,
                              .host = listener.bind.host,
                              .port = listener.bind.port,
                              .tls = listener.tls,
                              .web_socket = listener.web_socket,
                              .proxies = listener.proxies,
                              .connections = listener.connections});
  plan.admin_password = options.admin_password;
  plan.settings = [&live] { return live.shown(); };
  plan.restore_settings = [&live](store::Store& store) { return live.restore(store); };
  plan.change_settings = [&live](store::Store& store, const boost::json::object& patch) {
    return live.change(store, patch);
  };
  return plan;
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

// First of all: whoever moved the log away waits for it, whatever the settings are.
void reopen_log(const std::string& file) {
  if (const auto opened = log::reopen(); !opened)
    log::error("log file not opened anew: lines go on into the old one",
               {{"file", file}, {"reason", opened.error().detail}});
}

// HTTP goes to public addresses alone, unless somebody has named networks: the default names all
// of them for connections to brokers, which do not obey whoever can reach them.
void allow_networks(const EffectiveSettings& effective) {
  const auto& networks = effective.settings.connect.networks;
  const bool are_named = effective.origins.contains("connect.allowed_networks");
  io::allow_networks(io::Caller::Connection, networks);
  io::allow_networks(io::Caller::Http,
                     are_named ? networks : io::AllowedNetworks{.loopback = false, .priv = false});
}

// What is declared to change while running does. `server` is there once it has been opened.
void follow(const EffectiveSettings& effective, Composition* server) {
  const auto& settings = effective.settings;
  log::set_level(settings.log.level);
  allow_networks(effective);
  if (server == nullptr) return;
  server->set_limits(limits_of(settings.mqtt));
  server->reload_keys(settings.authentication.jwt);
}

void run_until_stopped(const sigset_t& signals, const std::function<void()>& on_hangup) {
  for (;;) {
    int number = 0;
    if (sigwait(&signals, &number) != 0) continue;
    if (number != SIGHUP) {
      log::info("stopping", {{"signal", number == SIGINT ? "SIGINT" : "SIGTERM"}});
      return;
    }
    on_hangup();
  }
}

// A second signal ends the process at once: nothing that was acknowledged depends on a clean stop.
void end_at_second_signal(sigset_t signals) {
  std::thread([signals] {
    int number = SIGHUP;
    while (number == SIGHUP)
      if (sigwait(&signals, &number) != 0) return;
    ::_exit(1);
  }).detach();
}

// Made at the first start, kept nowhere in this form: shown also when that start fails later on.
// Not where it would be kept after all (docs/adr/0053): there the operator gives one.
void show_first_password(const Composition& server, const std::string& data) {
  const auto& password = server.first_password();
  if (!password) return;
  if (goes_to_journal(STDOUT_FILENO)) {
    log::info(
        "administrator made; nobody has been told the password",
        {{"name", "admin"},
         {"to_set_one", "sluice administrator update admin --password-file - --data " + data}});
    return;
  }
  std::printf("administrator: admin\npassword: %s\n(shown this once; keep it safe)\n",
              password->c_str());
  std::fflush(stdout);
}

Result<void> set_up_log(const EffectiveSettings& effective) {
  const auto& settings = effective.settings.log;
  auto opened = log::set_up(settings.level, settings.format, settings.file);
  if (opened) return {};
  const auto origin = effective.origins.find("log.file");
  const SettingProblem problem{origin == effective.origins.end() ? std::string() : origin->second,
                               "log.file",
                               "must be a file that this user may append to; " + settings.file +
                                   ": " + opened.error().detail};
  return fail(opened.error().code, problem.text());
}

int refuse(const Error& error) {
  log::error("not started", {{"reason", error.detail}});
  std::fprintf(stderr, "sluice: %s\n", error.detail.c_str());
  return 1;
}

}  // namespace

int serve(const Settings& settings, const ServeOptions& options) {
  // Before any thread is started, so that all of them leave these signals to this one.
  const auto signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  forbid_core_dumps();
  ::umask(077);  // for libraries that make files: what is stored is nobody else's
  if (const auto opened = set_up_log(options.effective); !opened) return refuse(opened.error());
  for (const auto& warning : options.effective.warnings) log::warn(warning);
  raise_descriptor_limit();  // every client takes one
  allow_networks(options.effective);
  Composition* running = nullptr;
  LiveSettings live(options.effective, options.reload,
                    [&](const EffectiveSettings& now) { follow(now, running); });
  Composition server(plan_of(settings, options, live));
  const auto opened = server.open();
  show_first_password(server, settings.data);
  if (!opened) return refuse(opened.error());
  running = &server;
  live.apply();
  if (auto started = server.start(); !started) return refuse(started.error());

  std::string where;
  for (const auto& [name, address] : server.addresses())
    where += (where.empty() ? "" : " ") + name + "=" + address;
  log::info("ready", {{"addresses", where}, {"data", settings.data}});
  notify_systemd("READY=1");
  run_until_stopped(signals, [&] {
    reopen_log(settings.log.file);
    live.reload([&] { server.reload_certificates(); });
  });

  notify_systemd("STOPPING=1");
  end_at_second_signal(signals);
  server.stop();
  log::info("stopped");
  return 0;
}

}  // namespace sluice::app
