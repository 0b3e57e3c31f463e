// A Kafka action of EMQX, with its connector and its rule, as EMQX's REST API shows them.
#include <algorithm>

#include <boost/json/array.hpp>

#include "base/json_text.hpp"
#include "connectors/kafka/emqx_rule.hpp"
#include "connectors/kafka/kafka_import.hpp"
#include "connectors/kafka/kafka_import_text.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using connect::ImportedFlow;

class EmqxReader {
 public:
  explicit EmqxReader(const json::object& foreign) : foreign_(foreign) {}
  Outcome<ImportedFlow> read();

 private:
  void problem(std::string pointer, std::string detail) {
    problems_.push_back({std::move(pointer), std::move(detail)});
  }
  void note(std::string text) { flow_.notes.push_back(std::move(text)); }
  [[nodiscard]] const json::object* part(std::string_view name, std::string_view what);
  void head(const json::object& action);
  void rule(const json::object& rule);
  void connector(const json::object& connector);
  void login(const json::object& connector);
  void encryption(const json::object& connector);
  void parameters(const json::object& parameters);
  void message(const json::object& parameters);
  void headers(const json::object& parameters);
  void sizes(const json::object& parameters);

  const json::object& foreign_;
  std::vector<schema::Problem> problems_;
  ImportedFlow flow_;
  json::object settings_, map_, sink_, delivery_;
};

const json::object* object_in(const json::object& parent, std::string_view name) {
  const auto* value = parent.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

const json::object* EmqxReader::part(std::string_view name, std::string_view what) {
  const auto* found = object_in(foreign_, name);
  if (found == nullptr)
    problem("/" + std::string(name), "must be the " + std::string(what) + " as EMQX shows it");
  return found;
}

Outcome<ImportedFlow> EmqxReader::read() {
  const auto* action = part("action", "Kafka action");
  const auto* its_connector = part("connector", "connector that the action names");
  const auto* its_rule = part("rule", "rule whose output the action is");
  if (action != nullptr) head(*action);
  if (its_connector != nullptr) connector(*its_connector);
  if (its_rule != nullptr) rule(*its_rule);
  if (action != nullptr) {
    if (const auto* its_parameters = object_in(*action, "parameters")) {
      parameters(*its_parameters);
    } else {
      problem("/action/parameters", "must be there");
    }
  }
  if (!problems_.empty())
    return refuse({.errc = Errc::InvalidArgument,
                   .code = "invalid_document",
                   .detail = "this flow of EMQX cannot be carried over as it is",
                   .hint = "send {\"action\", \"connector\", \"rule\"} as EMQX's REST API shows "
                           "them, or make the task by hand",
                   .fields = std::move(problems_)});
  flow_.connection["type"] = "kafka";
  flow_.connection["settings"] = std::move(settings_);
  sink_["type"] = "kafka";
  sink_["connection"] = flow_.connection.at("name");
  flow_.task["map"] = std::move(map_);
  flow_.task["sink"] = std::move(sink_);
  if (!delivery_.empty()) flow_.task["delivery"] = std::move(delivery_);
  return std::move(flow_);
}

void EmqxReader::head(const json::object& action) {
  const auto type = text_at(action, "type");
  if (!type.empty() && type != "kafka_producer" && type != "kafka")
    problem("/action/type", "must be `kafka_producer`: other actions are not imported");
  const auto title = text_at(action, "name");
  if (title.empty()) problem("/action/name", "must be the action's name");
  const auto name = imported_name(title);
  for (auto* document : {&flow_.connection, &flow_.task}) {
    (*document)["name"] = name;
    (*document)["title"] = shortened(title, kLongestTitle);
    (*document)["description"] = shortened(text_at(action, "description"), kLongestDescription);
  }
  const auto* enabled = action.if_contains("enable");
  if (enabled != nullptr && enabled->is_bool()) flow_.task["enabled"] = enabled->get_bool();
  const auto* fallback = action.if_contains("fallback_actions");
  const auto* fallbacks = fallback != nullptr ? fallback->if_array() : nullptr;
  if (fallback != nullptr && !fallback->is_null() && fallbacks == nullptr)
    problem("/action/fallback_actions", "must be a list");
  if (fallbacks != nullptr && !fallbacks->empty())
    note("`fallback_actions` are not carried over: what is refused becomes a dead letter");
  if (action.contains("resource_opts"))
    note("`resource_opts` are not needed: the log is the buffer, and nothing in it expires");
}

void EmqxReader::rule(const json::object& rule) {
  auto read = read_emqx_rule(text_at(rule, "sql"));
  if (!read) return problem("/rule/sql", std::move(read.error()));
  json::array filters;
  for (auto& filter : read->filters) filters.emplace_back(std::move(filter));
  flow_.task["source"] = json::object{{"type", "local"}, {"filters", std::move(filters)}};
  if (!read->where.empty()) flow_.task["where"] = read->where;
}

void EmqxReader::connector(const json::object& connector) {
  const auto hosts = text_at(connector, "bootstrap_hosts");
  std::string servers;
  for (std::size_t at = 0; at < hosts.size();) {
    const auto end = std::min(hosts.find(',', at), hosts.size());
    auto host = hosts.substr(at, end - at);
    std::erase(host, ' ');
    if (host.find(':') == std::string::npos) host += ":9092";  // EMQX's default
    servers += (servers.empty() ? "" : ",") + host;
    at = end + 1;
  }
  if (servers.empty()) problem("/connector/bootstrap_hosts", "must name the brokers");
  settings_["bootstrap_servers"] = servers;
  login(connector);
  encryption(connector);
}

void EmqxReader::login(const json::object& connector) {
  const auto* login = object_in(connector, "authentication");
  if (login == nullptr) return;
  auto mechanism = text_at(*login, "mechanism");
  if (mechanism == "plain") {
    settings_["sasl_mechanism"] = "PLAIN";
  } else if (mechanism == "scram_sha_256") {
    settings_["sasl_mechanism"] = "SCRAM-SHA-256";
  } else if (mechanism == "scram_sha_512") {
    settings_["sasl_mechanism"] = "SCRAM-SHA-512";
  } else {
    return problem("/connector/authentication",
                   "must be by user name and password, plain or SCRAM: no other is available here");
  }
  const auto password = text_at(*login, "password");
  settings_["username"] = text_at(*login, "username");
  settings_["password"] = password;
  if (password.empty() || password.find_first_not_of('*') == std::string::npos)
    problem("/connector/authentication/password",
            "must be the password itself: EMQX shows stars in its place");
}

void EmqxReader::encryption(const json::object& connector) {
  const auto* tls = object_in(connector, "ssl");
  const auto* enabled = tls != nullptr ? tls->if_contains("enable") : nullptr;
  const bool is_encrypted = enabled != nullptr && enabled->is_bool() && enabled->get_bool();
  const bool has_login = settings_.contains("sasl_mechanism");
  settings_["security_protocol"] = is_encrypted ? (has_login ? "SASL_SSL" : "SSL")
                                                : (has_login ? "SASL_PLAINTEXT" : "PLAINTEXT");
  if (!is_encrypted) return;
  const std::pair<const char*, const char*> files[] = {
      {"cacertfile", "ca_pem"}, {"certfile", "certificate_pem"}, {"keyfile", "key_pem"}};
  for (const auto& [theirs, ours] : files) {
    const auto text = text_at(*tls, theirs);
    if (text.empty()) continue;
    if (!text.starts_with("-----BEGIN"))
      problem("/connector/ssl/" + std::string(theirs),
              "must be the PEM itself: files of another server are not read");
    settings_[ours] = text;
  }
  if (text_at(*tls, "verify") != "verify_peer")
    note("the brokers' certificates are always verified: give `ca_pem` if that fails");
}

void EmqxReader::parameters(const json::object& parameters) {
  map_["topic"] = emqx_template(text_at(parameters, "topic"));
  if (text_at(parameters, "topic").empty())
    problem("/action/parameters/topic", "must be the Kafka topic");
  message(parameters);
  headers(parameters);
  sizes(parameters);
  const auto compression = text_at(parameters, "compression");
  if (!compression.empty())
    sink_["compression"] = compression == "no_compression" ? "none" : compression;
  const auto acks = text_at(parameters, "required_acks");
  if (!acks.empty() && acks != "all_isr")
    note("`required_acks` was raised from `" + acks +
         "` to `all`: with less a broker that fails loses what it acknowledged");
  if (parameters.contains("buffer") || parameters.contains("max_inflight"))
    note(
        "`buffer` and `max_inflight` are not needed: the log is the buffer, and order is kept with "
        "any number in flight");
}

void EmqxReader::message(const json::object& parameters) {
  const auto* message = object_in(parameters, "message");
  const auto key = message != nullptr ? text_at(*message, "key") : "${.clientid}";
  const auto value = message != nullptr ? text_at(*message, "value") : "${.}";
  map_["key"] = emqx_template(key);
  if (key.empty()) {
    delivery_["order"] = "none";
  } else if (key != "${.clientid}" && key != "${clientid}") {
    delivery_["order"] = "per_key";
  }
  if (!key.empty() && text_at(parameters, "partition_strategy") != "key_dispatch")
    note(
        "records go to the partition of their key, as Kafka's own clients choose it; `random` "
        "does not keep order");
  else if (!key.empty())
    note("the key's partition is the one that Kafka's own clients choose, not EMQX's");
  if (value.empty() || value == "${.}" || value == "${}") {
    map_["value"] = "envelope";
    note("the whole message as JSON is our envelope: its members are not those of EMQX");
  } else if (value == "${.payload}" || value == "${payload}") {
    map_["value"] = "raw";
  } else {
    map_["value"] = json::object{{"template", emqx_template(value)}};
  }
}

void EmqxReader::headers(const json::object& parameters) {
  const auto all = text_at(parameters, "kafka_headers");
  const auto* listed = parameters.if_contains("kafka_ext_headers");
  const bool has_list = listed != nullptr && listed->is_array() && !listed->get_array().empty();
  if (!all.empty() && !has_list) {
    map_["headers"] = "all";
    note("`kafka_headers` (" + all +
         ") became all headers: attributes of the message and its user "
         "properties");
    return;
  }
  map_["headers"] = "none";
  if (!all.empty()) note("`kafka_headers` (" + all + ") is not carried over beside a list");
  if (!has_list) return;
  json::array list;
  for (const auto& entry : listed->get_array()) {
    const auto* header = entry.if_object();
    if (header == nullptr) continue;
    list.push_back(
        json::object{{"name", text_at(*header, "kafka_ext_header_key")},
                     {"value", emqx_template(text_at(*header, "kafka_ext_header_value"))}});
  }
  map_["headers"] = std::move(list);
}

void EmqxReader::sizes(const json::object& parameters) {
  const auto linger = text_at(parameters, "max_linger_time");
  if (linger.ends_with("ms")) {
    const auto number = linger.substr(0, linger.size() - 2);
    const bool is_number = !number.empty() && number.size() < 6 &&
                           std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    if (is_number) sink_["linger_ms"] = std::min(std::stoll(number), 60'000LL);
  }
  if (const auto batch = text_at(parameters, "max_batch_bytes"); batch == "896KB")
    sink_["batch_bytes"] = 896 * 1024;
  else if (!batch.empty())
    note("`max_batch_bytes` (" + batch + ") is not carried over: see /sink/batch_bytes");
}

}  // namespace

Outcome<ImportedFlow> import_emqx(const json::object& foreign) {
  return EmqxReader(foreign).read();
}

}  // namespace sluice::connectors::kafka
