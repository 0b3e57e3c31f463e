#include "connectors/kafka/kafka_settings.hpp"

#include <map>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka.hpp"
#include "connectors/kafka/kafka_properties.hpp"
#include "io/address_rule.hpp"
#include "mock_kafka.hpp"
#include "support/self_signed.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;

std::string problems_of(const json::object& changes) {
  std::vector<schema::Problem> problems;
  check_settings(settings_with(changes), problems);
  std::string text;
  for (const auto& problem : problems) text += problem.pointer + ": " + problem.detail + "\n";
  return text;
}

std::string problem_of_property(const std::string& name, const std::string& value = "x") {
  return problems_of({{"properties", json::object{{name, value}}}});
}

std::map<std::string, std::string> as_map(const Properties& properties) {
  std::map<std::string, std::string> last;
  for (const auto& [name, value] : properties) last[name] = value;
  return last;
}

TEST(KafkaSettings, RefusesServersWithWhatIsNotSeen) {
  for (const auto* servers : {"127.0.0.1:1,\n127.0.0.1:2", "127.0.0.1\t:1", "a\x01:1", "a\x7f:1"}) {
    EXPECT_NE(problems_of({{"bootstrap_servers", servers}}), "") << servers;
  }
  EXPECT_EQ(problems_of({{"bootstrap_servers", "127.0.0.1:1, 127.0.0.1:2"}}), "");
}

TEST(KafkaSettings, BoundsTheClientId) {
  for (const auto* name : {"client.id", "client.rack"}) {
    EXPECT_EQ(problem_of_property(name, std::string(255, 'x')), "");
    EXPECT_NE(problem_of_property(name, std::string(256, 'x')), "") << name;
  }
}

// reference/security: what has run code, read files or weakened verification elsewhere.
TEST(KafkaSettings, RefusesEveryPropertyThatIsNotOnTheList) {
  for (const auto* name : {"plugin.library.paths",
                           "ssl.engine.location",
                           "ssl.engine.id",
                           "ssl.providers",
                           "sasl.kerberos.kinit.cmd",
                           "sasl.kerberos.keytab",
                           "ssl.ca.location",
                           "ssl.key.location",
                           "ssl.certificate.location",
                           "ssl.keystore.location",
                           "ssl.truststore.location",
                           "ssl.crl.location",
                           "sasl.oauthbearer.token.endpoint.url",
                           "sasl.oauthbearer.config",
                           "sasl.oauthbearer.assertion.private.key.file",
                           "sasl.client.callback.handler.class",
                           "ssl.truststore.password",
                           "metadata.authentication.type",
                           "https.ca.location",
                           "enable.ssl.certificate.verification",
                           "ssl.endpoint.identification.algorithm",
                           "debug",
                           "opaque",
                           "interceptors",
                           "internal.termination.signal",
                           "log_cb",
                           "error_cb",
                           "enable.idempotence",
                           "transactional.id",
                           "message.timeout.ms",
                           "partitioner",
                           "enable.gapless.guarantee",
                           "message.max.bytes",
                           "max.in.flight",
                           "queue.buffering.max.messages",
                           "test.mock.num.brokers",
                           "sasl.login.class",
                           "interceptor.classes"})
    EXPECT_NE(problem_of_property(name).find(std::string("/settings/properties/") + name +
                                             ": may not be set"),
              std::string::npos)
        << name << " " << problem_of_property(name);
}

TEST(KafkaSettings, SaysWhyAPropertyMayNotBeSetAndWhatToDoInstead) {
  const auto says = [](const std::string& name, std::string_view part) {
    const auto problem = problem_of_property(name);
    EXPECT_NE(problem.find(part), std::string::npos) << problem;
  };
  says("ssl.ca.location", "Give the PEM itself, in ca_pem");
  says("ssl.truststore.location", "stores of Java are not read. Give PEM");
  says("plugin.library.paths", "loads code");
  says("sasl.kerberos.kinit.cmd", "runs a program");
  says("sasl.oauthbearer.config", "`token_url` of the connection");
  says("key.serializer", "bytes are written as they are");
  says("retries", "the task decides");
  says("debug", "passwords");
}

// People paste whole configurations: what says nothing new is no reason to stop them.
TEST(KafkaSettings, TakesTheOneValueThatIsSafe) {
  EXPECT_EQ(problem_of_property("ssl.endpoint.identification.algorithm", "https"), "");
  EXPECT_EQ(problem_of_property("enable.ssl.certificate.verification", "true"), "");
  EXPECT_EQ(problem_of_property("enable.idempotence", "true"), "");
  EXPECT_EQ(problem_of_property("ssl.truststore.type", "PEM"), "");
  EXPECT_NE(problem_of_property("ssl.truststore.type", "JKS"), "");
  EXPECT_NE(problem_of_property("ssl.endpoint.identification.algorithm", "none"), "");
  EXPECT_EQ(as_map(client_properties(settings_with(
                       {{"properties", json::object{{"enable.idempotence", "true"}}}})))
                .count("enable.idempotence"),
            0U);
}

TEST(KafkaSettings, NamesThePropertyWhoseValueTheLibraryDoesNotTake) {
  EXPECT_NE(problem_of_property("socket.timeout.ms", "soon")
                .find("/settings/properties/socket.timeout.ms: has a value"),
            std::string::npos);
  EXPECT_NE(problem_of_property("send.buffer.bytes", "-7"), "");
  EXPECT_EQ(problem_of_property("send.buffer.bytes", "65536"), "");
  EXPECT_NE(problem_of_property("ssl.key.password", "***").find("no saved value"),
            std::string::npos);
}

TEST(KafkaSettings, ChecksCertificatesBeforeTheyAreUsed) {
  const auto mine = test::make_self_signed();
  const auto other = test::make_self_signed();
  const auto problems = [](json::object changes) {
    changes["security_protocol"] = "SSL";
    return problems_of(changes);
  };

  EXPECT_EQ(problems({{"ca_pem", mine.certificate_pem}}), "");
  EXPECT_EQ(problems({{"certificate_pem", mine.certificate_pem}, {"key_pem", mine.key_pem}}), "");
  EXPECT_EQ(problems({{"certificate_pem", mine.certificate_pem},
                      {"key_pem", mine.encrypted_key_pem},
                      {"properties", json::object{{"ssl.key.password", mine.password}}}}),
            "");
  EXPECT_NE(problems({{"ca_pem", "no PEM"}}).find("/settings/ca_pem: holds no certificate"),
            std::string::npos);
  EXPECT_NE(problems({{"ca_pem", mine.key_pem}}).find("/settings/ca_pem: holds a private key"),
            std::string::npos);
  EXPECT_NE(problems({{"certificate_pem", mine.certificate_pem}, {"key_pem", other.key_pem}})
                .find("/settings/key_pem: is not the key of certificate_pem"),
            std::string::npos);
  EXPECT_NE(problems_of({{"ca_pem", mine.certificate_pem}})
                .find("/settings/security_protocol: must be SSL or SASL_SSL"),
            std::string::npos);
}

TEST(KafkaSettings, RefusesAddressesThatAreNeverCalled) {
  for (const auto* servers :
       {"169.254.169.254:80", "127.0.0.1:9092, 2852039166:80", "[fe80::1]:9092",
        "[::ffff:169.254.169.254]:80", "[fd00:ec2::254]:80", "0.0.0.0:9092", "0251.0376.1:1"})
    EXPECT_NE(problems_of({{"bootstrap_servers", servers}}).find("/settings/bootstrap_servers: "),
              std::string::npos)
        << servers;
  io::allow_networks(io::Caller::Connection, {.loopback = false});
  EXPECT_NE(problems_of({{"bootstrap_servers", "127.0.0.1:9092"}}).find("allowed_networks"),
            std::string::npos);
  EXPECT_EQ(problems_of({{"bootstrap_servers", "localhost:9092"}}), "");
  io::allow_networks(io::Caller::Connection, {});
}

TEST(KafkaSettings, NamesTheFieldThatSetsAProperty) {
  EXPECT_EQ(problem_of_property("acks"),
            "/settings/properties/acks: is set by the task's /sink/acks\n");
  EXPECT_EQ(problem_of_property("bootstrap.servers"),
            "/settings/properties/bootstrap.servers: is set by bootstrap_servers\n");
  EXPECT_NE(problem_of_property("client.idd").find("did you mean `client.id`?"), std::string::npos);
}

TEST(KafkaSettings, TranslatesJavaNames) {
  const auto made = test::make_self_signed();
  std::string in_one_line;
  for (const char c : made.certificate_pem) in_one_line += c == '\n' ? "\\n" : std::string(1, c);
  const auto given = settings_with(
      {{"security_protocol", "SASL_SSL"},
       {"sasl_mechanism", "SCRAM-SHA-512"},
       {"properties",
        json::object{{"sasl.jaas.config",
                      "org.apache.kafka.common.security.scram.ScramLoginModule required "
                      R"(username="me" password="a\"b";)"},
                     {"ssl.truststore.certificates", in_one_line},
                     {"ssl.keystore.certificate.chain", made.certificate_pem},
                     {"ssl.keystore.key", made.key_pem},
                     {"client.id", "mine"}}}});
  std::vector<schema::Problem> problems;
  check_settings(given, problems);
  EXPECT_TRUE(problems.empty());

  const auto properties = as_map(client_properties(given));

  EXPECT_EQ(properties.at("sasl.username"), "me");
  EXPECT_EQ(properties.at("sasl.password"), "a\"b");
  EXPECT_EQ(properties.at("ssl.ca.pem"), made.certificate_pem);
  EXPECT_EQ(properties.at("ssl.key.pem"), made.key_pem);
  EXPECT_EQ(properties.at("client.id"), "mine");
  EXPECT_EQ(properties.at("security.protocol"), "SASL_SSL");
}

TEST(KafkaSettings, TakesOnlyPasswordLoginsFromJaas) {
  const auto with = [](std::string line) {
    return problems_of({{"security_protocol", "SASL_PLAINTEXT"},
                        {"properties", json::object{{"sasl.jaas.config", std::move(line)}}}});
  };

  EXPECT_EQ(with("org.apache.kafka.common.security.plain.PlainLoginModule required "
                 "username=\"u\" password=\"p\";"),
            "");
  EXPECT_NE(with("com.sun.security.auth.module.JndiLoginModule required "
                 "user.provider.url=\"ldap://x\" username=\"u\" password=\"p\";"),
            "");
  EXPECT_NE(with("org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u"),
            "");
}

TEST(KafkaSettings, ChecksWhatBelongsTogether) {
  EXPECT_EQ(problems_of({}), "");
  EXPECT_EQ(problems_of({{"bootstrap_servers", "a:1, [::1]:9092,b.example:65535"}}), "");
  for (const auto* wrong : {"a", "a:", ":9092", "a:0", "a:65536", "a:9x", "http://a:1", "a:1,,b:2"})
    EXPECT_NE(problems_of({{"bootstrap_servers", wrong}}), "") << wrong;
  EXPECT_NE(problems_of({{"security_protocol", "SASL_SSL"}}).find("/settings/username"),
            std::string::npos);
  EXPECT_NE(problems_of({{"username", "me"}}).find("/settings/security_protocol"),
            std::string::npos);
  EXPECT_NE(problems_of({{"username", "me"},
                         {"security_protocol", "SASL_PLAINTEXT"},
                         {"properties",
                          json::object{{"sasl.jaas.config",
                                        "org.apache.kafka.common.security.plain.PlainLoginModule "
                                        "required username=\"u\" password=\"p\";"}}}})
                .find("only one can be meant"),
            std::string::npos);
  EXPECT_NE(problems_of({{"certificate_pem", "x"}}).find("/settings/key_pem"), std::string::npos);
}

TEST(KafkaSettings, HidesSecretsAmongProperties) {
  auto shown = settings_with({{"properties", json::object{{"sasl.jaas.config", "username=s3cret"},
                                                          {"ssl.key.password", "s3cret"},
                                                          {"ssl.keystore.key", "s3cret"},
                                                          {"client.id", "mine"}}}});

  mask_properties(shown);

  const auto text = json::serialize(shown);
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
  EXPECT_NE(text.find("mine"), std::string::npos);
}

TEST(KafkaSettings, SharesTheLingerBetweenGatheringAndTheProducer) {
  const auto shares = [](int linger_ms) {
    const auto sink = MockKafka::sink({{"linger_ms", linger_ms}});
    const auto properties = as_map(producer_properties(settings_with(), sink, "c", 5000));
    return std::pair(static_cast<int>(gather_time(sink).count()),
                     std::stoi(properties.at("linger.ms")));
  };

  EXPECT_EQ(shares(0), std::pair(0, 0));
  EXPECT_EQ(shares(1), std::pair(0, 1));
  EXPECT_EQ(shares(3), std::pair(1, 2));
  EXPECT_EQ(shares(5), std::pair(2, 3));
  EXPECT_EQ(shares(1000), std::pair(2, 998));
}

TEST(KafkaSettings, MakesAProducerThatNeitherLosesNorRepeats) {
  const auto properties =
      as_map(producer_properties(settings_with(), MockKafka::sink(), "c-t-0", 5000));

  EXPECT_EQ(properties.at("acks"), "all");
  EXPECT_EQ(properties.at("enable.idempotence"), "true");
  EXPECT_EQ(properties.at("enable.gapless.guarantee"), "true");
  EXPECT_EQ(properties.at("message.timeout.ms"), "0");
  EXPECT_EQ(properties.at("batch.size"), "5000");
  EXPECT_EQ(properties.at("client.id"), "c-t-0");
  const auto quick =
      as_map(producer_properties(settings_with(), MockKafka::sink({{"acks", "1"}}), "c", 5000));
  EXPECT_EQ(quick.at("enable.idempotence"), "false");
  EXPECT_EQ(quick.at("max.in.flight.requests.per.connection"), "1");
}

TEST(KafkaSettings, MakesAProducerOfTransactions) {
  const auto properties = as_map(
      producer_properties(settings_with(), MockKafka::sink(), "c-t-0", 5000, "sluice-n-1-0"));

  EXPECT_EQ(properties.at("transactional.id"), "sluice-n-1-0");
  EXPECT_EQ(properties.at("enable.idempotence"), "true");
  // No record may outlive the transaction that it is in.
  EXPECT_EQ(properties.at("message.timeout.ms"), properties.at("transaction.timeout.ms"));
  EXPECT_FALSE(properties.contains("enable.gapless.guarantee"));
  EXPECT_TRUE(make_conf({properties.begin(), properties.end()}));
}

// The library's own texts for wrong values may repeat them, and they may be secrets.
TEST(KafkaSettings, DoesNotRepeatAValueThatTheLibraryRefuses) {
  const auto conf = make_conf({{"linger.ms", "s3cret"}});

  ASSERT_FALSE(conf);
  EXPECT_EQ(conf.error().code, Errc::InvalidArgument);
  EXPECT_NE(conf.error().detail.find("linger.ms"), std::string::npos);
  EXPECT_EQ(conf.error().detail.find("s3cret"), std::string::npos);
}

TEST(KafkaSpec, IsRegisteredWithItsChecks) {
  connect::Registry registry;
  register_kafka(registry);

  const auto* connector = registry.find("kafka");
  ASSERT_NE(connector, nullptr);
  EXPECT_EQ(connector->bound_resource(settings_with()), "127.0.0.1:9092");
  EXPECT_EQ(connector->why_not_topic("a.b_c-9"), std::nullopt);
  for (const auto* wrong : {"", ".", "..", "a/b", "a b", "\xc3\xa9"})
    EXPECT_NE(connector->why_not_topic(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace sluice::connectors::kafka
