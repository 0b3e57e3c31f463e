// What a Kafka connection and a Kafka sink may say. Validation, form and reference page are made
// from this.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "connectors/kafka/kafka.hpp"
#include "connectors/kafka/kafka_import.hpp"
#include "connectors/kafka/kafka_place.hpp"
#include "connectors/kafka/kafka_properties.hpp"
#include "connectors/kafka/kafka_settings.hpp"
#include "connectors/kafka/kafka_sink.hpp"
#include "connectors/kafka/kafka_source.hpp"
#include "connectors/kafka/kafka_source_spec.hpp"
#include "connectors/kafka/kafka_topics.hpp"
#include "connectors/kafka/kafka_verdict.hpp"
#include "connectors/kafka/kafka_verify.hpp"
#include "connectors/kafka/registry/registry_settings.hpp"
#include "connectors/kafka/registry/schema_decoder.hpp"
#include "connectors/kafka/registry/schema_encoder.hpp"

namespace sluice::connectors {
namespace {

namespace json = boost::json;
using schema::Type;

schema::Fields connection_fields() {
  return {
      {.name = "bootstrap_servers",
       .help = "Brokers to begin with: host:port, several separated by commas.",
       .required = true,
       .minimum = 1,
       .maximum = 4096},
      {.name = "security_protocol",
       .type = Type::Choice,
       .help = "How the brokers' port is spoken to.",
       .fallback = "PLAINTEXT",
       .choices = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}},
      {.name = "sasl_mechanism",
       .type = Type::Choice,
       .help = "How user name and password are proven. OAUTHBEARER: they are a client's id and "
               "secret, for which `token_url` gives tokens.",
       .fallback = "PLAIN",
       .choices = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}},
      {.name = "username", .help = "For SASL.", .fallback = "", .maximum = 1024},
      {.name = "password", .help = "For SASL.", .fallback = "", .secret = true, .maximum = 4096},
      {.name = "token_url",
       .help = "With OAUTHBEARER: where tokens are asked for, by client credentials. https://, and "
               "http:// with SASL_PLAINTEXT alone. Called as HTTP sinks call: see the setting "
               "connect.allowed_networks.",
       .fallback = "",
       .maximum = 2048},
      {.name = "token_scope",
       .help = "With OAUTHBEARER: the scope to ask for.",
       .fallback = "",
       .maximum = 1024},
      {.name = "token_ca_pem",
       .help = "Certificates (PEM) of those who sign that of `token_url`. Empty: those the machine "
               "trusts.",
       .fallback = "",
       .secret = true,
       .maximum = 1 << 20},
      {.name = "ca_pem",
       .help = "Certificates (PEM) of those who sign the brokers' certificates. Empty: those the "
               "machine trusts.",
       .fallback = "",
       .secret = true,
       .maximum = 1 << 20},
      {.name = "certificate_pem",
       .help = "This client's certificate (PEM), where brokers ask for one.",
       .fallback = "",
       .secret = true,
       .maximum = 1 << 20},
      {.name = "key_pem",
       .help = "The key of certificate_pem (PEM).",
       .fallback = "",
       .secret = true,
       .maximum = 1 << 20},
      {.name = "properties",
       .type = Type::Map,
       .help = "Further properties of the client, by librdkafka's or Java's names. Only those on a "
               "list may be set.",
       .fallback = json::object(),
       .maximum = 64},
      kafka::registry::registry_field(),
  };
}

schema::Fields sink_fields() {
  return {
      {.name = "compression",
       .type = Type::Choice,
       .help = "Of batches.",
       .fallback = "none",
       .choices = {"none", "gzip", "snappy", "lz4", "zstd"}},
      {.name = "acks",
       .type = Type::Choice,
       .help = "Whose acknowledgement counts: `all` in-sync replicas, the leader (`1`), nobody "
               "(`0`).",
       .fallback = "all",
       .choices = {"all", "1", "0"}},
      {.name = "linger_ms",
       .type = Type::Integer,
       .help = "How long a batch waits for more records.",
       .fallback = 5,
       .minimum = 0,
       .maximum = 60'000},
      {.name = "batch_bytes",
       .type = Type::Bytes,
       .help = "The largest batch; never more than the topic takes.",
       .fallback = 1'000'000,
       .minimum = 1024,
       .maximum = 100 << 20},
      {.name = "buffer_bytes",
       .type = Type::Bytes,
       .help = "Memory for records on their way.",
       .fallback = 33'554'432,
       .minimum = 1 << 20,
       .maximum = std::int64_t{1} << 31},
      {.name = "client_id_prefix",
       .help = "Stands before the client id that the brokers see.",
       .fallback = "",
       .maximum = 64},
      {.name = "create",
       .type = Type::Object,
       .help = "How to make the topic when it is missing. Without it the task waits for it.",
       .nullable = true,
       .fields = {{.name = "partitions",
                   .type = Type::Integer,
                   .help = "-1: the broker's default.",
                   .fallback = -1,
                   .minimum = -1,
                   .maximum = 100'000},
                  {.name = "replication",
                   .type = Type::Integer,
                   .help = "-1: the broker's default.",
                   .fallback = -1,
                   .minimum = -1,
                   .maximum = 100},
                  {.name = "retention_ms",
                   .type = Type::Integer,
                   .help = "How long Kafka keeps records; null: the broker's default.",
                   .nullable = true,
                   .minimum = -1}}},
  };
}

std::string bound_resource(const json::object& settings) {
  return std::string(settings.at("bootstrap_servers").as_string());
}

Result<kafka::registry::RegistryAddress> registry_address(const json::object& settings) {
  const auto* registry = kafka::registry::registry_of(settings);
  if (registry != nullptr) return kafka::registry::address_of(*registry);
  return fail(Errc::InvalidArgument,
              "needs a connection with `schema_registry`, and that of this task has none");
}

Result<std::unique_ptr<connect::ValueEncoder>> make_encoder(const json::object& settings,
                                                            const connect::Encoding& encoding) {
  SL_TRY(address, registry_address(settings));
  return std::make_unique<kafka::registry::SchemaEncoder>(encoding, std::move(address));
}

Result<std::unique_ptr<connect::ValueDecoder>> make_decoder(const json::object& settings,
                                                            connect::Encoding::Format format) {
  SL_TRY(address, registry_address(settings));
  return std::make_unique<kafka::registry::SchemaDecoder>(format, std::move(address));
}

}  // namespace

void register_kafka(connect::Registry& registry) {
  connect::Connector connector;
  connector.name = "kafka";
  connector.summary =
      "Writes records to Apache Kafka, or to what speaks its protocol, and reads them there.";
  connector.connection_fields = connection_fields();
  connector.sink_fields = sink_fields();
  connector.check_connection = kafka::check_settings;
  connector.check_change = kafka::check_change;
  connector.why_not_topic = kafka::why_not_topic;
  connector.mask_settings = kafka::mask_properties;
  connector.bound_resource = bound_resource;
  connector.verify = kafka::verify;
  connector.place = kafka::place;
  connector.imports = {{.format = "emqx", .translate = kafka::import_emqx},
                       {.format = "tbmq", .translate = kafka::import_tbmq}};
  connector.why_no_letters = [](const json::object& /*settings*/) { return std::string(); };
  connector.make_sink = kafka::KafkaSink::make;
  connector.check_encoding = kafka::registry::check_encoding;
  connector.make_encoder = make_encoder;
  connector.make_decoder = make_decoder;
  connector.writes_exactly_once = true;
  connector.outcomes_page = kafka::outcomes_page;
  connector.source_fields = kafka::source_fields();
  connector.sends_records = true;
  connector.check_source = kafka::check_source;
  connector.make_source = kafka::KafkaSource::make;
  connector.seek_source =
      [](const boost::json::value& start) -> tl::expected<std::string, std::string> {
    if (auto seek = kafka::Seek::parse(start); !seek) return tl::unexpected(seek.error());
    return boost::json::serialize(start);
  };
  registry.add(std::move(connector));
}

}  // namespace sluice::connectors
