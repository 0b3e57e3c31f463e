#include "connectors/kafka/kafka_verify.hpp"

#include <chrono>
#include <optional>
#include <string>

#include "connect/verify_step.hpp"
#include "connectors/kafka/kafka_permission.hpp"
#include "connectors/kafka/kafka_settings.hpp"
#include "connectors/kafka/kafka_trouble.hpp"
#include "connectors/kafka/registry/registry_client.hpp"
#include "connectors/kafka/registry/registry_settings.hpp"
#include "io/address_rule.hpp"
#include "io/reach.hpp"
#include "io/tls_probe.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using connect::VerifyStep;
using SteadyClock = std::chrono::steady_clock;

// What each step may take, and all of them together.
constexpr auto kResolveWithin = 5s;
constexpr auto kConnectWithin = 6s;
constexpr auto kOneConnectWithin = 3s;
constexpr auto kTlsWithin = 5s;
constexpr auto kLoginWithin = 8s;
constexpr auto kMetadataWithin = 5s;
constexpr auto kTopicWithin = 6s;
constexpr auto kAllWithin = 25s;
constexpr std::size_t kMostBrokersTried = 16;

// ApiVersions v0, correlation id 7, client id "sluice": every broker answers it, before any login.
constexpr std::string_view kQuestion("\0\0\0\x10\0\x12\0\0\0\0\0\x07\0\x06sluice", 20);
constexpr std::string_view kAnswer("\0\0\0\x07", 4);  // behind the length

// What the library told while it tried.
struct Told {
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string detail;
  bool is_final = false;  // another try would end like this one

  void note(rd_kafka_event_t* event) {
    const auto code = rd_kafka_event_error(event);
    const bool says_more = code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                           code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__RESOLVE;
    is_final = is_final || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
               code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    const bool has_more = error == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                          error == RD_KAFKA_RESP_ERR__SSL || error == RD_KAFKA_RESP_ERR__RESOLVE;
    if (!detail.empty() && (has_more || !says_more)) return;
    error = code;
    detail = rd_kafka_event_error_string(event);
  }
};

// One verification: what a step found the next ones go on with.
class Verification {
 public:
  Verification(const json::object& settings, std::string_view topic)
      : settings_(settings),
        topic_(topic),
        servers_(servers_of(settings.at("bootstrap_servers").as_string())) {}

  std::vector<VerifyStep> run() {
    static_cast<void>(step("resolve", &Verification::resolve) &&
                      step("connect", &Verification::connect) &&
                      (!uses_tls(settings_) || step("tls", &Verification::shake_hands)) &&
                      step("authenticate", &Verification::authenticate) &&
                      step("metadata", &Verification::look_at_brokers) &&
                      (topic_.empty() || step("topic", &Verification::look_at_topic)) &&
                      (registry::registry_of(settings_) == nullptr ||
                       step("schema registry", &Verification::look_at_registry)));
    return std::move(steps_);
  }

 private:
  using Body = void (Verification::*)(VerifyStep&);

  bool step(std::string name, Body body) {
    return connect::take_step(steps_, std::move(name),
                              [&](VerifyStep& step) { (this->*body)(step); });
  }
  [[nodiscard]] SteadyTime within(std::chrono::seconds time) const {
    return std::min(SteadyClock::now() + time, end_);
  }

  void resolve(VerifyStep& step);
  void connect(VerifyStep& step);
  void shake_hands(VerifyStep& step);
  void authenticate(VerifyStep& step);
  void look_at_brokers(VerifyStep& step);
  void look_at_topic(VerifyStep& step) {
    check_topic(client_.get(), settings_, topic_, within(kTopicWithin), step);
  }
  void look_at_registry(VerifyStep& step);
  [[nodiscard]] Result<void> make_library_client();
  [[nodiscard]] rd_kafka_resp_err_t ask_for_brokers(SteadyTime until, Told& trouble);

  struct Reachable {
    Server server;
    std::vector<io::SocketAddress> addresses;
  };
  const json::object& settings_;
  const std::string topic_;
  const std::vector<Server> servers_;
  const SteadyTime end_ = SteadyClock::now() + kAllWithin;
  std::vector<VerifyStep> steps_;
  std::vector<Reachable> found_;
  Descriptor socket_;
  std::string host_;  // that the socket is connected to
  Client client_;
  Queue events_;
  std::vector<Server> brokers_;  // as they advertise themselves
  std::string asked_;
};

// Those that may be called; empty, and why.
std::vector<io::SocketAddress> allowed_addresses(const Server& server, SteadyTime until,
                                                 std::string& why) {
  auto found = io::resolve(server.host, server.port, until);
  if (!found) {
    why = found.error().detail;
    return {};
  }
  std::erase_if(*found, [&](const io::SocketAddress& address) {
    const auto allowed = io::may_call(io::Caller::Connection, address.get());
    if (!allowed) why = allowed.error().detail;
    return !allowed;
  });
  return std::move(*found);
}

Result<Descriptor> connect_to_one(const std::vector<io::SocketAddress>& addresses,
                                  SteadyTime until) {
  Result<Descriptor> last = fail(Errc::Unavailable, "it has no address");
  for (const auto& address : addresses) {
    last = io::connect_to(io::Caller::Connection, address,
                          std::min(until, SteadyClock::now() + kOneConnectWithin));
    if (last) return last;
  }
  return last;
}

std::string name_of(const Server& server) {
  const bool is_v6 = server.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + server.host + "]" : server.host) + ":" + server.port;
}

void append(std::string& list, const std::string& entry) {
  list += (list.empty() ? "" : "; ") + entry;
}

// Some server of the list must do: a cluster is usable while one of them is.
void Verification::resolve(VerifyStep& step) {
  const auto until = within(kResolveWithin);
  std::string why;
  for (const auto& server : servers_) {
    std::string reason;
    auto addresses = allowed_addresses(server, until, reason);
    if (addresses.empty()) {
      append(why, server.host + ": " + reason);
    } else {
      found_.push_back({server, std::move(addresses)});
    }
  }
  step.ok = !found_.empty();
  step.detail = why;
  if (step.ok)
    step.detail = why.empty() ? "every host name has an address" : "not every host name: " + why;
  if (!step.ok) step.hint = hint_for(RD_KAFKA_RESP_ERR__RESOLVE);
}

void Verification::connect(VerifyStep& step) {
  const auto until = within(kConnectWithin);
  for (const auto& [server, addresses] : found_) {
    auto connected = connect_to_one(addresses, until);
    if (connected) {
      socket_ = std::move(*connected);
      host_ = server.host;
      step.ok = true;
      step.detail = name_of(server) + " accepts connections";
      return;
    }
    append(step.detail, name_of(server) + ": " + connected.error().detail);
  }
  step.hint = hint_for(RD_KAFKA_RESP_ERR__TRANSPORT);
}

// With a handshake of our own, because it can say whose certificate it met. The library does its
// own afterwards, and that one counts.
void Verification::shake_hands(VerifyStep& step) {
  const auto until = within(kTlsWithin);
  auto probe = io::TlsProbe::open(std::move(socket_), host_, tls_identity_of(settings_), until);
  const auto answer =
      probe ? probe->ask(kQuestion, 8, until) : Result<std::string>(tl::unexpected(probe.error()));
  if (answer && answer->substr(4) == kAnswer) {
    step.ok = true;
    step.detail = probe->summary();
    return;
  }
  step.detail = answer ? "what answers does not speak Kafka" : answer.error().detail;
  if (answer) {
    step.hint = "check the port in bootstrap_servers";
  } else if (answer.error().code == Errc::NotAuthorized) {
    step.hint =
        "give the certificate of who signed it as ca_pem, and name the brokers in "
        "bootstrap_servers as their certificate does";
  } else if (probe) {
    step.hint =
        "the broker takes no such client: give a certificate that it trusts as certificate_pem, "
        "with key_pem";
  } else {
    step.hint = "check that the broker speaks TLS on this port: security_protocol says SSL";
  }
}

Result<void> Verification::make_library_client() {
  auto properties = client_properties(settings_);
  properties.emplace_back("allow.auto.create.topics", "false");  // looking makes none
  SL_TRY(conf, make_conf(properties));
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_ERROR);
  SL_TRY(client, make_client(RD_KAFKA_PRODUCER, std::move(conf), tokens_of(settings_)));
  client_ = std::move(client);
  events_.reset(rd_kafka_queue_get_main(client_.get()));
  return {};
}

rd_kafka_resp_err_t Verification::ask_for_brokers(SteadyTime until, Told& trouble) {
  auto outcome = RD_KAFKA_RESP_ERR__TIMED_OUT;
  while (outcome != RD_KAFKA_RESP_ERR_NO_ERROR && !trouble.is_final && SteadyClock::now() < until) {
    const struct rd_kafka_metadata* metadata = nullptr;
    outcome = rd_kafka_metadata(client_.get(), 0, nullptr, &metadata, 500);
    if (metadata != nullptr) {
      asked_ = metadata->orig_broker_name;
      for (int i = 0; i < metadata->broker_cnt; ++i)
        brokers_.push_back({metadata->brokers[i].host, std::to_string(metadata->brokers[i].port)});
      rd_kafka_metadata_destroy(metadata);
    }
    while (const auto event = Event(rd_kafka_queue_poll(events_.get(), 0))) {
      if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) trouble.note(event.get());
    }
  }
  return outcome;
}

// Logs in and asks who the brokers are: with the library itself, so that what works here works
// there.
void Verification::authenticate(VerifyStep& step) {
  socket_.reset();
  if (const auto made = make_library_client(); !made) {
    step.detail = made.error().detail;
    step.hint = "check security_protocol, certificates and properties of the connection";
    return;
  }
  Told trouble;
  const auto outcome = ask_for_brokers(within(kLoginWithin), trouble);
  step.ok = outcome == RD_KAFKA_RESP_ERR_NO_ERROR;
  const auto told = translate(trouble.detail);
  step.detail = step.ok                  ? "the broker takes our requests"
                : trouble.detail.empty() ? rd_kafka_err2str(outcome)
                : told                   ? told->what
                                         : trouble.detail;
  if (!step.ok)
    step.hint = hint_for(trouble.detail.empty() ? outcome : trouble.error, trouble.detail);
}

// Records go to the addresses that the brokers tell, not to those of the connection. A broker may
// be down for a while; one whose name means nothing here will never be reached.
void Verification::look_at_brokers(VerifyStep& step) {
  const auto until = within(kMetadataWithin);
  std::string down;
  std::size_t reached = 0;
  for (std::size_t i = 0; i < std::min(brokers_.size(), kMostBrokersTried); ++i) {
    std::string why;
    const auto addresses = allowed_addresses(brokers_[i], until, why);
    if (addresses.empty()) {
      step.detail = "a broker advertises " + name_of(brokers_[i]) + ": " + why;
      step.hint =
          "check advertised.listeners of the brokers, and the setting connect.allowed_networks";
      return;
    }
    const auto connected = connect_to_one(addresses, until);
    if (connected) {
      ++reached;
    } else {
      append(down, name_of(brokers_[i]) + ": " + connected.error().detail);
    }
  }
  step.ok = reached > 0;
  step.detail = std::to_string(brokers_.size()) + (brokers_.size() == 1 ? " broker" : " brokers") +
                "; asked " + asked_;
  if (!down.empty()) step.detail += "; not reached at the address they advertise: " + down;
  if (!step.ok)
    step.hint = "check advertised.listeners of the brokers: this machine must reach them there";
}

void Verification::look_at_registry(VerifyStep& step) {
  registry::RegistryClient client(registry::address_of(*registry::registry_of(settings_)));
  const auto tried = client.try_it();
  step.ok = tried.has_value();
  step.detail = step.ok ? "it answers, and takes us" : tried.error().detail;
  if (!step.ok)
    step.hint = "check url, login and ca_pem in schema_registry, and connect.allowed_networks";
}

}  // namespace

std::vector<VerifyStep> verify(const json::object& settings, std::string_view topic) {
  return Verification(settings, topic).run();
}

}  // namespace sluice::connectors::kafka
