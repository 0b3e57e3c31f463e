#include "connectors/mqtt/mqtt_target.hpp"

#include <random>

#include "base/ascii.hpp"
#include "base/json_text.hpp"
#include "connect/kept_secrets.hpp"
#include "connect/verify_step.hpp"
#include "io/address_rule.hpp"
#include "io/pem_text.hpp"
#include "mqtt/codec.hpp"

namespace sluice::connectors::bridge {
namespace {

namespace json = boost::json;
using schema::Problem;
using schema::Type;
using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;

schema::Field pem_field(std::string name, std::string help) {
  return {.name = std::move(name),
          .help = std::move(help),
          .fallback = "",
          .secret = true,
          .maximum = 1 << 20};
}

void check_identity(const Target& target, std::vector<Problem>& problems) {
  const auto& identity = target.identity;
  const bool has_certificate = !identity.certificate_pem.empty();
  if (has_certificate != !identity.key_pem.empty())
    problems.push_back({"/settings/key_pem", "certificate_pem and key_pem belong together"});
  if ((has_certificate || !identity.ca_pem.empty()) && !target.is_tls)
    problems.push_back({"/settings/tls", "must be true when there are certificates"});
  if (auto why = identity.ca_pem.empty() ? std::nullopt : io::why_not_certificates(identity.ca_pem))
    problems.push_back({"/settings/ca_pem", std::move(*why)});
  if (!has_certificate || identity.key_pem.empty()) return;
  if (auto why = io::why_not_certificates(identity.certificate_pem))
    problems.push_back({"/settings/certificate_pem", std::move(*why)});
  if (auto why = io::why_not_key(identity.key_pem, ""))
    problems.push_back({"/settings/key_pem", std::move(*why)});
}

// A name of its own, so that nobody is thrown out who has one already.
std::string fresh_client_id() {
  std::random_device random;
  return "sluice-verify-" + std::to_string(random());
}

}  // namespace

Result<void> log_in(io::Stream& stream, const Target& target, const Session& session,
                    io::SteadyTime until) {
  SL_TRY_VOID(stream.write(connect_packet(target, session), until));
  std::string bytes;
  char piece[4096];
  for (;;) {
    const auto frame = wire::next_frame(bytes, 65536, target.version);
    if (!frame) return fail(Errc::Unavailable, "what answers there does not speak MQTT");
    if (*frame) {
      if ((*frame)->type != wire::PacketType::Connack)
        return fail(Errc::Unavailable, "it answered CONNECT with another packet");
      const auto connack = wire::decode_connack(target.version, (*frame)->body);
      if (!connack) return fail(Errc::Unavailable, "its CONNACK is malformed");
      if (connack->reason != wire::ReasonCode::Success)
        return fail(Errc::NotAuthorized, why_refused(connack->reason));
      break;
    }
    SL_TRY(got, stream.read(piece, sizeof piece, until));
    if (got == 0) return fail(Errc::Unavailable, "it closed the connection after CONNECT");
    bytes.append(piece, got);
  }
  std::string goodbye;
  wire::encode(goodbye, target.version, wire::Disconnect{});
  return stream.write(goodbye, until);
}

schema::Fields connection_fields() {
  return {
      {.name = "host",
       .help = "Name or address of the server.",
       .required = true,
       .minimum = 1,
       .maximum = 255},
      {.name = "port",
       .type = Type::Integer,
       .help = "Its port: 1883, and 8883 for TLS, unless it says otherwise.",
       .nullable = true,
       .minimum = 1,
       .maximum = 65535},
      {.name = "tls", .type = Type::Boolean, .help = "Whether it is TLS.", .fallback = false},
      {.name = "version",
       .type = Type::Choice,
       .help = "Of MQTT. 3.1.1 has no user properties: the loop guard does not see what passes.",
       .fallback = "5",
       .choices = {"5", "3.1.1"}},
      {.name = "username", .help = "Empty: none.", .fallback = "", .maximum = 1024},
      {.name = "password",
       .help = "Its password.",
       .fallback = "",
       .secret = true,
       .maximum = 4096},
      pem_field("ca_pem",
                "Certificates (PEM) of those who sign the server's certificate. Empty: those the "
                "machine trusts."),
      pem_field("certificate_pem",
                "This client's certificate (PEM), where the server asks for one."),
      pem_field("key_pem", "The key of certificate_pem (PEM)."),
      {.name = "keep_alive",
       .type = Type::Duration,
       .help = "So often at least something is said; a silent server counts as away after one and "
               "a half of it.",
       .fallback = "30s",
       .minimum = 1000,
       .maximum = 65'535'000},
  };
}

Target target_of(const json::object& settings) {
  Target target;
  target.host = text_at(settings, "host");
  target.is_tls = settings.at("tls").as_bool();
  target.port = target.is_tls ? 8883 : 1883;
  if (const auto& port = settings.at("port"); port.is_int64())
    target.port = static_cast<std::uint16_t>(port.get_int64());
  target.version = text_at(settings, "version") == "5" ? wire::Version::V5 : wire::Version::V311;
  target.username = text_at(settings, "username");
  target.password = text_at(settings, "password");
  target.identity = {.ca_pem = text_at(settings, "ca_pem"),
                     .certificate_pem = text_at(settings, "certificate_pem"),
                     .key_pem = text_at(settings, "key_pem")};
  target.keep_alive = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::milliseconds(settings.at("keep_alive").as_int64()));
  return target;
}

void check_settings(const json::object& settings, std::vector<Problem>& problems) {
  const auto target = target_of(settings);
  if (const auto allowed = io::may_call_host(io::Caller::Connection, target.host, target.port);
      !allowed)
    problems.push_back({"/settings/host", allowed.error().detail});
  if (target.username.empty() && !target.password.empty())
    problems.push_back({"/settings/username", "is needed beside a password"});
  check_identity(target, problems);
}

// Whoever may change the address must not learn by it what was typed for the one before.
void check_change(const json::object& before, const json::object& after, const json::object& given,
                  std::vector<Problem>& problems) {
  const auto old = target_of(before);
  const auto fresh = target_of(after);
  const bool is_same = ascii_lower(old.host) == ascii_lower(fresh.host) && old.port == fresh.port &&
                       (fresh.is_tls || !old.is_tls);
  if (is_same) return;
  for (const auto* name : {"password", "key_pem"}) {
    if (connect::is_kept(after.if_contains(name), given.if_contains(name)))
      problems.push_back({std::string("/settings/") + name,
                          "must be given again with the new address, or be taken out: it was given "
                          "for " +
                              old.place()});
  }
}

Result<io::Stream> reach(const Target& target, io::Deadline until) {
  auto addresses = io::resolve(target.host, std::to_string(target.port), until);
  if (!addresses)
    return fail(addresses.error().code, target.place() + ": " + addresses.error().detail);
  auto problem = fail(Errc::Unavailable, target.place() + ": it has no address");
  for (const auto& address : *addresses) {
    auto socket = io::connect_to(io::Caller::Connection, address, until);
    if (!socket) {
      problem = fail(socket.error().code, target.place() + ": " + socket.error().detail);
      continue;
    }
    if (!target.is_tls) return io::Stream(std::move(*socket));
    auto tls = io::TlsProbe::open(std::move(*socket), target.host, target.identity, until);
    if (!tls) return fail(tls.error().code, target.place() + ": " + tls.error().detail);
    return io::Stream(std::move(*tls));
  }
  return problem;
}

std::string connect_packet(const Target& target, const Session& session) {
  std::string properties;
  if (target.version == wire::Version::V5) {
    wire::PropertyWriter writer(properties);
    if (session.expiry.count() > 0)
      writer.number(wire::PropertyId::SessionExpiryInterval,
                    static_cast<std::uint32_t>(session.expiry.count()));
    writer.number(wire::PropertyId::ReceiveMaximum, session.receive_maximum);
    writer.number(wire::PropertyId::MaximumPacketSize,
                  static_cast<std::uint32_t>(session.maximum_packet_size));
  }
  wire::Connect connect{.version = target.version,
                        .clean_start = session.is_clean,
                        .keep_alive_s = static_cast<std::uint16_t>(target.keep_alive.count()),
                        .client_id = session.client_id,
                        .username = {},
                        .password = {},
                        .will = {},
                        .properties = wire::Properties::from_checked(properties)};
  if (!target.username.empty()) {
    connect.username = target.username;
    if (!target.password.empty()) connect.password = target.password;
  }
  std::string packet;
  wire::encode(packet, connect);
  return packet;
}

std::string why_refused(wire::ReasonCode reason) {
  auto text = "it refuses this server: " + std::string(wire::name_of(reason));
  switch (reason) {
    case wire::ReasonCode::BadUserNameOrPassword:
    case wire::ReasonCode::NotAuthorized:
      return text + "; check username and password of the connection, and what they may do there";
    case wire::ReasonCode::ClientIdentifierNotValid:
      return text + "; set `client_id` in the task to one that the server takes";
    case wire::ReasonCode::UnsupportedProtocolVersion:
      return text + "; set `version` of the connection to 3.1.1";
    default:
      return text;
  }
}

std::vector<connect::VerifyStep> verify(const json::object& settings, std::string_view /*topic*/) {
  const auto target = target_of(settings);
  std::vector<connect::VerifyStep> steps;
  std::optional<io::Stream> stream;
  const auto step = [&steps](std::string name, std::string hint, auto body) {
    return connect::take_step(steps, std::move(name), std::move(hint), 10s, body);
  };
  const auto connect = [&](io::SteadyTime until) -> Result<std::string> {
    SL_TRY(reached, reach(target, until));
    stream = std::move(reached);
    return std::string(target.is_tls ? "it accepts connections, and its certificate is trusted"
                                     : "it accepts connections");
  };
  const auto authenticate = [&](io::SteadyTime until) -> Result<std::string> {
    SL_TRY_VOID(log_in(*stream, target, {.client_id = fresh_client_id()}, until));
    return std::string("it let this server in");
  };
  static_cast<void>(step("connect",
                         "check host, port and `tls`, firewalls, ca_pem, and the setting "
                         "connect.allowed_networks",
                         connect) &&
                    step("authenticate", "check username, password and `version`", authenticate));
  return steps;
}

}  // namespace sluice::connectors::bridge
