// The declaration of every setting: parsing, errors, `sluice check` and the reference page come
// from it. What this version does not serve is refused in settings_rules.cpp.
#include <boost/json/array.hpp>

#include "app/access_settings.hpp"
#include "app/settings.hpp"
#include "broker/access/policy.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;
using schema::Field;
using schema::Fields;
using schema::Type;

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;
constexpr std::int64_t kDay = 24LL * 3600 * 1000;
constexpr std::int64_t kMost32 = 0xFFFFFFFF;

bool is_bind_address(std::string_view text) {
  return parse_bind_address(text).has_value();
}

// Also a part of SLUICE_LISTENERS__NAME__BIND and a name in addresses.json, where `admin` is taken.
bool is_listener_name(std::string_view text) {
  if (text.empty() || text.size() > 32 || text == "admin") return false;
  if (text.find("__") != std::string_view::npos) return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

bool is_node_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
         std::string_view::npos;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '.' || text.front() == '-') return false;
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
         std::string_view::npos;
}

// MQTT 5.0 §4.11 gives no form; one line of visible characters.
bool is_server_reference(std::string_view text) {
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]_ ") ==
         std::string_view::npos;
}

bool is_absolute_path(std::string_view text) {
  return text.starts_with('/');
}

bool is_origin(std::string_view text) {
  if (text == "*") return true;
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const auto place = text.substr(scheme + 3);
  return !place.empty() && place.find_first_of("/ ?#") == std::string_view::npos;
}

bool is_network(std::string_view text) {
  return broker::Network::parse(text).has_value();
}

Field bind_field(json::value fallback) {
  return {
      .name = "bind",
      .help = "The address to listen on; port 0 takes any free one.",
      .fallback = std::move(fallback),
      .pattern_help = "an address and a port such as 127.0.0.1:1883, 0.0.0.0:1883 or [::1]:1883",
      .allowed = is_bind_address};
}

Field path_field(std::string name, std::string help) {
  return {.name = std::move(name), .help = std::move(help), .minimum = 1};
}

Field whole(std::string name, std::string help, std::int64_t fallback, std::int64_t minimum,
            std::int64_t maximum) {
  return {.name = std::move(name),
          .type = Type::Integer,
          .help = std::move(help),
          .fallback = fallback,
          .minimum = minimum,
          .maximum = maximum};
}

Field more_certificates() {
  auto certificate = path_field("certificate", "File of its chain (PEM).");
  auto key = path_field("key", "File of its private key (PEM).");
  certificate.required = key.required = true;
  return {.name = "more_certificates",
          .type = Type::ObjectMap,
          .help = "TLS: others, under any name, each for the host names that stand in it (SNI).",
          .fallback = json::object{},
          .maximum = 64,
          .pattern_help = "up to 32 lower-case letters, digits, - and single _, and not `admin`",
          .allowed = is_listener_name,
          .fields = {std::move(certificate), std::move(key)}};
}

Field listeners() {
  auto bind = bind_field(nullptr);
  bind.required = true;
  Fields members = {
      {.name = "type",
       .type = Type::Choice,
       .help =
           "MQTT over TCP (`mqtt`), TLS (`mqtts`), WebSocket (`ws`), WebSocket over TLS (`wss`).",
       .required = true,
       .choices = {"mqtt", "mqtts", "ws", "wss"}},
      std::move(bind),
      {.name = "enabled", .type = Type::Boolean, .help = "Whether it listens.", .fallback = true},
      path_field("certificate",
                 "TLS: file of the certificate chain, its own first (PEM). SIGHUP reads it again."),
      path_field("key", "TLS: file of the private key (PEM), not encrypted."),
      more_certificates(),
      {.name = "minimum_version",
       .type = Type::Choice,
       .help = "TLS: the oldest version that is spoken.",
       .fallback = "1.2",
       .choices = {"1.2", "1.3"}},
      path_field("client_ca", "TLS: file of the authorities of client certificates (PEM)."),
      path_field("client_crl",
                 "TLS: file of the revocation list of each of these authorities (PEM)."),
      {.name = "client_certificate",
       .type = Type::Choice,
       .help = "TLS: whether clients must show a certificate.",
       .fallback = "none",
       .choices = {"none", "optional", "required"}},
      {.name = "user_from",
       .type = Type::Choice,
       .help =
           "TLS: what of the client's certificate is its user name. Who shows one is that user, "
           "without a password.",
       .fallback = "none",
       .choices = {"none", "common_name", "subject_alt_name"}},
      {.name = "path",
       .help = "WebSocket: the path that is served.",
       .fallback = "/mqtt",
       .pattern_help = "a path that begins with /",
       .allowed = is_absolute_path},
      {.name = "origins",
       .type = Type::TextList,
       .help = "WebSocket: from where pages in browsers may connect. Pages from the listener's own "
               "address, and clients that are no browsers, always may.",
       .fallback = json::array{},
       .maximum = 64,
       .pattern_help = "an origin such as https://app.example.org, or * for all",
       .allowed = is_origin},
      {.name = "proxies",
       .type = Type::TextList,
       .help = "Proxies that say, in the PROXY protocol (1 or 2), for whom they stand: they must, "
               "and nobody else can.",
       .fallback = json::array{},
       .maximum = 64,
       .pattern_help = "an address or a range such as 10.0.0.0/8",
       .allowed = is_network},
      whole("connections", "Clients of this listener at one time.", 1'000'000, 1, kMost32),
      {.name = "maximum_packet_size",
       .type = Type::Bytes,
       .help = "For its clients, in place of mqtt.maximum_packet_size; not more than that.",
       .minimum = 256,
       .maximum = 256 * kMiB},
      {.name = "messages_per_second_per_client",
       .type = Type::Integer,
       .help = "For its clients, in place of the setting of `mqtt`; 0: no limit.",
       .minimum = 0,
       .maximum = kMost32}};
  return {
      .name = "listeners",
      .type = Type::ObjectMap,
      .help = "Where clients connect: any number, under any name.",
      .fallback =
          json::object{{"tcp", {{"type", "mqtt"}, {"bind", "127.0.0.1:1883"}}},
                       {"tls", {{"type", "mqtts"}, {"bind", "127.0.0.1:8883"}, {"enabled", false}}},
                       {"ws", {{"type", "ws"}, {"bind", "127.0.0.1:8083"}, {"enabled", false}}},
                       {"wss", {{"type", "wss"}, {"bind", "127.0.0.1:8084"}, {"enabled", false}}}},
      .maximum = 64,
      .pattern_help = "up to 32 lower-case letters, digits, - and single _, and not `admin`",
      .allowed = is_listener_name,
      .fields = std::move(members)};
}

Field admin() {
  return {
      .name = "admin",
      .type = Type::Object,
      .help = "REST, metrics, health.",
      .fields = {bind_field("127.0.0.1:8080"),
                 path_field("certificate",
                            "HTTPS: file of the certificate chain, its own first (PEM). SIGHUP "
                            "reads it again. Without: HTTP."),
                 path_field("key", "HTTPS: file of the private key (PEM), not encrypted."),
                 {.name = "host_names",
                  .type = Type::TextList,
                  .help = "Host names under which a proxy or a name server leads here: others are "
                          "refused, against DNS rebinding. Loopback and own addresses always do. "
                          "The proxy must pass the Host header on.",
                  .fallback = json::array{},
                  .maximum = 64,
                  .pattern_help = "a host name such as mqtt.example.org, without a port",
                  .allowed = is_host_name},
                 {.name = "audit_records",
                  .type = Type::Integer,
                  .help = "How many records of changes and refusals are kept; the oldest go first.",
                  .fallback = 10'000,
                  .minimum = 100,
                  .maximum = 1'000'000},
                 {.name = "event_records",
                  .type = Type::Integer,
                  .help = "How many events of clients, sessions, messages and tasks are kept for "
                          "GET /events; the oldest go first. 0: none.",
                  .fallback = 10'000,
                  .minimum = 0,
                  .maximum = 1'000'000},
                 {.name = "metrics_public",
                  .type = Type::Boolean,
                  .help = "Whether /metrics answers without a login.",
                  .fallback = false},
                 login_attempts_field()}};
}

Field hold_field(std::string name, std::string help) {
  return {.name = std::move(name),
          .type = Type::Bytes,
          .help = std::move(help),
          .fallback = "10GiB",
          .choices = {"unlimited"},
          .minimum = 0,
          .maximum = 1024 * kGiB};
}

Field retention() {
  return {
      .name = "retention",
      .type = Type::Object,
      .help = "How long messages are kept. Whole files of the log are deleted, the oldest first.",
      .fields = {
          {.name = "time",
           .type = Type::Duration,
           .help = "Messages go after this time, or as long again as it takes to fill a file.",
           .fallback = "72h",
           .choices = {"never"},
           .minimum = 1000,
           .maximum = 36500 * kDay},
          {.name = "bytes",
           .type = Type::Bytes,
           .help = "The oldest messages go when the log is larger; a size is never more than 80 % "
                   "of the file system.",
           .fallback = "50GiB",
           .choices = {"unlimited"},
           .minimum = kMiB,
           .maximum = 1024 * 1024 * kGiB},
          {.name = "hold",
           .type = Type::Object,
           .help = "How much more of the log is kept for those who have not read it.",
           .fields = {hold_field("sessions", "Kept for sessions and groups that are behind."),
                      hold_field("tasks", "Kept for tasks that are behind.")}}}};
}

Field store() {
  return {
      .name = "store",
      .type = Type::Object,
      .help = "The log and what is kept beside it.",
      .fields = {
          {.name = "engine",
           .type = Type::Choice,
           .help = "What keeps messages. This version has `embedded`.",
           .fallback = "embedded",
           .choices = {"embedded", "rocketmq"}},
          {.name = "durability",
           .type = Type::Choice,
           .help =
               "A publish is acknowledged after fdatasync (`fsync`), or after the write reached "
               "the operating system (`os`: survives a killed process; a power cut takes the last "
               "second).",
           .fallback = "fsync",
           .choices = {"fsync", "os"}},
          {.name = "deliver_after",
           .type = Type::Choice,
           .help =
               "QoS 0 and 1 reach subscribers when `ordered`, or not before they are `durable`.",
           .fallback = "ordered",
           .choices = {"ordered", "durable"}},
          {.name = "segment_bytes",
           .type = Type::Bytes,
           .help = "Size of a file of the log.",
           .fallback = "256MiB",
           .minimum = kMiB,
           .maximum = 2 * kGiB},
          retention(),
          {.name = "cache_bytes",
           .type = Type::Bytes,
           .help = "Most memory for recent messages: taken while a reader is behind; who is "
                   "further behind reads files.",
           .fallback = "256MiB",
           .minimum = kMiB,
           .maximum = 1024 * kGiB},
          {.name = "dead_letters",
           .type = Type::Object,
           .help = "Messages that a task could not deliver.",
           .fields = {{.name = "maximum_bytes",
                       .type = Type::Bytes,
                       .help = "Bound of all of them together; a task waits when it is reached.",
                       .fallback = "1GiB",
                       .minimum = kMiB,
                       .maximum = 1024 * kGiB}}}}};
}

Field changeable(Field field) {
  field.reloadable = true;
  return field;
}

// Of all clients together.
Field bytes_of_all(std::string name, std::string help, const char* fallback) {
  return {.name = std::move(name),
          .type = Type::Bytes,
          .help = "Of all clients together. " + std::move(help),
          .fallback = fallback,
          .minimum = kMiB,
          .maximum = 1024 * kGiB};
}

Fields mqtt_sizes() {
  return {{.name = "maximum_packet_size",
           .type = Type::Bytes,
           .help = "Larger packets close the connection; at most a quarter of store.segment_bytes.",
           .fallback = "1MiB",
           .minimum = 256,
           .maximum = 256 * kMiB},
          whole("maximum_qos", "Publishes of a higher QoS are refused.", 2, 0, 2),
          whole("receive_maximum", "QoS 1 and 2 publishes of a client not yet acknowledged.", 1024,
                1, 65535),
          whole("maximum_inflight",
                "Messages to a client not yet acknowledged: cap on its Receive Maximum.", 1024, 1,
                65535),
          whole("topic_alias_maximum", "Topic aliases of a client, each way.", 64, 0, 65535),
          {.name = "session_expiry_maximum",
           .type = Type::Duration,
           .help = "Longer Session Expiry Intervals are cut to it.",
           .fallback = "30d",
           .minimum = 0,
           .maximum = 36500 * kDay},
          whole("keep_alive_maximum",
                "Seconds; announced as Server Keep Alive when a client asks for more.", 3600, 1,
                65535)};
}

Field mqtt() {
  Fields fields;
  for (auto& field : mqtt_sizes()) fields.push_back(changeable(std::move(field)));
  for (auto& field :
       {whole("connections", "Clients at one time.", 1'000'000, 1, kMost32),
        whole("subscriptions_per_client", "Subscriptions of a session.", 1000, 1, kMost32),
        whole(
            "conditions_per_client",
            "Subscriptions of a session that have a condition ($where). Each is asked about every "
            "message on its filter, so this bounds what a client can make the server compute.",
            20, 0, kMost32),
        Field{.name = "conditions_bytes",
              .type = Type::Bytes,
              .help =
                  "Memory of all conditions ($where) together, compiled: a new one beyond it is "
                  "refused. Equal ones stand once.",
              .fallback = "64MiB",
              .minimum = 0,
              .maximum = 1024 * kGiB},
        whole("sessions_per_user",
              "Sessions of one user, connected or away: new ones are refused. A fleet may share a "
              "user, so this bounds memory. Without access control all clients are one user.",
              1'000'000, 1, kMost32),
        whole("topic_levels", "Levels of a topic name or filter.", 128, 1, 65535),
        whole("retained_maximum", "Retained messages.", 1'000'000, 0, kMost32),
        bytes_of_all("retained_bytes",
                     "Topics, payloads and properties of retained messages: what "
                     "would be more is refused with 0x97.",
                     "1GiB"),
        bytes_of_all("wills_bytes",
                     "Wills that wait: a CONNECT with one more is refused with 0x97.", "256MiB"),
        bytes_of_all("sessions_bytes",
                     "Client ids, user names and filters of sessions: more are "
                     "refused with 0x97. Each filter is kept several times over.",
                     "256MiB"),
        bytes_of_all("aliases_bytes",
                     "Topics that have an alias: who sends one more is "
                     "disconnected with 0x97.",
                     "64MiB"),
        bytes_of_all("packets_bytes",
                     "Packets of clients that have not come whole: whose packet "
                     "has no room is disconnected with 0x97.",
                     "256MiB"),
        bytes_of_all("strangers_bytes",
                     "CONNECT packets that have not come whole: whose has no "
                     "room is closed.",
                     "64MiB"),
        whole("delayed_maximum",
              "Messages published to $delayed/{seconds}/{topic} that wait for their time; at most "
              "64 MiB of them.",
              100'000, 0, kMost32),
        whole("groups", "Shared subscription groups.", 1000, 0, kMost32)}) {
    fields.push_back(changeable(field));
  }
  fields.push_back(changeable(
      {.name = "group_strategy",
       .type = Type::Choice,
       .help =
           "To which member of a shared subscription group a message goes: each in turn, any, one "
           "as long as it is connected, by hash of the publisher or of the topic, or the one with "
           "the fewest messages not acknowledged.",
       .fallback = "round_robin",
       .choices = {broker::kGroupStrategies.begin(), broker::kGroupStrategies.end()}}));
  fields.push_back(changeable(
      {.name = "redirect_to",
       .help = "Another server: clients are sent there instead of being admitted, those of MQTT 3 "
               "refused. `sluice client drain` sends those that are connected.",
       .fallback = "",
       .maximum = 1024,
       .pattern_help = "host:port, or several with a blank between them",
       .allowed = is_server_reference}));
  fields.push_back(changeable({.name = "redirect_permanently",
                               .type = Type::Boolean,
                               .help = "Whether clients are told that they need not come back "
                                       "(0x9D instead of 0x9C).",
                               .fallback = false}));
  fields.push_back(changeable(
      {.name = "groups_must_exist",
       .type = Type::Boolean,
       .help = "Whether a shared subscription needs a group that an administrator has made: others "
               "are refused with 0x8F. Subscriptions that are there stay.",
       .fallback = false}));
  fields.push_back(changeable(
      {.name = "point_to_point",
       .type = Type::Boolean,
       .help = "Whether {first}/p2p/{clientId} goes to that client alone, without a subscription.",
       .fallback = false}));
  fields.push_back(changeable(
      whole("messages_per_second_per_client",
            "Publishes of a client in a second; 0: no limit. Who publishes faster is read no "
            "further for a while; nobody is disconnected. A second's worth may come at once.",
            0, 0, kMost32)));
  return {.name = "mqtt",
          .type = Type::Object,
          .help = "Limits; each is announced in CONNACK where MQTT 5 can.",
          .fields = std::move(fields)};
}

Field log_field() {
  return {
      .name = "log",
      .type = Type::Object,
      .help = "What the server tells.",
      .fields = {
          {.name = "level",
           .type = Type::Choice,
           .help = "The least that is told.",
           .fallback = "info",
           .choices = {"debug", "info", "warn", "error"},
           .reloadable = true},
          {.name = "format",
           .type = Type::Choice,
           .help = "For people or for programs.",
           .fallback = "text",
           .choices = {"text", "json"}},
          {.name = "file",
           .help = "File to append to; empty: standard error. SIGHUP opens it anew (logrotate).",
           .fallback = ""}}};
}

}  // namespace

const Fields& setting_fields() {
  static const Fields kFields = {
      {.name = "node",
       .type = Type::Object,
       .help = "This server.",
       .fields = {{.name = "name",
                   .help = "Its name towards other systems.",
                   .fallback = "sluice-1",
                   .pattern_help = "up to 64 letters, digits, dots, - and _",
                   .allowed = is_node_name}}},
      {.name = "data",
       .help = "The directory for everything that lasts; one server at a time.",
       .fallback = "./data",
       .minimum = 1},
      {.name = "io_threads",
       .type = Type::Integer,
       .help = "Event loops; `auto`: the number of cores minus one, at least one.",
       .fallback = "auto",
       .choices = {"auto"},
       .minimum = 1,
       .maximum = 256},
      listeners(),
      admin(),
      access_field(),
      store(),
      mqtt(),
      {.name = "connect",
       .type = Type::Object,
       .help = "Connections to outside systems.",
       .fields =
           {{.name = "allowed_networks",
             .type = Type::TextList,
             .help = "Networks that connections may reach, also by names and by the addresses "
                     "that brokers advertise. Link-local and metadata addresses: never. HTTP sinks "
                     "reach `public` ones alone, unless this setting is given: then those it "
                     "names. They never reach this server's own administration.",
             .fallback = json::array{"loopback", "private", "public"},
             .choices = {"loopback", "private", "public"},
             .minimum = 1,
             .maximum = 3,
             .reloadable = true},
            whole("maximum_hops",
                  "How many tasks may carry a message in from outside, one after the other: what "
                  "has come in so often, or by the same task, is stopped there and counted.",
                  4, 1, 64)}},
      log_field()};
  return kFields;
}

}  // namespace sluice::app
