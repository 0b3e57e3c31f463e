#include "connectors/kafka/kafka_trouble.hpp"

#include <array>

namespace sluice::connectors::kafka {
namespace {

struct Translation {
  std::string_view fragment;  // of the library's text (rdkafka_broker.c, rdkafka_ssl.c)
  std::string_view what, hint;
};

// The first that is found counts.
constexpr auto kTranslations = std::to_array<Translation>({
    {"(connecting to a SSL listener?)", "it closes the connection before it answers anything",
     "most often the port speaks TLS: set security_protocol to SSL or SASL_SSL, or use the port of "
     "a listener without TLS; if that is right, something else than Kafka listens there"},
    // The other one of this kind: the connection is encrypted.
    {"Disconnected while requesting ApiVersion",
     "it closes the encrypted connection before it answers anything",
     "most often it wants a client certificate: give certificate_pem and key_pem; if there are, it "
     "does not trust who signed them, or something else than Kafka listens there"},
    {"broker might require SASL authentication", "it closes the connection after the first request",
     "most often the listener wants a login: set security_protocol to SASL_PLAINTEXT or SASL_SSL, "
     "with username, password and sasl_mechanism"},
    {"Invalid response size", "what it answers is not Kafka",
     "most often the port speaks TLS: set security_protocol to SSL or SASL_SSL, or use the port of "
     "a listener without TLS; or it belongs to another program"},
    {"connecting to a PLAINTEXT broker listener?", "it does not speak TLS on this port",
     "set security_protocol to PLAINTEXT or SASL_PLAINTEXT, or use the port of the TLS listener"},
    {"client SSL authentication might be required", "it ends the TLS handshake",
     "most often it wants a client certificate: give certificate_pem and key_pem; if there are, it "
     "does not trust who signed them"},
    {"broker certificate could not be verified", "its certificate is not trusted",
     "give the certificate of who signed it as ca_pem, and name the brokers in bootstrap_servers "
     "and advertised.listeners as their certificate does"},
    {"SASL Handshake not supported by broker", "it knows no login on this port",
     "set security_protocol to PLAINTEXT or SSL, or use the port of a SASL listener"},
});

// `ssl://broker:9093/bootstrap: ` in front of what happened; without TLS it has no scheme.
std::string_view broker_in(std::string_view text) {
  const auto end = text.find(": ");
  const auto name = text.substr(0, end == text.npos ? 0 : end + 2);
  return name.find('/') == name.npos || name.find(' ') + 1 != name.size() ? std::string_view()
                                                                          : name;
}

}  // namespace

std::optional<Trouble> translate(std::string_view text) {
  for (const auto& [fragment, what, hint] : kTranslations)
    if (text.find(fragment) != text.npos)
      return Trouble{.what = std::string(broker_in(text)) + std::string(what), .hint = hint};
  return std::nullopt;
}

}  // namespace sluice::connectors::kafka
