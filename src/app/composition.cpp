#include "app/composition.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "app/access_settings.hpp"
#include "app/connectors.hpp"
#include "app/memory_metrics.hpp"
#include "app/settings.hpp"
#include "app/store_metrics.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "broker/auto_subscriptions.hpp"
#include "broker/block_rules.hpp"
#include "broker/enrichment_rules.hpp"
#include "broker/made_groups.hpp"
#include "broker/rights_preview.hpp"
#include "io/address_rule.hpp"
#include "store/embedded/directory_lock.hpp"

namespace sluice::app {

namespace json = boost::json;

namespace {

// Replaces the file with one that only its owner may read.
Result<void> write_private(const std::string& path, std::string_view text) {
  const auto fresh = path + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return fail(Errc::IoFailed, fresh + ": " + std::strerror(errno));
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool closed = ::close(file) == 0;
  if (!written || !closed || std::rename(fresh.c_str(), path.c_str()) != 0)
    return fail(Errc::IoFailed, path + ": " + std::strerror(errno));
  return {};
}

void remove_run_files(const std::string& data) {
  std::error_code ignored;
  std::filesystem::remove(data + "/run/addresses.json", ignored);
  std::filesystem::remove(data + "/run/admin.token", ignored);
  std::filesystem::remove(data + "/run/admin.pem", ignored);
}

// What a killed server left behind: whoever waits for the addresses would not wait for ours, and
// reading the log may take long. Not those of a server that runs.
Result<void> remove_stale_run_files(const std::string& data) {
  const auto lock = store::embedded::DirectoryLock::acquire(data);
  if (!lock) return tl::unexpected(lock.error());
  remove_run_files(data);
  return {};
}

net::ListenerOptions options_of(const ListenerPlan& plan) {
  net::ListenerOptions options{.name = plan.name,
                               .tls = plan.tls,
                               .web_socket = plan.web_socket,
                               .connections = plan.connections};
  for (const auto& proxy : plan.proxies) {
    const auto network = broker::Network::parse(proxy);
    SL_CHECK(network.has_value());  // the settings are checked
    options.proxies.push_back(*network);
  }
  return options;
}

void tell(broker::Broker& broker, admin::Server& admin, const connect::TaskChange& change) {
  const std::string state(connect::name_of(change.state));
  const std::string event = change.is_shedding ? "shedding" : state;
  json::object shown{{"event", "task." + event},  {"task", change.task},
                     {"task_id", change.task_id}, {"state", state},
                     {"reason", change.reason},   {"timestamp", change.at_ms}};
  admin.take_task_event(shown);
  broker.tell_event(change.task_id, std::string(connect::kTaskEvents) + change.task + '/' + event,
                    std::move(shown));
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1";
}

}  // namespace

Composition::Composition(Plan plan) : plan_(std::move(plan)), files_(posix_file_system()) {
  register_connectors(connectors_);
}

Composition::~Composition() {
  stop();
}

Result<void> Composition::open() {
  SL_TRY_VOID(open_store());
  if (plan_.restore_settings) SL_TRY_VOID(plan_.restore_settings(*store_));
  SL_TRY_VOID(open_access());
  broker_ = std::make_unique<broker::Broker>(*store_, *access_, clock_, metrics_, plan_.broker);
  plan_.connect.on_task_change = [this](const auto& change) { tell(*broker_, *admin_, change); };
  plan_.connect.on_task_rejection = [this](auto rejection) {
    admin_->take_task_rejection(std::move(rejection));
  };
  plan_.connect.intake = broker_.get();
  plan_.connect.accounts = access_.get();
  integration_ = std::make_unique<connect::Service>(*store_, broker_->filters(), connectors_,
                                                    clock_, metrics_, plan_.connect);
  broker_->set_task_groups(
      [this](std::string_view group) { return integration_->owns_group(group); });
  SL_TRY_VOID(broker_->load());
  accounts_ = std::make_unique<admin::AdministratorAccounts>(*store_, clock_);
  SL_TRY(made, accounts_->ensure_first(plan_.admin_password));
  first_password_ = made;
  declare_store_metrics(metrics_, [this] { return store_->statistics(); });
  declare_memory_metrics(metrics_);
  SL_TRY_VOID(open_listeners());
  SL_TRY_VOID(integration_->start());
  SL_TRY_VOID(broker_->filters().drop_unclaimed());
  store_->set_readers(
      {.holds =
           [this] {
             auto holds = broker_->filters().holds();
             for (auto& hold : integration_->holds()) holds.push_back(std::move(hold));
             return holds;
           },
       .deleted = [this](store::Position begin,
                         const auto& lost) { integration_->log_deleted(begin, lost); }});
  return {};
}

Result<void> Composition::open_access() {
  plan_.access.methods.clear();
  for (const auto& method : plan_.authentication.methods) {
    if (method == "jwt") {
      SL_TRY(options, jwt_options(plan_.authentication.jwt));
      jwt_ = std::make_shared<broker::JwtAuthenticator>(clock_, std::move(options),
                                                        [this] { return keys_ && keys_->want(); });
    }
    if (method == "http") {
      SL_TRY(options, call_out_options(plan_.authentication.http));
      plan_.access.methods.push_back(std::make_shared<HttpLogin>(clock_, std::move(options)));
      continue;
    }
    plan_.access.methods.push_back(method == "jwt" ? jwt_ : nullptr);
  }
  if (jwt_) {
    SL_TRY(options, fetch_options(plan_.authentication.jwt));
    keys_ = std::make_unique<KeyFetcher>(clock_, KeyFetcher::fetch, [this](auto keys, auto until) {
      jwt_->use_fetched(std::move(keys), until);
    });
    keys_->use(std::move(options));
  }
  plan_.access.metrics = &metrics_;
  access_ = std::make_unique<broker::AccessControl>(*store_, clock_, plan_.access);
  return access_->load();
}

void Composition::reload_keys(const JwtSettings& settings) {
  if (!jwt_) return;
  auto options = jwt_options(settings);
  auto from_afar = fetch_options(settings);
  if (options && from_afar && options->keys.empty() && from_afar->url.empty())
    options = fail(Errc::InvalidArgument, "access.jwt has no key any more");
  if (!options || !from_afar) {
    log::error("keys of tokens not reloaded: the old ones stay",
               {{"reason", options ? from_afar.error().detail : options.error().detail}});
    return;
  }
  jwt_->replace(*std::move(options));
  keys_->use(*std::move(from_afar));
}

Result<void> Composition::open_store() {
  SL_TRY_VOID(files_->create_directories(plan_.data));
  const auto histograms = store_histograms(metrics_);
  plan_.store.append_seconds = &histograms.append_seconds;
  plan_.store.sync_seconds = &histograms.sync_seconds;
  SL_TRY_VOID(remove_stale_run_files(plan_.data));
  SL_TRY(opened, store::open_embedded(*files_, clock_, plan_.store));
  store_ = std::move(opened);
  return {};
}

Result<void> Composition::open_listeners() {
  for (const auto& plan : plan_.listeners) {
    auto listener = std::make_unique<net::Listener>(*broker_, options_of(plan), net_counters_);
    SL_TRY_VOID(listener->load_certificates());
    if (auto bound = listener->open(plan.host, plan.port); !bound)
      return fail(bound.error().code, "listener `" + plan.name + "`: " + bound.error().detail +
                                          "; `listeners." + plan.name + ".bind` moves it");
    addresses_.emplace_back(plan.name, listener->address());
    listeners_.push_back(std::move(listener));
    if (!plan_.access.enabled && !is_loopback(plan.host))
      log::warn(
          "LISTENING BEYOND LOOPBACK WITHOUT ACCESS CONTROL: anybody may publish and subscribe",
          {{"listener", plan.name}, {"address", addresses_.back().second}});
  }
  admin_ = std::make_unique<admin::Server>(
      admin::Sources{
          .store = *store_,
          .access = *access_,
          .integration = *integration_,
          .connectors = connectors_,
          .metrics = metrics_,
          .clock = clock_,
          .broker_overview = [this] { return broker_->overview(); },
          .clients = [this](const admin::ClientQuery& query) -> Outcome<json::array> {
            SL_TRY(page, broker::list_clients(*broker_, query));
            json::array clients;
            for (auto& row : page.rows) clients.push_back(std::move(row.shown));
            return clients;
          },
          .client = [this](const std::string& client_id) { return broker_->client(client_id); },
          .disconnect_client =
              [this](const std::string& client_id) {
                return broker_->disconnect_client(client_id);
              },
          .end_client_session =
              [this](const std::string& client_id) {
                return broker_->end_client_session(client_id);
              },
          .preview_rights =
              [this](const broker::PolicyTrialPtr& trial) {
                return broker::preview_rights(*broker_, trial);
              },
          .retained =
              [this](const std::string& filter, const std::string& after, std::size_t limit) {
                return broker_->unexpired_retained().match(filter, after, limit);
              },
          .retained_message =
              [this](const std::string& topic) {
                return broker_->unexpired_retained().find(topic);
              },
          .remove_retained =
              [this](const std::string& topic) { return broker_->remove_retained(topic); },
          .drain = [this](const broker::Redirect& to,
                          double per_second) { return broker_->drain(to, per_second); },
          .block_rules = &broker_->block_rules().documents(),
          .refusals_of =
              [this](const std::string& rule) { return broker_->block_rules().refusals(rule); },
          .auto_subscriptions = &broker_->auto_subscriptions().documents(),
          .enrichment_rules = &broker_->enrichment_rules().documents(),
          .groups = &broker_->made_groups().documents(),
          .groups_in_use =
              [this](const std::optional<std::string>& only) {
                return broker_->groups_in_use(only);
              },
          .groups_allowed = [this] { return broker_->limits().groups; },
          .end_group = [this](const std::string& group) { return broker_->end_group(group); },
          .subscriptions_of =
              [this](const std::string& client_id) { return broker_->subscriptions_of(client_id); },
          .subscribe_client =
              [this](const std::string& client_id, const broker::ClientSubscription& wanted) {
                return broker_->subscribe_client(client_id, wanted);
              },
          .unsubscribe_client =
              [this](const std::string& client_id, const std::string& filter) {
                return broker_->unsubscribe_client(client_id, filter);
              },
          .subscriptions =
              [this](const broker::SubscriptionQuery& query) {
                return broker::list_subscriptions(*broker_, query);
              },
          .publish =
              [this](const broker::OutsideMessage& message) {
                return broker_->publish_from_outside(message);
              },
          .consumers =
              [this](const model::Message& message) {
                auto shown = broker_->consumers_of(message);
                shown["tasks"] = integration_->states_of(message);
                return shown;
              },
          .tracer = &broker_->tracer(),
          .settings = plan_.settings,
          .change_settings =
              [this](const boost::json::object& patch) {
                return plan_.change_settings(*store_, patch);
              },
          .unready = {},
          .notices = [this] { return certificate_notices(certificates_, clock_.wall_ms()); }},
      *accounts_, plan_.admin);
  SL_TRY_VOID(admin_->load());
  broker_->event_listener = &admin_->event_listener();
  SL_TRY_VOID(admin_->load_certificate());
  const auto bind = parse_bind_address(plan_.admin.bind);
  if (bind && !is_loopback(bind->host) && !plan_.admin.tls)
    log::warn(
        "the administration listens beyond loopback without TLS: passwords and tokens can be read "
        "on the way; `admin.certificate` and `admin.key` encrypt it",
        {{"address", plan_.admin.bind}});
  list_certificates();
  return {};
}

void Composition::list_certificates() {
  for (const auto& listener : listeners_)
    certificates_.push_back(
        {listener->name(), [&shown = *listener] { return shown.certificates_expire_s(); }});
  certificates_.push_back({"admin", [this] { return admin_->certificate_expires_s(); }});
  declare_certificate_metrics(metrics_, certificates_);
}

void Composition::reload_certificates() {
  for (const auto& listener : listeners_) {
    if (const auto loaded = listener->load_certificates(); !loaded)
      log::error("certificates not reloaded: the old ones stay in use",
                 {{"listener", listener->name()}, {"problem", loaded.error().detail}});
  }
  if (const auto loaded = admin_->load_certificate(); !loaded)
    log::error("certificates not reloaded: the old ones stay in use",
               {{"listener", "admin"}, {"problem", loaded.error().detail}});
  if (const auto written = write_certificate(); !written)
    log::error("the command line on this machine may not know the new certificate",
               {{"reason", written.error().detail}});
}

// What the command line on this machine knows the administration by.
Result<void> Composition::write_certificate() {
  if (!plan_.admin.tls) return {};
  return write_private(plan_.data + "/run/admin.pem", admin_->certificate_pem());
}

Result<void> Composition::start() {
  broker_->start();
  auto bound = admin_->start();
  if (!bound) return fail(bound.error().code, bound.error().detail + "; `admin.bind` moves it");
  if (const auto place = parse_bind_address(*bound)) io::never_call_port(place->port);
  addresses_.emplace_back("admin", *bound);
  for (const auto& listener : listeners_) listener->start();
  return write_run_files();
}

Result<void> Composition::write_run_files() {
  const auto directory = plan_.data + "/run";
  SL_TRY_VOID(files_->create_directories(directory));
  json::object addresses;
  for (const auto& [name, address] : addresses_) addresses[name] = address;
  SL_TRY_VOID(write_certificate());
  // The token first: who sees the addresses may use it.
  SL_TRY_VOID(write_private(directory + "/admin.token", admin_->create_local_token()));
  return write_private(directory + "/addresses.json", json::serialize(addresses) + "\n");
}

void Composition::stop() {
  if (std::exchange(is_stopped_, true)) return;
  if (store_) {
    remove_run_files(plan_.data);  // else they may be of the server that holds the data
    store_->set_readers({});
  }
  for (const auto& listener : listeners_) listener->close();
  if (integration_) integration_->close();  // so that no request keeps the next line waiting
  if (admin_) admin_->stop();
  if (access_) access_->stop();  // its threads post to the broker's workers, and ask for keys
  if (keys_) keys_->stop();
  if (integration_) integration_->stop();
  if (broker_) broker_->stop();
  if (store_) store_->close();
  listeners_.clear();
  admin_.reset();
  integration_.reset();
  broker_.reset();
  accounts_.reset();
  access_.reset();
  store_.reset();
}

}  // namespace sluice::app
