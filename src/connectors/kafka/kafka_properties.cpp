#include "connectors/kafka/kafka_properties.hpp"

#include <algorithm>
#include <array>

#include "base/json_text.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using schema::Problem;

enum class Treatment : std::uint8_t {
  Pass,    // the library's own name
  Rename,  // Java's name for `target`
  Secret,  // Pass, and hidden when shown
  Field,   // is a field of the connection or of the task: `target`
  Only,    // has one value that is safe, `target`, which is what it is anyhow
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
    Rule{"ssl.truststore.certificates", Treatment::Secret, "ssl.ca.pem"},
    Rule{"ssl.keystore.certificate.chain", Treatment::Secret, "ssl.certificate.pem"},
    Rule{"ssl.keystore.key", Treatment::Secret, "ssl.key.pem"},
    Rule{"ssl.truststore.type", Treatment::Only, "PEM"},
    Rule{"ssl.keystore.type", Treatment::Only, "PEM"},
    Rule{"ssl.endpoint.identification.algorithm", Treatment::Only, "https"},
    Rule{"enable.ssl.certificate.verification", Treatment::Only, "true"},
    Rule{"enable.idempotence", Treatment::Only, "true"},
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

// Why a property that is not on the list is refused, for those that people do try. The first that
// fits counts.
struct Refused {
  enum class By : std::uint8_t { Name, Begin, End } by = By::Name;
  std::string_view text;
  std::string_view why;

  [[nodiscard]] bool fits(std::string_view name) const {
    if (by == By::Begin) return name.starts_with(text);
    return by == By::End ? name.ends_with(text) : name == text;
  }
};

constexpr std::string_view kNamesFile =
    "it names a file of this server. Give the PEM itself, in ca_pem, certificate_pem and key_pem";
constexpr std::string_view kLoadsCode = "it loads code into the server";
constexpr std::string_view kJavaStore =
    "stores of Java are not read. Give PEM, in ca_pem, certificate_pem and key_pem";
constexpr std::string_view kJavaClass = "it names a class of Java, and there is no Java here";
constexpr std::string_view kOfTask =
    "the task decides what is retried, kept in order and given up: see its /delivery";

constexpr std::array kRefusedProperties = {
    Refused{Refused::By::Begin, "ssl.engine", kLoadsCode},
    Refused{Refused::By::Name, "ssl.providers", kLoadsCode},
    Refused{Refused::By::Name, "ssl.provider", kLoadsCode},
    Refused{Refused::By::Begin, "plugin.", kLoadsCode},
    Refused{Refused::By::Begin, "interceptor", kLoadsCode},
    Refused{Refused::By::Begin, "ssl.truststore.", kJavaStore},
    Refused{Refused::By::Begin, "ssl.keystore.", kJavaStore},
    Refused{Refused::By::End, ".location", kNamesFile},
    Refused{Refused::By::End, ".file", kNamesFile},
    Refused{Refused::By::Begin, "sasl.kerberos.",
            "Kerberos is not available: it runs a program and reads a key file of this server"},
    Refused{Refused::By::Begin, "sasl.oauthbearer.",
            "it can name files, programs and addresses: `token_url` of the connection says where "
            "tokens come from"},
    Refused{Refused::By::Begin, "metadata.authentication",
            "it asks addresses of the cloud for credentials"},
    Refused{Refused::By::Begin, "sasl.login", kJavaClass},
    Refused{Refused::By::End, ".class", kJavaClass},
    Refused{Refused::By::End, ".serializer", "bytes are written as they are"},
    Refused{Refused::By::Name, "debug", "it writes passwords into logs"},
    Refused{Refused::By::Name, "transactional.id", kOfTask},
    Refused{Refused::By::Name, "retries", kOfTask},
    Refused{Refused::By::Name, "message.send.max.retries", kOfTask},
    Refused{Refused::By::Name, "message.timeout.ms", kOfTask},
    Refused{Refused::By::Name, "delivery.timeout.ms", kOfTask},
    Refused{Refused::By::Begin, "max.in.flight", kOfTask},
    Refused{Refused::By::Begin, "partitioner", kOfTask},
    Refused{Refused::By::Name, "max.block.ms", kOfTask},
    Refused{Refused::By::Name, "max.request.size",
            "records are measured by the limit of their topic"},
    Refused{Refused::By::Name, "message.max.bytes",
            "records are measured by the limit of their topic"},
};

const Rule* rule_of(std::string_view name) {
  const auto it = std::ranges::find(kRules, name, &Rule::name);
  return it == kRules.end() ? nullptr : &*it;
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

std::string why_not(std::string_view name) {
  const auto it =
      std::ranges::find_if(kRefusedProperties, [&](const auto& each) { return each.fits(name); });
  if (it != kRefusedProperties.end()) return std::string(it->why);
  std::vector<std::string> known;
  known.reserve(kRules.size());
  for (const auto& entry : kRules) known.emplace_back(entry.name);
  const auto near = schema::nearest(name, known);
  return "it is not on the list of properties that are safe and known here" +
         (near ? " (did you mean `" + *near + "`?)" : std::string());
}

std::string_view library_name(const Rule& rule) {
  return rule.target.empty() ? rule.name : rule.target;
}

// Nothing when the value is one that this property may have.
std::optional<std::string> wrong_value(const Rule& rule, std::string_view value) {
  const auto name = rule.name;
  if (value == "***") return "must be given: there is no saved value that `***` could stand for";
  if (rule.treatment == Treatment::Only)
    return value == rule.target
               ? std::nullopt
               : std::optional("may not be set: `" + std::string(rule.target) + "` is what it is");
  if (name.starts_with("client.") && value.size() > kLongestClientId)
    return "must be at most 255 bytes: it is sent with every request";
  if (name == "sasl.jaas.config") {
    if (parse_jaas(value)) return std::nullopt;
    return "must be a PlainLoginModule or ScramLoginModule with username=\"\" and password=\"\"";
  }
  if (!is_value_of(std::string(library_name(rule)), std::string(value)))
    return "has a value that the Kafka client does not take";
  return std::nullopt;
}

}  // namespace

void check_properties(const json::object& given, std::vector<Problem>& problems) {
  for (const auto& [key, member] : given) {
    const std::string_view name = key;
    const auto pointer = schema::child_pointer("/settings/properties", name);
    const auto* rule = rule_of(name);
    if (rule == nullptr) {
      problems.push_back({pointer, "may not be set: " + why_not(name)});
    } else if (rule->treatment == Treatment::Field) {
      problems.push_back({pointer, "is set by " + std::string(rule->target)});
    } else if (auto wrong = wrong_value(*rule, member.as_string())) {
      problems.push_back({pointer, std::move(*wrong)});
    }
  }
}

void add_properties(const json::object& given, Properties& out) {
  for (const auto& [key, member] : given) {
    const std::string name(key);
    const auto* rule = rule_of(name);
    if (rule == nullptr || rule->treatment == Treatment::Field ||
        rule->treatment == Treatment::Only || !member.is_string())
      continue;
    const std::string value(member.get_string());
    if (name == "sasl.jaas.config") {
      if (const auto jaas = parse_jaas(value)) {
        out.emplace_back("sasl.username", jaas->username);
        out.emplace_back("sasl.password", jaas->password);
      }
    } else if (rule->target.ends_with(".pem")) {
      out.emplace_back(std::string(rule->target), real_line_breaks(value));
    } else {
      out.emplace_back(std::string(library_name(*rule)), value);
    }
  }
}

void mask_properties(json::object& settings) {
  auto* properties = settings.if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return;
  for (auto& member : properties->get_object()) {
    const auto* rule = rule_of(member.key());
    if (rule == nullptr || rule->treatment == Treatment::Secret) member.value() = "***";
  }
}

std::optional<Login> parse_jaas(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\n')) line.remove_prefix(1);
  const auto module = line.substr(0, line.find_first_of(" \t\n"));
  if (module != "org.apache.kafka.common.security.plain.PlainLoginModule" &&
      module != "org.apache.kafka.common.security.scram.ScramLoginModule")
    return std::nullopt;
  auto username = jaas_option(line, "username");
  auto password = jaas_option(line, "password");
  if (!username || !password) return std::nullopt;
  return Login{std::move(*username), std::move(*password)};
}

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

}  // namespace sluice::connectors::kafka
