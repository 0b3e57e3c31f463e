#include "connectors/kafka/kafka_settings.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "io/address_rule.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using schema::Problem;

enum class Treatment : std::uint8_t {
  Pass,    // the library's own name
  Rename,  // Java's name for `target`
  Secret,  // Pass, and hidden when shown
  Field,   // is a field of the connection or of the task: `target`
};

constexpr std::size_t kLongestClientId = 255;  // and of the rack; brokers keep metrics by it

struct Rule {
  std::string_view name;
  Treatment treatment;
  std::string_view target = {};
};

// What `properties` may hold. Everything else is refused by name.
constexpr std::array kRules = {
    Rule{"client.id", Treatment::Pass},
    Rule{"client.rack", Treatment::Pass},
    Rule{"metadata.max.age.ms", Treatment::Pass},
    Rule{"topic.metadata.refresh.interval.ms", Treatment::Pass},
    Rule{"topic.metadata.propagation.max.ms", Treatment::Pass},
    Rule{"socket.timeout.ms", Treatment::Pass},
    Rule{"socket.send.buffer.bytes", Treatment::Pass},
    Rule{"socket.receive.buffer.bytes", Treatment::Pass},
    Rule{"socket.keepalive.enable", Treatment::Pass},
    Rule{"socket.nagle.disable", Treatment::Pass},
    Rule{"socket.max.fails", Treatment::Pass},
    Rule{"socket.connection.setup.timeout.ms", Treatment::Pass},
    Rule{"broker.address.ttl", Treatment::Pass},
    Rule{"broker.address.family", Treatment::Pass},
    Rule{"connections.max.idle.ms", Treatment::Pass},
    Rule{"reconnect.backoff.ms", Treatment::Pass},
    Rule{"reconnect.backoff.max.ms", Treatment::Pass},
    Rule{"retry.backoff.ms", Treatment::Pass},
    Rule{"request.timeout.ms", Treatment::Pass},
    Rule{"api.version.request.timeout.ms", Treatment::Pass},
    Rule{"batch.num.messages", Treatment::Pass},
    Rule{"compression.level", Treatment::Pass},
    Rule{"sticky.partitioning.linger.ms", Treatment::Pass},
    Rule{"ssl.cipher.suites", Treatment::Pass},
    Rule{"ssl.curves.list", Treatment::Pass},
    Rule{"ssl.sigalgs.list", Treatment::Pass},
    Rule{"ssl.key.password", Treatment::Secret},
    Rule{"send.buffer.bytes", Treatment::Rename, "socket.send.buffer.bytes"},
    Rule{"receive.buffer.bytes", Treatment::Rename, "socket.receive.buffer.bytes"},
    Rule{"socket.connection.setup.timeout.max.ms", Treatment::Rename,
         "socket.connection.setup.timeout.ms"},
    Rule{"ssl.truststore.certificates", Treatment::Rename, "ssl.ca.pem"},
    Rule{"ssl.keystore.certificate.chain", Treatment::Rename, "ssl.certificate.pem"},
    Rule{"ssl.keystore.key", Treatment::Secret, "ssl.key.pem"},
    Rule{"sasl.jaas.config", Treatment::Secret},
    Rule{"bootstrap.servers", Treatment::Field, "bootstrap_servers"},
    Rule{"metadata.broker.list", Treatment::Field, "bootstrap_servers"},
    Rule{"security.protocol", Treatment::Field, "security_protocol"},
    Rule{"sasl.mechanism", Treatment::Field, "sasl_mechanism"},
    Rule{"sasl.mechanisms", Treatment::Field, "sasl_mechanism"},
    Rule{"sasl.username", Treatment::Field, "username"},
    Rule{"sasl.password", Treatment::Field, "password"},
    Rule{"ssl.ca.pem", Treatment::Field, "ca_pem"},
    Rule{"ssl.certificate.pem", Treatment::Field, "certificate_pem"},
    Rule{"ssl.key.pem", Treatment::Field, "key_pem"},
    Rule{"acks", Treatment::Field, "the task's /sink/acks"},
    Rule{"request.required.acks", Treatment::Field, "the task's /sink/acks"},
    Rule{"compression.type", Treatment::Field, "the task's /sink/compression"},
    Rule{"compression.codec", Treatment::Field, "the task's /sink/compression"},
    Rule{"linger.ms", Treatment::Field, "the task's /sink/linger_ms"},
    Rule{"queue.buffering.max.ms", Treatment::Field, "the task's /sink/linger_ms"},
    Rule{"batch.size", Treatment::Field, "the task's /sink/batch_bytes"},
    Rule{"buffer.memory", Treatment::Field, "the task's /sink/buffer_bytes"},
    Rule{"queue.buffering.max.kbytes", Treatment::Field, "the task's /sink/buffer_bytes"},
};

const Rule* rule_of(std::string_view name) {
  const auto it = std::ranges::find(kRules, name, &Rule::name);
  return it == kRules.end() ? nullptr : &*it;
}

std::string text_at(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// The value of `name="..."` in a JAAS line, with `\"` and `\\` resolved.
std::optional<std::string> jaas_option(std::string_view line, std::string_view name) {
  std::size_t at = 0;
  while ((at = line.find(name, at)) != std::string_view::npos) {
    const bool is_word =
        at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t' || line[at - 1] == '\n';
    at += name.size();
    if (!is_word || !line.substr(at).starts_with("=\"")) continue;
    std::string value;
    for (std::size_t i = at + 2; i < line.size(); ++i) {
      if (line[i] == '"') return value;
      if (line[i] == '\\' && i + 1 < line.size()) ++i;
      value += line[i];
    }
    return std::nullopt;
  }
  return std::nullopt;
}

struct Jaas {
  std::string username, password;
};

// Password logins only: a JAAS line can name any class, and others have run code by that.
std::optional<Jaas> parse_jaas(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\n')) line.remove_prefix(1);
  const auto module = line.substr(0, line.find_first_of(" \t\n"));
  if (module != "org.apache.kafka.common.security.plain.PlainLoginModule" &&
      module != "org.apache.kafka.common.security.scram.ScramLoginModule")
    return std::nullopt;
  auto username = jaas_option(line, "username");
  auto password = jaas_option(line, "password");
  if (!username || !password) return std::nullopt;
  return Jaas{std::move(*username), std::move(*password)};
}

// People paste PEM into one line with `\n` written out.
std::string real_line_breaks(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\\n")) {
      out += '\n';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

void check_property(std::string_view name, std::string_view value, std::vector<Problem>& problems) {
  const auto pointer = schema::child_pointer("/settings/properties", name);
  const auto* rule = rule_of(name);
  if (rule == nullptr) {
    std::vector<std::string> known;
    known.reserve(kRules.size());
    for (const auto& entry : kRules) known.emplace_back(entry.name);
    const auto near = schema::nearest(name, known);
    problems.push_back({pointer,
                        "may not be set: it is not on the list of properties that are safe "
                        "and known here" +
                            (near ? " (did you mean `" + *near + "`?)" : std::string())});
  } else if (rule->treatment == Treatment::Field) {
    problems.push_back({pointer, "is set by " + std::string(rule->target)});
  } else if (name.starts_with("client.") && value.size() > kLongestClientId) {
    problems.push_back({pointer, "must be at most 255 bytes: it is sent with every request"});
  } else if (name == "sasl.jaas.config" && !parse_jaas(value)) {
    problems.push_back({pointer,
                        "must be a PlainLoginModule or ScramLoginModule with username=\"\" "
                        "and password=\"\""});
  }
}

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

void add_properties(const json::object& given, Properties& out) {
  for (const auto& [key, member] : given) {
    const std::string name(key);
    const auto* rule = rule_of(name);
    if (rule == nullptr || rule->treatment == Treatment::Field || !member.is_string()) continue;
    const std::string value(member.get_string());
    if (name == "sasl.jaas.config") {
      if (const auto jaas = parse_jaas(value)) {
        out.emplace_back("sasl.username", jaas->username);
        out.emplace_back("sasl.password", jaas->password);
      }
    } else if (rule->target.ends_with(".pem")) {
      out.emplace_back(std::string(rule->target), real_line_breaks(value));
    } else {
      out.emplace_back(rule->target.empty() ? name : std::string(rule->target), value);
    }
  }
}

}  // namespace

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
  if (!is_server_list(text_at(settings, "bootstrap_servers")))
    problems.push_back({"/settings/bootstrap_servers",
                        "must be host:port, several separated by commas, IPv6 in brackets"});
  for (const auto& server : servers_of(text_at(settings, "bootstrap_servers"))) {
    if (const auto allowed = io::may_call_host(server.host); !allowed)
      problems.push_back({"/settings/bootstrap_servers", allowed.error().detail});
  }
  const auto& properties = settings.at("properties").as_object();
  for (const auto& [name, value] : properties) check_property(name, value.as_string(), problems);

  const auto protocol = text_at(settings, "security_protocol");
  const bool wants_login = protocol.starts_with("SASL_");
  const bool has_login =
      !text_at(settings, "username").empty() || properties.contains("sasl.jaas.config");
  if (wants_login && !has_login)
    problems.push_back({"/settings/username", "is needed for " + protocol});
  if (!wants_login && has_login)
    problems.push_back({"/settings/security_protocol",
                        "must be SASL_SSL or SASL_PLAINTEXT when there is a username"});
  if (text_at(settings, "certificate_pem").empty() != text_at(settings, "key_pem").empty())
    problems.push_back({"/settings/key_pem", "certificate_pem and key_pem belong together"});
}

void mask_properties(json::object& settings) {
  auto* properties = settings.if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return;
  for (auto& member : properties->get_object()) {
    const auto* rule = rule_of(member.key());
    if (rule == nullptr || rule->treatment == Treatment::Secret) member.value() = "***";
  }
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
    if (auto name = text_at(settings, "username"); !name.empty()) {
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

Properties producer_properties(const json::object& settings, const json::object& sink,
                               const std::string& client_id, std::size_t batch_bytes) {
  auto out = Properties{{"client.id", client_id}};  // `properties` may say otherwise
  for (auto& property : client_properties(settings)) out.push_back(std::move(property));
  const auto acks = text_at(sink, "acks");
  const bool is_safe = acks == "all";
  const auto buffer = sink.at("buffer_bytes").as_int64();
  const Properties producer = {
      {"acks", acks},
      {"enable.idempotence", is_safe ? "true" : "false"},
      // The runtime decides what is retried and what is given up, never the library.
      {"message.timeout.ms", "0"},
      {"message.max.bytes", "1000000000"},
      {"partitioner", "murmur2_random"},
      {"compression.codec", text_at(sink, "compression")},
      {"linger.ms", std::to_string(sink.at("linger_ms").as_int64())},
      {"batch.size", std::to_string(batch_bytes)},
      {"queue.buffering.max.kbytes", std::to_string(buffer / 1024 + 1)},
      {"queue.buffering.max.messages", "0"},  // the runtime's window bounds their number
  };
  out.insert(out.end(), producer.begin(), producer.end());
  if (is_safe) {
    // After a refused batch nothing that came later may overtake what is sent again.
    out.emplace_back("enable.gapless.guarantee", "true");
  } else {
    out.emplace_back("max.in.flight.requests.per.connection", "1");
  }
  return out;
}

}  // namespace sluice::connectors::kafka
