#include "app/listener_settings.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "app/access_settings.hpp"
#include "app/setting_reader.hpp"
#include "base/json_text.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;
using schema::Problem;

using ClientCertificate = io::TlsOptions::ClientCertificate;

constexpr std::string_view kDefaultPath = "/mqtt";

bool is_encrypted(std::string_view type) {
  return type == "mqtts" || type == "wss";
}

bool is_web_socket(std::string_view type) {
  return type == "ws" || type == "wss";
}

net::TlsServing tls_of(const SettingReader& in) {
  net::TlsServing tls;
  auto& options = tls.options;
  options.certificates.push_back({"", in.text("certificate"), in.text("key")});
  for (const auto& member : in.in("more_certificates").values()) {
    const SettingReader more(member.value().as_object());
    options.certificates.push_back({"more_certificates." + std::string(member.key()) + ".",
                                    more.text("certificate"), more.text("key")});
  }
  options.client_ca = in.text_if_given("client_ca");
  options.client_crl = in.text_if_given("client_crl");
  const auto client = in.text("client_certificate");
  options.client_certificate = client == "required"   ? ClientCertificate::Required
                               : client == "optional" ? ClientCertificate::Optional
                                                      : ClientCertificate::None;
  const auto user = in.text("user_from");
  tls.user_from = user == "common_name"        ? net::UserFrom::CommonName
                  : user == "subject_alt_name" ? net::UserFrom::SubjectAltName
                                               : net::UserFrom::Nothing;
  options.only_tls_1_3 = in.text("minimum_version") == "1.3";
  options.protocol = is_web_socket(in.text("type")) ? "http/1.1" : "mqtt";
  return tls;
}

// One listener while it is checked.
class Check {
 public:
  Check(const std::string& name, const json::object& listener, std::vector<Problem>& problems)
      : pointer_(schema::child_pointer("/listeners", name)),
        listener_(listener),
        type_(text_at(listener, "type")),
        problems_(problems) {}

  void run() {
    if (type_.empty()) return;  // refused already
    if (is_encrypted(type_))
      check_tls();
    else
      check_no_tls();
    if (!is_web_socket(type_)) check_no_web_socket();
  }

 private:
  void add(std::string_view setting, std::string detail) {
    problems_.push_back({fmt::format("{}/{}", pointer_, setting), std::move(detail)});
  }
  [[nodiscard]] bool has(std::string_view setting) const { return listener_.contains(setting); }
  [[nodiscard]] bool is_set(std::string_view choice) const {
    const auto given = text_at(listener_, choice);
    return !given.empty() && given != "none";
  }

  void check_tls() {
    if (!has("certificate"))
      add("certificate", fmt::format("is missing: a listener of type `{}` needs a file of its "
                                     "certificate chain (PEM)",
                                     type_));
    if (!has("key"))
      add("key", fmt::format("is missing: a listener of type `{}` needs a file of its private key "
                             "(PEM)",
                             type_));
    const bool asks = is_set("client_certificate");
    if (asks && !has("client_ca"))
      add("client_ca",
          "is missing: client certificates are verified with a file of their authorities (PEM)");
    if (asks) return;
    for (const auto* needless : {"client_ca", "client_crl"}) {
      if (!has(needless)) continue;
      add("client_certificate",
          fmt::format("must be `optional` or `required`: {} is set, and nobody would be asked for "
                      "a certificate",
                      needless));
      return;
    }
    if (is_set("user_from"))
      add("client_certificate",
          "must be `optional` or `required`: user_from is set, and nobody would be asked for a "
          "certificate");
  }

  void check_no_tls() {
    for (const auto* tls : {"certificate", "key", "client_ca", "client_crl"}) {
      if (!has(tls)) continue;
      add(tls, fmt::format("must not be set: a listener of type `{}` is not encrypted", type_));
    }
    for (const auto* tls : {"client_certificate", "user_from"}) {
      if (!is_set(tls)) continue;
      add(tls, fmt::format("must be `none`: a listener of type `{}` sees no certificates", type_));
    }
    const auto* more = listener_.if_contains("more_certificates");
    if (more != nullptr && more->is_object() && !more->get_object().empty())
      add("more_certificates",
          fmt::format("must be empty: a listener of type `{}` is not encrypted", type_));
  }

  void check_no_web_socket() {
    const auto path = text_at(listener_, "path");
    if (!path.empty() && path != kDefaultPath)
      add("path", fmt::format("must not be set: a listener of type `{}` has no paths", type_));
    const auto* origins = listener_.if_contains("origins");
    if (origins != nullptr && origins->is_array() && !origins->get_array().empty())
      add("origins",
          fmt::format("must be empty: no page can reach a listener of type `{}`", type_));
  }

  const std::string pointer_;
  const json::object& listener_;
  const std::string type_;
  std::vector<Problem>& problems_;
};

}  // namespace

std::vector<ListenerSettings> listeners_of(const json::object& listeners) {
  std::vector<ListenerSettings> enabled;
  for (const auto& member : listeners) {
    const SettingReader listener(member.value().as_object());
    if (!listener.flag("enabled")) continue;
    auto& settings = enabled.emplace_back();
    settings.name = member.key();
    settings.bind = listener.bind("bind");
    settings.proxies = listener.texts("proxies");
    settings.connections = listener.number<std::uint32_t>("connections");
    settings.maximum_packet_size = listener.number_if_given<std::uint32_t>("maximum_packet_size");
    settings.messages_per_second_per_client =
        listener.number_if_given<std::uint32_t>("messages_per_second_per_client");
    const auto type = listener.text("type");
    if (is_encrypted(type)) settings.tls = tls_of(listener);
    if (!is_web_socket(type)) continue;
    settings.web_socket = {.path = listener.text("path"),
                           .origins = listener.texts("origins"),
                           .is_encrypted = is_encrypted(type)};
  }
  std::ranges::sort(enabled, {}, &ListenerSettings::name);
  return enabled;
}

void check_listener(const std::string& name, const json::object& listener,
                    std::vector<Problem>& problems) {
  const auto* enabled = listener.if_contains("enabled");
  if (enabled == nullptr || *enabled != true) return;
  Check(name, listener, problems).run();
}

std::vector<Problem> check_files(const Settings& settings) {
  std::vector<Problem> problems;
  const auto check = [&](const std::string& holder, const io::TlsOptions& options) {
    const auto loaded = io::TlsContext::load(options);
    if (loaded) return;
    auto pointer = holder + "/" + loaded.error().setting;
    std::ranges::replace(pointer, '.', '/');
    problems.push_back({std::move(pointer), loaded.error().detail});
  };
  for (const auto& listener : settings.listeners)
    if (listener.tls)
      check(schema::child_pointer("/listeners", listener.name), listener.tls->options);
  if (settings.admin.tls) check("/admin", *settings.admin.tls);
  check_keys(settings.authentication, problems);
  return problems;
}

}  // namespace sluice::app
