#include "connectors/kafka/kafka_trouble.hpp"

#include <gtest/gtest.h>

#include "connectors/kafka/kafka_client.hpp"

namespace sluice::connectors::kafka {
namespace {

// Texts of librdkafka 2.0, as they come.
TEST(KafkaTrouble, SaysWhatToDoWhereTheLibraryLeadsAstray) {
  struct Case {
    std::string_view text, what, hint;
  };
  for (const auto& [text, what, hint] : std::initializer_list<Case>{
           {"127.0.0.1:9093/bootstrap: Disconnected while requesting ApiVersion: might be caused "
            "by incorrect security.protocol configuration (connecting to a SSL listener?) or "
            "broker version is < 0.10 (see api.version.request) (after 2ms in state "
            "APIVERSION_QUERY)",
            "before it answers", "set security_protocol to SSL"},
           {"ssl://127.0.0.1:9093/bootstrap: Disconnected while requesting ApiVersion: might be "
            "caused by broker version < 0.10 (see api.version.request)",
            "closes the encrypted connection", "give certificate_pem and key_pem"},
           {"127.0.0.1:9092/bootstrap: Disconnected: verify that security.protocol is correctly "
            "configured, broker might require SASL authentication",
            "after the first request", "set security_protocol to SASL_PLAINTEXT"},
           {"127.0.0.1:9093/bootstrap: Receive failed: Invalid response size 352518912 "
            "(0..100000000): increase receive.message.max.bytes",
            "is not Kafka", "the port speaks TLS"},
           {"ssl://127.0.0.1:9092/bootstrap: SSL handshake failed: Disconnected: connecting to a "
            "PLAINTEXT broker listener? (after 1ms in state SSL_HANDSHAKE)",
            "does not speak TLS", "set security_protocol to PLAINTEXT"},
           {"ssl://b:9093/1: SSL handshake failed: ssl/s3_lib.c:1: : client SSL authentication "
            "might be required (see ssl.key.location and ssl.certificate.location and consult the "
            "broker logs for more information)",
            "ends the TLS handshake", "give certificate_pem and key_pem"},
           {"ssl://b:9093/1: SSL handshake failed: error:0A000086:SSL routines::certificate "
            "verify failed: broker certificate could not be verified, verify that ssl.ca.location "
            "is correctly configured or root CA certificates are installed",
            "is not trusted", "as ca_pem"},
           {"SASL Handshake not supported by broker (required by mechanism PLAIN)",
            "knows no login", "set security_protocol to PLAINTEXT"}}) {
    const auto told = explain(RD_KAFKA_RESP_ERR__TRANSPORT, std::string(text));

    EXPECT_NE(told.find(what), std::string::npos) << told;
    EXPECT_NE(told.find(hint), std::string::npos) << told;
    for (const auto* misleading : {"0.10", "api.version", "max.bytes", "security.protocol is",
                                   "ssl.ca.location", "ssl.key.location", "listener?"})
      EXPECT_EQ(told.find(misleading), std::string::npos) << told;
    const auto broker = text.substr(0, text.find(": ") + 2);
    if (broker.find('/') != broker.npos) EXPECT_TRUE(told.starts_with(broker)) << told;
  }
}

TEST(KafkaTrouble, LeavesWhatIsPlainAsItIs) {
  const std::string text =
      "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused";
  EXPECT_TRUE(explain(RD_KAFKA_RESP_ERR__TRANSPORT, text).starts_with(text + "; check that Kafka"));
}

}  // namespace
}  // namespace sluice::connectors::kafka
