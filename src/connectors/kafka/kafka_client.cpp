#include "connectors/kafka/kafka_client.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "connectors/kafka/kafka_trouble.hpp"
#include "io/address_rule.hpp"

namespace sluice::connectors::kafka {
namespace {

// The library tells of every lost connection; whoever looks after a task reads its status instead.
void on_log(const rd_kafka_t* /*client*/, int /*level*/, const char* facility, const char* text) {
  log::debug("kafka client", {{"facility", facility}, {"text", text}});
}

// What the library says about a refused address, within "Connect to ipv4#10.0.0.1:9092 failed:
// ...".
constexpr int kRefused = EACCES;
constexpr std::string_view kRefusedHint =
    "this server does not call that address: see the setting connect.allowed_networks (link-local "
    "never), and advertised.listeners of the brokers";

// Before 2.6.1 the library repeats its nonce in the last message of SCRAM, and brokers from 4.0 on
// refuse that as they refuse a wrong password (librdkafka pull request 4895).
std::string scram_hint(std::string_view detail) {
  constexpr int kFirstWithFix = 0x020601ff;
  if (detail.find("SCRAM-") == std::string_view::npos || rd_kafka_version() >= kFirstWithFix)
    return {};
  return std::string(
             "; SCRAM with Kafka 4.0 or newer needs librdkafka 2.6.1, and this server runs "
             "with ") +
         rd_kafka_version_str() + ": there use PLAIN over SASL_SSL, or a client certificate";
}

// In place of connect(2): every connection the library makes comes through here, with the address
// that it is about to connect to. On the library's threads; the socket does not block.
int connect_if_allowed(int socket, const sockaddr* address, int size, const char* /*broker*/,
                       void* /*opaque*/) {
  if (const auto allowed = io::may_call(io::Caller::Connection, *address); !allowed) {
    log::debug("kafka connection refused here", {{"reason", allowed.error().detail}});
    return kRefused;
  }
  if (::connect(socket, address, static_cast<socklen_t>(size)) == 0) return 0;
  return errno == EINPROGRESS ? 0 : errno;
}

// On a thread that the library has for this alone. It asks again ten seconds after a failure.
void refresh_token(rd_kafka_t* client, const char* /*config*/, void* opaque) {
  const auto& endpoint = *static_cast<const ClientOwner*>(opaque)->tokens;
  const auto token = fetch_token(endpoint, system_clock().wall_ms());
  char error[512] = "";
  if (token && rd_kafka_oauthbearer_set_token(client, token->value.c_str(), token->expires_ms,
                                              endpoint.client_id.c_str(), nullptr, 0, error,
                                              sizeof error) == RD_KAFKA_RESP_ERR_NO_ERROR)
    return;
  const auto why = "`token_url` gave no token: " + (token ? error : token.error().detail);
  rd_kafka_oauthbearer_set_token_failure(client, why.c_str());
}

}  // namespace

Result<Conf> make_conf(const Properties& properties) {
  Conf conf(rd_kafka_conf_new());
  char error[512];
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error, sizeof error) ==
        RD_KAFKA_CONF_OK)
      continue;
    // The library's own text may repeat the value, and the value may be a secret.
    return fail(Errc::InvalidArgument, "the Kafka client refuses the value of `" + name + "`");
  }
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_connect_cb(conf.get(), connect_if_allowed);
  return conf;
}

bool is_value_of(const std::string& property, const std::string& value) {
  const Conf conf(rd_kafka_conf_new());
  char error[512];
  return rd_kafka_conf_set(conf.get(), property.c_str(), value.c_str(), error, sizeof error) ==
         RD_KAFKA_CONF_OK;
}

void destroy_client(rd_kafka_t* client) {
  const std::unique_ptr<ClientOwner> owner(static_cast<ClientOwner*>(rd_kafka_opaque(client)));
  // Of a consumer: nobody is called back any more, and whoever wants to leave its group has.
  rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Result<Client> make_client(rd_kafka_type_t type, Conf conf, std::optional<TokenEndpoint> tokens,
                           void* self) {
  const bool has_tokens = tokens.has_value();
  auto owner = std::make_unique<ClientOwner>(std::move(tokens), self);
  rd_kafka_conf_set_opaque(conf.get(), owner.get());
  if (has_tokens) {
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf.get(), refresh_token);
    rd_kafka_conf_enable_sasl_queue(conf.get(), 1);
  }
  char error[512] = "";
  Client client(rd_kafka_new(type, conf.get(), error, sizeof error));
  if (!client)
    return fail(Errc::InvalidArgument,
                std::string("the Kafka client refuses its settings: ") + error);
  [[maybe_unused]] const auto* given = conf.release();  // the client owns it now
  [[maybe_unused]] const auto* kept = owner.release();  // until destroy_client()
  if (!has_tokens) return client;
  const KafkaError refused(rd_kafka_sasl_background_callbacks_enable(client.get()));
  if (refused)
    return fail(Errc::InvalidArgument, std::string("the Kafka client cannot ask for tokens: ") +
                                           rd_kafka_error_string(refused.get()));
  return client;
}

bool is_refused_address(std::string_view detail) {
  return detail.find("connect to broker at ") != detail.npos &&
         detail.find(std::strerror(kRefused)) != detail.npos;
}

std::string explain(rd_kafka_resp_err_t error, const std::string& detail) {
  if (const auto trouble = translate(detail))
    return trouble->what + "; " + std::string(trouble->hint);
  auto text = detail.empty() ? std::string(rd_kafka_err2str(error)) : detail;
  const auto hint =
      is_refused_address(detail) ? std::string(kRefusedHint) : hint_for(error, detail);
  if (!hint.empty()) text += "; " + hint;
  return text;
}

std::string hint_for(rd_kafka_resp_err_t error, std::string_view detail) {
  if (const auto trouble = translate(detail)) return std::string(trouble->hint);
  switch (error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      if (detail.find("OAUTHBEARER") != detail.npos)
        return "check username, password and token_url of the connection, and that the brokers "
               "take tokens of that issuer";
      return "check username, password and sasl_mechanism of the connection" + scram_hint(detail);
    case RD_KAFKA_RESP_ERR__SSL:
      return "check ca_pem, certificate_pem and key_pem of the connection, and that the broker "
             "speaks TLS on this port";
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return "check the host names in bootstrap_servers, and those the brokers advertise";
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
      return "check that Kafka runs, that bootstrap_servers and security_protocol are right, and "
             "that this machine can reach it";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "allow the connection's Kafka user to WRITE and DESCRIBE this topic";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "allow the connection's Kafka user IDEMPOTENT_WRITE on the cluster";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return "allow the connection's Kafka user WRITE and DESCRIBE on transactional ids that begin "
             "with `sluice-`";
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return "set the brokers' transaction.max.timeout.ms to 60000 or more";
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return "if it comes again, another server with this node.name and a copy of this data runs "
             "the same task";
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return "create the topic, or set /sink/create in the task";
    default:
      return "";
  }
}

}  // namespace sluice::connectors::kafka
