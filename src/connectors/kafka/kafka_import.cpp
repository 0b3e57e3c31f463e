#include "connectors/kafka/kafka_import.hpp"

#include <algorithm>
#include <array>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "connectors/kafka/kafka_import_text.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using connect::ImportedFlow;

// Names of Java that a field of ours stands for, and where that is.
struct Named {
  std::string_view name;
  std::string_view field;
  bool is_of_sink = false;
};
constexpr std::array kNamedFields = {Named{"bootstrap.servers", "bootstrap_servers"},
                                     Named{"security.protocol", "security_protocol"},
                                     Named{"sasl.mechanism", "sasl_mechanism"},
                                     Named{"acks", "acks", true},
                                     Named{"compression.type", "compression", true},
                                     Named{"linger.ms", "linger_ms", true},
                                     Named{"batch.size", "batch_bytes", true},
                                     Named{"buffer.memory", "buffer_bytes", true}};

// What tunes a client that gives up or guesses sizes: there is nothing to set here.
constexpr std::array<std::string_view, 9> kNotNeeded = {"retries",
                                                        "delivery.timeout.ms",
                                                        "max.block.ms",
                                                        "key.serializer",
                                                        "max.request.size",
                                                        "value.serializer",
                                                        "enable.idempotence",
                                                        "partitioner.class",
                                                        "max.in.flight.requests.per.connection"};

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

// A constant is never read as a template.
std::string constant(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) escaped += '$';
    escaped += text[i];
  }
  return escaped;
}

class TbmqReader {
 public:
  explicit TbmqReader(const json::object& foreign) : foreign_(foreign) {}
  Outcome<ImportedFlow> read();

 private:
  void problem(std::string pointer, std::string detail) {
    problems_.push_back({std::move(pointer), std::move(detail)});
  }
  void note(std::string text) { flow_.notes.push_back(std::move(text)); }
  void head(const json::object& configuration);
  void client(const json::object& client);
  void sink(const json::object& client);
  void size(const json::object& client, const char* theirs, const char* ours,
            std::int64_t smallest);
  void acks(const json::value& acks);
  void other(const json::object& properties);
  void other(std::string_view name, const std::string& value);
  void value_and_key(const json::object& client);
  void headers(const json::object& client);
  [[nodiscard]] const json::object* object_at(const json::object& parent, std::string_view name,
                                              std::string_view pointer, bool is_required);

  const json::object& foreign_;
  std::vector<schema::Problem> problems_;
  ImportedFlow flow_;
  json::object settings_, properties_, source_, map_, sink_, delivery_;
};

const json::object* TbmqReader::object_at(const json::object& parent, std::string_view name,
                                          std::string_view pointer, bool is_required) {
  const auto* value = parent.if_contains(name);
  if (value == nullptr || value->is_null()) {
    if (is_required) problem(std::string(pointer), "is required");
    return nullptr;
  }
  if (!value->is_object()) problem(std::string(pointer), "must be an object");
  return value->if_object();
}

Outcome<ImportedFlow> TbmqReader::read() {
  const auto* type = foreign_.if_contains("type");
  if (type == nullptr || !type->is_string() || type->get_string() != "KAFKA")
    problem("/type", "must be `KAFKA`: other integrations of TBMQ are not imported");
  const auto* configuration = object_at(foreign_, "configuration", "/configuration", true);
  if (configuration != nullptr) {
    head(*configuration);
    const auto* client_configuration = object_at(*configuration, "clientConfiguration",
                                                 "/configuration/clientConfiguration", true);
    if (client_configuration != nullptr) client(*client_configuration);
  }
  if (!problems_.empty())
    return refuse({.errc = Errc::InvalidArgument,
                   .code = "invalid_document",
                   .detail = "this is not a Kafka integration of TBMQ that can be imported",
                   .hint = "send it as TBMQ's REST API shows it",
                   .fields = std::move(problems_)});
  settings_["properties"] = std::move(properties_);
  flow_.connection["type"] = "kafka";
  flow_.connection["settings"] = std::move(settings_);
  sink_["type"] = "kafka";
  sink_["connection"] = flow_.connection.at("name");
  flow_.task["source"] = std::move(source_);
  flow_.task["map"] = std::move(map_);
  flow_.task["sink"] = std::move(sink_);
  if (!delivery_.empty()) flow_.task["delivery"] = std::move(delivery_);
  return std::move(flow_);
}

void TbmqReader::head(const json::object& configuration) {
  const auto* given = foreign_.if_contains("name");
  const auto title = given != nullptr && given->is_string() ? text_of(*given) : std::string();
  if (title.empty()) problem("/name", "must be the integration's name");
  const auto name = imported_name(title);
  if (name != title) note("the name became `" + name + "`; `title` keeps the original");
  std::string description;
  if (const auto* more = object_at(foreign_, "additionalInfo", "/additionalInfo", false)) {
    const auto* text = more->if_contains("description");
    if (text != nullptr && text->is_string()) description = text_of(*text);
  }
  for (auto* document : {&flow_.connection, &flow_.task}) {
    (*document)["name"] = name;
    (*document)["title"] = shortened(title, kLongestTitle);
    (*document)["description"] = shortened(description, kLongestDescription);
  }
  const auto* enabled = foreign_.if_contains("enabled");
  if (enabled != nullptr && enabled->is_bool()) flow_.task["enabled"] = enabled->get_bool();

  source_["type"] = "local";
  const auto* filters = configuration.if_contains("topicFilters");
  source_["filters"] = filters != nullptr ? *filters : json::value(json::array{"tbmq/#"});
  if (const auto* metadata =
          object_at(configuration, "metadata", "/configuration/metadata", false)) {
    json::object texts;
    for (const auto& [key, value] : *metadata) texts[key] = text_of(value);
    map_["metadata"] = std::move(texts);
  }
}

void TbmqReader::client(const json::object& client) {
  const auto* servers = client.if_contains("bootstrapServers");
  settings_["bootstrap_servers"] = servers != nullptr ? *servers : json::value("localhost:9092");
  const auto* topic = client.if_contains("topic");
  map_["topic"] =
      constant(topic != nullptr && topic->is_string() ? text_of(*topic) : "tbmq.messages");
  sink(client);
  value_and_key(client);
  headers(client);
  if (const auto* properties = object_at(
          client, "otherProperties", "/configuration/clientConfiguration/otherProperties", false))
    other(*properties);
  if (const auto* given = sink_.if_contains("acks")) acks(json::value(*given));
}

void TbmqReader::sink(const json::object& client) {
  const auto take = [&](const char* theirs, const char* ours) {
    const auto* value = client.if_contains(theirs);
    if (value != nullptr && !value->is_null()) sink_[ours] = *value;
  };
  take("compression", "compression");
  take("clientIdPrefix", "client_id_prefix");
  take("acks", "acks");
  take("linger", "linger_ms");
  size(client, "batchSize", "batch_bytes", 1024);
  size(client, "bufferMemory", "buffer_bytes", 1 << 20);
  const auto* retries = client.if_contains("retries");
  if (retries != nullptr && retries->is_int64())
    note("`retries` (" + text_of(*retries) +
         ") is not needed: a record is sent until it arrives or is refused for good");
}

// 0 is TBMQ's default there, and so ours here.
void TbmqReader::size(const json::object& client, const char* theirs, const char* ours,
                      std::int64_t smallest) {
  const auto* value = client.if_contains(theirs);
  if (value == nullptr || !value->is_int64() || value->get_int64() == 0) return;
  sink_[ours] = std::max(smallest, value->get_int64());
  if (value->get_int64() < smallest)
    note("`" + std::string(theirs) + "` was raised to " + std::to_string(smallest));
}

void TbmqReader::acks(const json::value& acks) {
  const auto text = text_of(acks);
  sink_["acks"] = "all";
  if (text != "all" && text != "-1")
    note("`acks` was raised from `" + text +
         "` to `all`: with less a broker that fails loses what it acknowledged");
}

// Set after the named ones there, so that they win.
void TbmqReader::other(const json::object& properties) {
  for (const auto& [name, value] : properties) other(name, text_of(value));
}

void TbmqReader::other(std::string_view name, const std::string& value) {
  if (std::ranges::find(kNotNeeded, name) != kNotNeeded.end())
    return note("`" + std::string(name) + "` was left out: the server decides that itself");
  const auto* known = std::ranges::find(kNamedFields, name, &Named::name);
  if (known == kNamedFields.end()) {
    properties_[name] = value;  // refused by name where it may not be set
    return;
  }
  auto& target = known->is_of_sink ? sink_ : settings_;
  const bool is_number = known->field.ends_with("_bytes") || known->field.ends_with("_ms");
  if (is_number && !value.empty() &&
      std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; }) &&
      value.size() < 18) {
    target[known->field] = static_cast<std::int64_t>(std::stoll(value));
  } else {
    target[known->field] = value;
  }
}

void TbmqReader::value_and_key(const json::object& client) {
  const auto* only_payload = client.if_contains("sendOnlyMsgPayload");
  const bool is_raw =
      only_payload != nullptr && only_payload->is_bool() && only_payload->get_bool();
  map_["value"] = is_raw ? "raw" : "envelope";
  if (is_raw)
    note("payloads that are not UTF-8 are written as they are; TBMQ wrote them in base 64");
  else
    note(
        "the envelope has a member more at its end, `props_all`, with every user property; "
        "`clientCertCn` is not written");

  const auto* key = client.if_contains("key");
  if (key != nullptr && key->is_string() && !key->get_string().empty()) {
    map_["key"] = constant(key->get_string());
    note(
        "the key is one constant, so that all records go to one partition; `${client_id}` keeps "
        "the order of each publisher and uses all of them");
    return;
  }
  map_["key"] = "";
  delivery_["order"] = "none";
  note(
      "there is no key, as there: order is not kept over partitions. Key `${client_id}` with "
      "order `per_publisher` keeps it");
}

void TbmqReader::headers(const json::object& client) {
  map_["headers"] = "none";
  const auto* given =
      object_at(client, "kafkaHeaders", "/configuration/clientConfiguration/kafkaHeaders", false);
  if (given == nullptr || given->empty()) return;
  json::array list;
  for (const auto& [name, value] : *given)
    list.push_back(json::object{{"name", name}, {"value", constant(text_of(value))}});
  map_["headers"] = std::move(list);
  const auto* charset = client.if_contains("kafkaHeadersCharset");
  if (charset != nullptr && charset->is_string() && charset->get_string() != "UTF-8" &&
      charset->get_string() != "US-ASCII")
    note("headers are written in UTF-8, not in " + text_of(*charset));
}

}  // namespace

Outcome<ImportedFlow> import_tbmq(const json::object& foreign) {
  return TbmqReader(foreign).read();
}

}  // namespace sluice::connectors::kafka
