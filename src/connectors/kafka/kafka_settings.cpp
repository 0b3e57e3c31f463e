#include "connectors/kafka/kafka_settings.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/json_text.hpp"
#include "connect/kept_secrets.hpp"
#include "connectors/kafka/kafka_properties.hpp"
#include "connectors/kafka/registry/registry_settings.hpp"
#include "io/address_rule.hpp"
#include "io/http_client.hpp"
#include "io/pem_text.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using schema::Problem;

// So long the brokers wait for a transaction whose producer is gone, and readers with them.
constexpr const char* kTransactionMs = "60000";

// The first entry of a list of servers, without the blanks around it; steps over it.
std::string_view take_server(std::string_view& list) {
  const auto comma = list.find(',');
  auto server = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  while (server.starts_with(' ')) server.remove_prefix(1);
  while (server.ends_with(' ')) server.remove_suffix(1);
  return server;
}

bool is_server_list(std::string_view text) {
  while (!text.empty()) {
    const auto server = take_server(text);
    const auto colon = server.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const auto port = server.substr(colon + 1);
    if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos)
      return false;
    const auto number = std::stoi(std::string(port));
    if (number < 1 || number > 65535) return false;
    const auto is_odd = [](unsigned char c) { return c <= ' ' || c == '/' || c == 0x7F; };
    if (std::ranges::any_of(server, is_odd)) return false;
  }
  return true;
}

// A field, or the property that says the same.
std::string pem_at(const json::object& settings, std::string_view field,
                   std::string_view property) {
  auto pem = real_line_breaks(text_at(settings, field));
  const auto* properties = settings.if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return pem;
  const auto given = real_line_breaks(text_at(properties->get_object(), property));
  return given.empty() ? pem : given;
}

void check_servers(const json::object& settings, std::vector<Problem>& problems) {
  if (!is_server_list(text_at(settings, "bootstrap_servers")))
    problems.push_back({"/settings/bootstrap_servers",
                        "must be host:port, several separated by commas, IPv6 in brackets"});
  for (const auto& server : servers_of(text_at(settings, "bootstrap_servers"))) {
    std::uint16_t port = 0;  // of an odd one: said above
    std::from_chars(server.port.data(), server.port.data() + server.port.size(), port);
    if (const auto allowed = io::may_call_host(io::Caller::Connection, server.host, port); !allowed)
      problems.push_back({"/settings/bootstrap_servers", allowed.error().detail});
  }
}

bool uses_tokens(const json::object& settings) {
  return text_at(settings, "security_protocol").starts_with("SASL_") &&
         text_at(settings, "sasl_mechanism") == "OAUTHBEARER";
}

void check_tokens(const json::object& settings, std::vector<Problem>& problems) {
  const auto problem = [&](std::string detail) {
    problems.push_back({"/settings/token_url", std::move(detail)});
  };
  const auto text = text_at(settings, "token_url");
  if (!uses_tokens(settings)) {
    if (!text.empty()) problem("must be left out without the sasl_mechanism OAUTHBEARER");
    return;
  }
  if (text.empty()) return problem("is needed for OAUTHBEARER: where tokens are asked for");
  const auto url = io::parse_web_url(text);
  if (!url) return problem(url.error().detail);
  if (!url->is_tls && uses_tls(settings))
    problem("must begin with https://: the client's secret goes there");
  if (const auto allowed = io::may_call_host(io::Caller::Http, url->host, url->port); !allowed)
    problem(allowed.error().detail);
  const auto ca_pem = real_line_breaks(text_at(settings, "token_ca_pem"));
  if (auto why = ca_pem.empty() ? std::nullopt : io::why_not_certificates(ca_pem))
    problems.push_back({"/settings/token_ca_pem", std::move(*why)});
}

void check_login(const json::object& settings, std::vector<Problem>& problems) {
  const auto protocol = text_at(settings, "security_protocol");
  const bool wants_login = protocol.starts_with("SASL_");
  const bool has_user = !text_at(settings, "username").empty();
  const bool has_jaas = settings.at("properties").as_object().contains("sasl.jaas.config");
  if (wants_login && !has_user && !has_jaas)
    problems.push_back({"/settings/username", "is needed for " + protocol});
  if (!wants_login && (has_user || has_jaas))
    problems.push_back({"/settings/security_protocol",
                        "must be SASL_SSL or SASL_PLAINTEXT when there is a username"});
  if (has_user && has_jaas)
    problems.push_back({"/settings/properties/sasl.jaas.config",
                        "must be left out when there is a username: only one can be meant"});
}

void check_tls(const json::object& settings, std::vector<Problem>& problems) {
  const auto identity = tls_identity_of(settings);
  const bool has_certificate = !identity.certificate_pem.empty();
  const auto before = problems.size();
  if (has_certificate != !identity.key_pem.empty())
    problems.push_back({"/settings/key_pem", "certificate_pem and key_pem belong together"});
  if ((has_certificate || !identity.ca_pem.empty()) && !uses_tls(settings))
    problems.push_back(
        {"/settings/security_protocol", "must be SSL or SASL_SSL when there are certificates"});
  if (!identity.ca_pem.empty()) {
    if (auto why = io::why_not_certificates(identity.ca_pem))
      problems.push_back({"/settings/ca_pem", std::move(*why)});
  }
  if (problems.size() > before || !has_certificate) return;
  if (auto why = io::why_not_certificates(identity.certificate_pem))
    problems.push_back({"/settings/certificate_pem", std::move(*why)});
  if (auto why = io::why_not_key(identity.key_pem, identity.key_password))
    problems.push_back({"/settings/key_pem", std::move(*why)});
  if (problems.size() == before &&
      !io::belong_together(identity.certificate_pem, identity.key_pem, identity.key_password))
    problems.push_back({"/settings/key_pem", "is not the key of certificate_pem"});
}

}  // namespace

bool uses_tls(const json::object& settings) {
  return text_at(settings, "security_protocol").ends_with("SSL");
}

io::TlsIdentity tls_identity_of(const json::object& settings) {
  io::TlsIdentity identity{
      .ca_pem = pem_at(settings, "ca_pem", "ssl.truststore.certificates"),
      .certificate_pem = pem_at(settings, "certificate_pem", "ssl.keystore.certificate.chain"),
      .key_pem = pem_at(settings, "key_pem", "ssl.keystore.key"),
      .key_password = {}};
  if (const auto* properties = settings.if_contains("properties"); properties != nullptr)
    identity.key_password = text_at(properties->as_object(), "ssl.key.password");
  return identity;
}

std::vector<Server> servers_of(std::string_view list) {
  std::vector<Server> servers;
  while (!list.empty()) {
    const auto server = take_server(list);
    const auto colon = server.rfind(':');
    if (colon == std::string_view::npos) continue;
    auto host = server.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    servers.push_back({std::string(host), std::string(server.substr(colon + 1))});
  }
  return servers;
}

void check_settings(const json::object& settings, std::vector<Problem>& problems) {
  check_servers(settings, problems);
  check_properties(settings.at("properties").as_object(), problems);
  check_login(settings, problems);
  check_tokens(settings, problems);
  check_tls(settings, problems);
  registry::check_registry(settings, problems);
}

void check_change(const json::object& before, const json::object& after, const json::object& given,
                  std::vector<Problem>& problems) {
  registry::check_registry_change(before, after, given, problems);
  const auto url = text_at(before, "token_url");
  if (url.empty() || url == text_at(after, "token_url")) return;
  if (connect::is_kept(after.if_contains("password"), given.if_contains("password")))
    problems.push_back({"/settings/password",
                        "must be given again with the new `token_url`: it was given for " + url});
}

std::optional<TokenEndpoint> tokens_of(const json::object& settings) {
  if (!uses_tokens(settings)) return std::nullopt;
  return TokenEndpoint{.url = text_at(settings, "token_url"),
                       .client_id = text_at(settings, "username"),
                       .secret = text_at(settings, "password"),
                       .scope = text_at(settings, "token_scope"),
                       .identity = {.ca_pem = real_line_breaks(text_at(settings, "token_ca_pem"))}};
}

Properties client_properties(const json::object& settings) {
  Properties out = {
      {"bootstrap.servers", text_at(settings, "bootstrap_servers")},
      // Quick to come back, and no storm: the library adds its own jitter.
      {"reconnect.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "2000"},
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      {"log.connection.close", "false"},
  };
  const auto protocol = text_at(settings, "security_protocol");
  if (!protocol.empty()) out.emplace_back("security.protocol", protocol);
  const auto add = [&](std::string_view field, const char* property) {
    auto value = text_at(settings, field);
    if (!value.empty()) out.emplace_back(property, real_line_breaks(value));
  };
  if (protocol.starts_with("SASL_")) {
    out.emplace_back("sasl.mechanism", text_at(settings, "sasl_mechanism"));
    if (auto name = text_at(settings, "username"); !name.empty() && !uses_tokens(settings)) {
      out.emplace_back("sasl.username", name);
      out.emplace_back("sasl.password", text_at(settings, "password"));
    }
  }
  add("ca_pem", "ssl.ca.pem");
  add("certificate_pem", "ssl.certificate.pem");
  add("key_pem", "ssl.key.pem");
  if (const auto* properties = settings.if_contains("properties"))
    add_properties(properties->as_object(), out);
  return out;
}

std::chrono::milliseconds gather_time(const json::object& sink) {
  static constexpr std::int64_t kMost = 2;
  return std::chrono::milliseconds(std::min(kMost, sink.at("linger_ms").as_int64() / 2));
}

Properties producer_properties(const json::object& settings, const json::object& sink,
                               const std::string& client_id, std::size_t batch_bytes,
                               const std::string& transactional_id) {
  auto out = Properties{{"client.id", client_id}};  // `properties` may say otherwise
  for (auto& property : client_properties(settings)) out.push_back(std::move(property));
  const auto acks = text_at(sink, "acks");
  const bool is_safe = acks == "all";
  const auto linger_ms = sink.at("linger_ms").as_int64() - gather_time(sink).count();
  const auto buffer = sink.at("buffer_bytes").as_int64();
  const Properties producer = {
      {"acks", acks},
      {"enable.idempotence", is_safe ? "true" : "false"},
      // The runtime decides what is retried and what is given up, never the library; a transaction
      // has to end some day.
      {"message.timeout.ms", transactional_id.empty() ? "0" : kTransactionMs},
      {"message.max.bytes", "1000000000"},
      {"compression.codec", text_at(sink, "compression")},
      {"linger.ms", std::to_string(linger_ms)},
      {"batch.size", std::to_string(batch_bytes)},
      {"queue.buffering.max.kbytes", std::to_string(buffer / 1024 + 1)},
      {"queue.buffering.max.messages", "0"},  // the runtime's window bounds their number
  };
  out.insert(out.end(), producer.begin(), producer.end());
  if (!transactional_id.empty()) {
    out.emplace_back("transactional.id", transactional_id);
    out.emplace_back("transaction.timeout.ms", kTransactionMs);
    out.emplace_back("isolation.level", "read_uncommitted");  // of the questions where topics end
  } else if (is_safe) {
    // After a refused batch nothing that came later may overtake what is sent again.
    out.emplace_back("enable.gapless.guarantee", "true");
  } else {
    out.emplace_back("max.in.flight.requests.per.connection", "1");
  }
  return out;
}

}  // namespace sluice::connectors::kafka
