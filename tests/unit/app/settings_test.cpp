#include "app/settings.hpp"

#include <thread>

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/app/scratch_directory.hpp"

namespace sluice::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Sources with a file of this text, named as in every message.
class SettingsTest : public testing::Test {
 protected:
  void file(std::string_view text) { sources.file = directory_.write("sluice.yaml", text); }
  void variable(std::string name, std::string value) {
    sources.environment.emplace_back(std::move(name), std::move(value));
  }
  void set(const std::string& text) { sources.flags.push_back(parse_set_flag(text)); }

  [[nodiscard]] EffectiveSettings load() const {
    auto loaded = load_settings(sources);
    if (!loaded) {
      for (const auto& problem : loaded.error()) ADD_FAILURE() << problem.text();
      return {};
    }
    return *std::move(loaded);
  }
  // Every problem as a line, with the file by its bare name.
  [[nodiscard]] std::vector<std::string> problems() const {
    const auto loaded = load_settings(sources);
    std::vector<std::string> lines;
    if (loaded) return lines;
    for (const auto& problem : loaded.error()) {
      auto line = problem.text();
      const auto at = line.find(directory_.path());
      if (at != std::string::npos) line.erase(at, directory_.path().size());
      lines.push_back(std::move(line));
    }
    return lines;
  }

  SettingSources sources;

 private:
  ScratchDirectory directory_;
};

std::string origin(const EffectiveSettings& effective, const std::string& name) {
  for (const auto& shown : show_settings(effective)) {
    if (shown.name == name) return shown.origin;
  }
  return "not shown";
}

TEST_F(SettingsTest, AreCompleteWithoutAnySource) {
  const auto effective = load();

  const auto& settings = effective.settings;
  EXPECT_EQ(settings.node_name, "sluice-1");
  EXPECT_EQ(settings.data, "./data");
  ASSERT_EQ(settings.listeners.size(), 1U);
  EXPECT_EQ(settings.listeners[0].name, "tcp");
  EXPECT_EQ(settings.listeners[0].bind.text(), "127.0.0.1:1883");
  EXPECT_EQ(settings.admin.bind.text(), "127.0.0.1:8080");
  EXPECT_FALSE(settings.admin.metrics_public);
  EXPECT_TRUE(settings.access_enabled);
  EXPECT_EQ(settings.store.durability, StoreSettings::Durability::Fsync);
  EXPECT_EQ(settings.store.deliver_after, StoreSettings::DeliverAfter::Ordered);
  EXPECT_EQ(settings.store.segment_bytes, 256ULL << 20);
  EXPECT_EQ(settings.store.dead_letter_bytes, 1ULL << 30);
  EXPECT_EQ(settings.mqtt.maximum_packet_size, 1U << 20);
  EXPECT_EQ(settings.mqtt.session_expiry_maximum_s, 30U * 24 * 3600);
  EXPECT_EQ(settings.mqtt.groups, 1000U);
  EXPECT_EQ(settings.log.level, log::Level::Info);
  EXPECT_EQ(settings.log.format, log::Format::Text);
  EXPECT_EQ(settings.log.file, "");
}

TEST_F(SettingsTest, LeaveOneCoreToTheRest) {
  const auto cores = std::thread::hardware_concurrency();

  EXPECT_EQ(load().settings.io_threads, cores > 2 ? cores - 1 : 1);
  set("io_threads=7");
  EXPECT_EQ(load().settings.io_threads, 7U);
}

TEST_F(SettingsTest, PreferFlagsToEnvironmentToFileToDefault) {
  const auto inflight = [this] { return load().settings.mqtt.maximum_inflight; };

  EXPECT_EQ(inflight(), 1024);
  file("mqtt: {maximum_inflight: 1}\n");
  EXPECT_EQ(inflight(), 1);
  variable("SLUICE_MQTT__MAXIMUM_INFLIGHT", "2");
  EXPECT_EQ(inflight(), 2);
  set("mqtt.maximum_inflight=3");
  EXPECT_EQ(inflight(), 3);
  set("mqtt.maximum_inflight=4");
  EXPECT_EQ(inflight(), 4);
}

TEST_F(SettingsTest, KnowWhereEachValueComesFrom) {
  file("node:\n  name: a\nmqtt:\n  receive_maximum: 5\n  groups: 6\n");
  variable("SLUICE_MQTT__GROUPS", "7");
  set("log.level=debug");
  sources.flags.push_back({"--data", "data", "/tmp/x"});

  const auto effective = load();

  EXPECT_THAT(origin(effective, "node.name"), testing::EndsWith("sluice.yaml:2"));
  EXPECT_THAT(origin(effective, "mqtt.receive_maximum"), testing::EndsWith("sluice.yaml:4"));
  EXPECT_EQ(origin(effective, "mqtt.groups"), "SLUICE_MQTT__GROUPS");
  EXPECT_EQ(origin(effective, "log.level"), "--set");
  EXPECT_EQ(origin(effective, "data"), "--data");
  EXPECT_EQ(origin(effective, "store.durability"), "default");
}

TEST_F(SettingsTest, AddListenersToThoseThatAreThere) {
  file("listeners:\n  inside: {type: mqtt, bind: \"[::1]:0\"}\n");
  variable("SLUICE_LISTENERS__TCP__BIND", "0.0.0.0:0");

  const auto listeners = load().settings.listeners;

  ASSERT_EQ(listeners.size(), 2U);
  EXPECT_EQ(listeners[0].name, "inside");
  EXPECT_EQ(listeners[0].bind.host, "::1");
  EXPECT_EQ(listeners[0].bind.port, 0);
  EXPECT_EQ(listeners[1].bind.text(), "0.0.0.0:0");
}

TEST_F(SettingsTest, LetAListenerBeTurnedOff) {
  set("listeners.tcp.enabled=false");

  EXPECT_TRUE(load().settings.listeners.empty());
}

TEST_F(SettingsTest, ReadUnitsEverywhere) {
  file("store: {cache_bytes: 64MiB, segment_bytes: 8388608}\nmqtt: {session_expiry_maximum: 2h}\n");
  variable("SLUICE_STORE__DEAD_LETTERS__MAXIMUM_BYTES", "2 MiB");

  const auto settings = load().settings;

  EXPECT_EQ(settings.store.cache_bytes, 64U << 20);
  EXPECT_EQ(settings.store.segment_bytes, 8U << 20);
  EXPECT_EQ(settings.store.dead_letter_bytes, 2U << 20);
  EXPECT_EQ(settings.mqtt.session_expiry_maximum_s, 7200U);
}

TEST_F(SettingsTest, ReadJsonAsTheYamlThatItIs) {
  file(R"({"node": {"name": "j"}, "access": {"enabled": false}, "mqtt": {"groups": 3}})");

  const auto settings = load().settings;

  EXPECT_EQ(settings.node_name, "j");
  EXPECT_FALSE(settings.access_enabled);
  EXPECT_EQ(settings.mqtt.groups, 3U);
}

TEST_F(SettingsTest, TakeTextThatLooksLikeANumber) {
  file("node: {name: 0123}\n");

  EXPECT_EQ(load().settings.node_name, "0123");
}

TEST_F(SettingsTest, TakeAnEmptyFileAndEmptySections) {
  file("# nothing\nstore:\nmqtt: {}\n");

  EXPECT_EQ(load().settings.mqtt.groups, 1000U);
}

TEST_F(SettingsTest, WarnOfVariablesThatAreNoSettings) {
  variable("SLUICE_STORE__DURABILTY", "os");
  variable("SLUICE_BOGUS", "1");
  variable("PATH", "/bin");

  EXPECT_THAT(
      load().warnings,
      ElementsAre("the variable SLUICE_STORE__DURABILTY is not a setting and has no effect; "
                  "did you mean SLUICE_STORE__DURABILITY?",
                  "the variable SLUICE_BOGUS is not a setting and has no effect"));
}

TEST_F(SettingsTest, LeaveTheVariablesOfTheCommandLineAlone) {
  for (const auto* name :
       {"SLUICE_URL", "SLUICE_TOKEN", "SLUICE_USER", "SLUICE_PASSWORD", "SLUICE_ADMIN_PASSWORD"}) {
    variable(name, "canary");
  }

  const auto effective = load();

  EXPECT_TRUE(effective.warnings.empty());
  EXPECT_THAT(boost::json::serialize(settings_document(effective)),
              testing::Not(HasSubstr("canary")));
}

struct Refused {
  std::string_view text;
  std::string_view problem;
};

const Refused kRefusedFiles[] = {
    {"lisseners: {}\n", "sluice.yaml:1: lisseners is not known here; did you mean `listeners`?"},
    {"store:\n  durabilty: fsync\n",
     "sluice.yaml:2: store.durabilty is not known here; did you mean `durability`?"},
    {"store:\n  durability: maybe\n",
     "sluice.yaml:2: store.durability must be one of `fsync`, `os`, not \"maybe\""},
    {"mqtt:\n\n  maximum_qos: 3\n",
     "sluice.yaml:3: mqtt.maximum_qos must be a whole number from 0 to 2, not 3"},
    {"mqtt: {receive_maximum: many}\n",
     "sluice.yaml:1: mqtt.receive_maximum must be a whole number from 1 to 65535, not \"many\""},
    {"mqtt: {receive_maximum: \"7\"}\n",
     "sluice.yaml:1: mqtt.receive_maximum must be a whole number from 1 to 65535, not \"7\""},
    {"mqtt: {maximum_packet_size: 1MB}\n",
     "sluice.yaml:1: mqtt.maximum_packet_size must be a size from 256 to 256MiB (bytes, or with "
     "KiB, MiB or GiB), not \"1MB\""},
    {"mqtt: {session_expiry_maximum: 30 days}\n",
     "sluice.yaml:1: mqtt.session_expiry_maximum must be a duration from 0s to 36500d (with ms, s, "
     "m, h or d), not \"30 days\""},
    {"access: {enabled: yes}\n",
     "sluice.yaml:1: access.enabled must be true or false, not \"yes\""},
    {"access: true\n", "sluice.yaml:1: access must be an object, not \"true\""},
    {"node: {name: [a]}\n",
     "sluice.yaml:1: node.name must be up to 64 letters, digits, dots, - and _, not a list"},
    {"node:\n  name:\n",
     "sluice.yaml:2: node.name has no value; it must be up to 64 letters, digits, dots, - and _"},
    {"node: {name: a}\nnode: {name: b}\n", "sluice.yaml:2: node is given twice"},
    {"listeners:\n  tcp: {bind: nowhere}\n",
     "sluice.yaml:2: listeners.tcp.bind must be an address and a port such as 127.0.0.1:1883, "
     "0.0.0.0:1883 or [::1]:1883, not \"nowhere\""},
    {"listeners:\n  tcp: {bnd: 127.0.0.1:0}\n",
     "sluice.yaml:2: listeners.tcp.bnd is not known here; did you mean `bind`?"},
    {"listeners:\n  tcp: {proxies: [10.0.0.0/33]}\n",
     "sluice.yaml:2: listeners.tcp.proxies.0 must be an address or a range such as 10.0.0.0/8, not "
     "\"10.0.0.0/33\""},
    {"listeners:\n  ws: {origins: [app.example.org]}\n",
     "sluice.yaml:2: listeners.ws.origins.0 must be an origin such as https://app.example.org, or "
     "* for all, not \"app.example.org\""},
    {"listeners:\n  new:\n    type: mqtt\n",
     "sluice.yaml:2: listeners.new.bind is missing: an address and a port such as 127.0.0.1:1883, "
     "0.0.0.0:1883 or [::1]:1883"},
    {"listeners:\n  Admin: {type: mqtt, bind: \"127.0.0.1:0\"}\n",
     "sluice.yaml:2: listeners.Admin the name must be up to 32 lower-case letters, digits, - and "
     "single _, and not `admin`"},
    {"- a\n", "sluice.yaml:1: settings are names with values, such as `data: ./data`"},
    {"data: ./a\n---\ndata: ./b\n",
     "sluice.yaml:3: a second document begins here; only one is read"},
    {"listeners: &x [*x, b, *x]\n",
     "sluice.yaml: holds more than 100000 values, or one deeper than 64 levels: an alias (`*name`) "
     "may stand within what it stands for"},
    {"mqtt: {groups: 1}\nnode: {name: \"a\x02\"}\n",
     "sluice.yaml:2: a control character stands here, which YAML does not allow"},
    {"node: {name: \"a\\nb\"}\n",
     "sluice.yaml:1: node.name must be up to 64 letters, digits, dots, - and _, not \"a\\nb\""},
};

TEST_F(SettingsTest, RefuseAFileWithPlaceAndWhatIsAllowed) {
  for (const auto& each : kRefusedFiles) {
    file(each.text);
    EXPECT_THAT(problems(), ElementsAre(each.problem)) << each.text;
  }
}

TEST_F(SettingsTest, RefuseWhatIsNotYamlWithItsLine) {
  file("store: {durability: [\n");

  const auto lines = problems();

  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], testing::MatchesRegex("sluice.yaml:[0-9]+: this is not YAML: .*"));
}

// What can be written but is not served: refused, never silently ignored.
const Refused kNotServed[] = {
    {"listeners.tcp.path=/p",
     "--set: listeners.tcp.path must not be set: a listener of type `mqtt` has no paths"},
    {"listeners.tcp.origins=['*']",
     "--set: listeners.tcp.origins must be empty: no page can reach a listener of type `mqtt`"},
    {"listeners.tcp.key=/k",
     "--set: listeners.tcp.key must not be set: a listener of type `mqtt` is not encrypted"},
    {"listeners.tcp.client_certificate=required",
     "--set: listeners.tcp.client_certificate must be `none`: a listener of type `mqtt` sees no "
     "certificates"},
    {"admin.certificate=/c", "--set: admin.key is missing: admin.certificate is set"},
    {"admin.key=/k", "--set: admin.certificate is missing: admin.key is set"},
    {"store.engine=rocketmq",
     "--set: store.engine must be \"embedded\": the rocketmq engine is not in this version"},
};

TEST_F(SettingsTest, RefuseWhatThisVersionDoesNotServe) {
  for (const auto& each : kNotServed) {
    sources.flags.clear();
    set(std::string(each.text));
    EXPECT_THAT(problems(), ElementsAre(each.problem));
  }
}

// What a listener of type `mqtts` needs, and what makes no sense together.
TEST_F(SettingsTest, SayWhatAnEncryptedListenerNeeds) {
  const auto with = [&](const std::string& more) {
    file("listeners:\n  tls: {type: mqtts, bind: \"127.0.0.1:0\", enabled: true" + more + "}\n");
    return problems();
  };

  EXPECT_THAT(with(""),
              ElementsAre("sluice.yaml:2: listeners.tls.certificate is missing: a listener of type "
                          "`mqtts` needs a file of its certificate chain (PEM)",
                          "sluice.yaml:2: listeners.tls.key is missing: a listener of type `mqtts` "
                          "needs a file of its private key (PEM)"));
  EXPECT_THAT(with(", certificate: /c, key: /k, client_certificate: required"),
              ElementsAre("sluice.yaml:2: listeners.tls.client_ca is missing: client certificates "
                          "are verified with a file of their authorities (PEM)"));
  EXPECT_THAT(with(", certificate: /c, key: /k, client_crl: /l"),
              ElementsAre("sluice.yaml:2: listeners.tls.client_certificate must be `optional` or "
                          "`required`: client_crl is set, and nobody would be asked for a "
                          "certificate"));
  EXPECT_THAT(with(", certificate: /c, key: /k, user_from: common_name"),
              ElementsAre("sluice.yaml:2: listeners.tls.client_certificate must be `optional` or "
                          "`required`: user_from is set, and nobody would be asked for a "
                          "certificate"));
  EXPECT_THAT(with(", certificate: /no/c, key: /k"),
              ElementsAre("sluice.yaml:2: listeners.tls.certificate must be a file of the "
                          "certificate chain, the server's own first; /no/c: No such file or "
                          "directory"));
}

TEST_F(SettingsTest, NarrowTheNetworksOfConnections) {
  set("connect.allowed_networks=[public]");
  const auto loaded = load_settings(sources);
  ASSERT_TRUE(loaded.has_value());
  const auto& networks = loaded->settings.connect.networks;
  EXPECT_FALSE(networks.loopback);
  EXPECT_FALSE(networks.priv);
  EXPECT_TRUE(networks.pub);
  EXPECT_TRUE(load_settings({})->settings.connect.networks.priv);

  sources.flags.clear();
  set("connect.allowed_networks=[link_local]");
  EXPECT_FALSE(load_settings(sources).has_value());
}

TEST_F(SettingsTest, ReloadWhatCanChangeWhileRunning) {
  file("mqtt: {receive_maximum: 10}\nlog: {level: info}\n");
  const auto before = load_settings(sources);
  file(
      "mqtt: {receive_maximum: 20, groups: 5}\nstore: {durability: os}\nlog: {level: debug}\n"
      "listeners:\n  tcp: {bind: 127.0.0.1:7}\n");
  const auto fresh = load_settings(sources);
  ASSERT_TRUE(before.has_value() && fresh.has_value());

  const auto merged = merge_reloaded(*before, *fresh);

  ASSERT_TRUE(merged.has_value());
  EXPECT_THAT(merged->changed, ElementsAre("mqtt.receive_maximum", "mqtt.groups", "log.level"));
  EXPECT_THAT(merged->need_restart, ElementsAre("listeners", "store.durability"));
  const auto& settings = merged->effective.settings;
  EXPECT_EQ(settings.mqtt.receive_maximum, 20);
  EXPECT_EQ(settings.mqtt.groups, 5U);
  EXPECT_EQ(settings.log.level, log::Level::Debug);
  EXPECT_EQ(settings.store.durability, StoreSettings::Durability::Fsync);
  EXPECT_EQ(settings.listeners.front().bind.port, 1883);
  EXPECT_EQ(merged->effective.origins.count("mqtt.groups"), 1U);
  EXPECT_EQ(merged->effective.origins.count("store.durability"), 0U);
}

// Each is right by itself: the packet size for the file, the segment size for what is running.
TEST_F(SettingsTest, ReloadNothingThatBreaksARuleWithWhatStays) {
  file("store: {segment_bytes: 4MiB}\n");
  const auto before = load_settings(sources);
  file("store: {segment_bytes: 256MiB}\nmqtt: {maximum_packet_size: 16MiB}\n");
  const auto fresh = load_settings(sources);
  ASSERT_TRUE(before.has_value() && fresh.has_value());

  const auto merged = merge_reloaded(*before, *fresh);

  ASSERT_FALSE(merged.has_value());
  EXPECT_EQ(merged.error().front().key, "mqtt.maximum_packet_size");
  EXPECT_THAT(merged.error().front().place, testing::HasSubstr("sluice.yaml:2"));
}

TEST_F(SettingsTest, NameTheHostsOfTheAdministration) {
  set("admin.host_names=[mqtt.example.org, Other]");
  EXPECT_THAT(load_settings(sources)->settings.admin.host_names,
              ElementsAre("mqtt.example.org", "Other"));
  for (const auto* wrong : {"[mqtt.example.org:8080]", "['*.example.org']", "['']", "[http://a]"}) {
    sources.flags.clear();
    set(std::string("admin.host_names=") + wrong);
    EXPECT_FALSE(load_settings(sources).has_value()) << wrong;
  }
}

// Rules across settings.
const Refused kImpossible[] = {
    {"mqtt.maximum_packet_size=100MiB",
     "--set: mqtt.maximum_packet_size must be at most 64MiB, a quarter of store.segment_bytes "
     "(256MiB), not 100MiB"},
    {"listeners.tcp.maximum_packet_size=2MiB",
     "--set: listeners.tcp.maximum_packet_size must be at most 1MiB, which is "
     "mqtt.maximum_packet_size, not 2MiB"},
    {"store.segment_bytes=2MiB",
     "mqtt.maximum_packet_size must be at most 512KiB, a quarter of store.segment_bytes (2MiB), "
     "not 1MiB"},
    {"listeners.tcp.bind=127.0.0.1:8080",
     "--set: listeners.tcp.bind must not be 127.0.0.1:8080, which is admin.bind already"},
};

TEST_F(SettingsTest, RefuseValuesThatDoNotGoTogether) {
  for (const auto& each : kImpossible) {
    sources.flags.clear();
    set(std::string(each.text));
    EXPECT_THAT(problems(), ElementsAre(each.problem));
  }
}

TEST_F(SettingsTest, ReadTheLimitsOfAListener) {
  file(
      "listeners:\n  tcp: {maximum_packet_size: 4KiB, messages_per_second_per_client: 0}\n"
      "  six: {type: mqtt, bind: '[::1]:0'}\n");
  const auto settings = load().settings;

  ASSERT_EQ(settings.listeners.size(), 2U);
  EXPECT_EQ(settings.listeners[0].maximum_packet_size, std::nullopt);
  EXPECT_EQ(settings.listeners[0].messages_per_second_per_client, std::nullopt);
  EXPECT_EQ(settings.listeners[1].maximum_packet_size, 4096U);
  EXPECT_EQ(settings.listeners[1].messages_per_second_per_client, 0U);
  EXPECT_THAT(settings.listener_names,
              testing::UnorderedElementsAre("tcp", "tls", "ws", "wss", "six"));
}

TEST_F(SettingsTest, LetSeveralListenersTakeAnyFreePort) {
  set("listeners.tcp.bind=127.0.0.1:0");
  set("admin.bind=127.0.0.1:0");

  EXPECT_TRUE(problems().empty());
}

const Refused kRefusedFlags[] = {
    {"nonsense", "--set: `nonsense` has no value; write KEY=VALUE, such as mqtt.groups=10"},
    {"=1", "--set: `=1` has no value; write KEY=VALUE, such as mqtt.groups=10"},
    {"store.durabilty=os",
     "--set: store.durabilty is not a setting; did you mean `store.durability`?"},
    {"store.durability.x=os", "--set: store.durability.x is not a setting"},
    {"listeners.tcp.bnd=1",
     "--set: listeners.tcp.bnd is not a setting; did you mean `listeners.tcp.bind`?"},
    {"listeners.tpc.bind=127.0.0.1:0",
     "--set: listeners.tpc.type is missing: one of `mqtt`, `mqtts`, `ws`, `wss`; or did you mean "
     "`tcp` by `tpc`?"},
    {"mqtt.groups=", "--set: mqtt.groups must be a whole number from 0 to 4294967295, not \"\""},
    {"mqtt={groups: [", "--set: mqtt is not YAML: end of sequence flow not found"},
};

TEST_F(SettingsTest, RefuseAFlag) {
  for (const auto& each : kRefusedFlags) {
    sources.flags.clear();
    set(std::string(each.text));
    EXPECT_THAT(problems(), ElementsAre(each.problem));
  }
}

TEST_F(SettingsTest, RefuseAVariableByItsName) {
  variable("SLUICE_MQTT__MAXIMUM_QOS", "9");

  EXPECT_THAT(problems(), ElementsAre("SLUICE_MQTT__MAXIMUM_QOS: mqtt.maximum_qos must be a whole "
                                      "number from 0 to 2, not 9"));
}

TEST_F(SettingsTest, TellEveryProblemAtOnce) {
  file("lisseners: {}\nmqtt:\n  maximum_qos: 3\n");
  set("log.level=loud");

  EXPECT_EQ(problems().size(), 3U);
}

TEST_F(SettingsTest, RefuseAFileThatIsNotThere) {
  sources.file = "/no/such/file.yaml";

  EXPECT_THAT(problems(), ElementsAre("/no/such/file.yaml: the settings file cannot be read: No "
                                      "such file or directory"));
}

TEST_F(SettingsTest, RefuseADirectoryAsAFile) {
  sources.file = "/tmp";

  EXPECT_EQ(problems().size(), 1U);
}

TEST_F(SettingsTest, AreShownAsOneWouldWriteThem) {
  const auto effective = load();

  for (const auto& shown : show_settings(effective)) {
    if (shown.name == "store.segment_bytes") EXPECT_EQ(shown.value, "256MiB");
    if (shown.name == "mqtt.session_expiry_maximum") EXPECT_EQ(shown.value, "30d");
    if (shown.name == "io_threads") EXPECT_EQ(shown.value, "auto");
    const bool is_reloadable =
        shown.name == "log.level" || shown.name == "connect.allowed_networks" ||
        shown.name.starts_with("mqtt.") || shown.name.starts_with("access.jwt.");
    EXPECT_EQ(shown.reloadable, is_reloadable) << shown.name;
  }
  EXPECT_THAT(
      boost::json::serialize(settings_document(effective)),
      HasSubstr(R"({"name":"data","value":"./data","origin":"default","reloadable":false})"));
}

TEST(BindAddress, TakesAddressesWithPorts) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"127.0.0.1:0", "127.0.0.1:0"},
                                                                 {"0.0.0.0:65535", "0.0.0.0:65535"},
                                                                 {"[::]:1883", "[::]:1883"}};
  for (const auto& [text, shown] : cases) {
    const auto parsed = parse_bind_address(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->text(), shown);
  }
}

TEST(BindAddress, RefusesEverythingElse) {
  for (const auto* text :
       {"", "127.0.0.1", "127.0.0.1:", ":1883", "localhost:1883", "*:1883", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:1883x", "::1:1883", "[127.0.0.1]:1", "[]:1", "256.0.0.1:1"}) {
    EXPECT_FALSE(parse_bind_address(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::app
