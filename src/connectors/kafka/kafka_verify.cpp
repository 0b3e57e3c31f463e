#include "connectors/kafka/kafka_verify.hpp"

#include <chrono>
#include <cstring>
#include <netdb.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "connectors/kafka/kafka_settings.hpp"
#include "io/address_rule.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using connect::VerifyStep;
using SteadyClock = std::chrono::steady_clock;

constexpr int kConnectTimeoutMs = 3000;
constexpr int kMetadataTimeoutMs = 6000;

using Addresses = Handle<addrinfo, freeaddrinfo>;

template <class Body>
VerifyStep timed(std::string name, Body body) {
  VerifyStep step{.name = std::move(name), .ok = false, .ms = 0, .detail = {}, .hint = {}};
  const auto begin = SteadyClock::now();
  body(step);
  step.ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begin).count();
  return step;
}

Addresses resolve(const Server& server, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found);
  if (error != 0) why = gai_strerror(error);
  return Addresses(found);
}

// An address that may be called; null, and why there is none.
const addrinfo* first_allowed(const addrinfo* found, std::string& why) {
  for (const auto* at = found; at != nullptr; at = at->ai_next) {
    const auto allowed = io::may_call(*at->ai_addr);
    if (allowed) return at;
    why = allowed.error().detail;
  }
  return nullptr;
}

// One TCP connection, opened and closed again.
bool connects(const addrinfo& address, std::string& why) {
  if (const auto allowed = io::may_call(*address.ai_addr); !allowed) {
    why = allowed.error().detail;
    return false;
  }
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    why = std::strerror(errno);
    return false;
  }
  int error = 0;
  if (::connect(socket, address.ai_addr, address.ai_addrlen) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      pollfd ready{.fd = socket, .events = POLLOUT, .revents = 0};
      socklen_t size = sizeof error;
      if (::poll(&ready, 1, kConnectTimeoutMs) != 1) {
        error = ETIMEDOUT;
      } else {
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
      }
    }
  }
  ::close(socket);
  if (error != 0) why = std::strerror(error);
  return error == 0;
}

// Some server of the list must do: a cluster is usable while one of them is.
VerifyStep resolve_step(const std::vector<Server>& servers) {
  return timed("resolve", [&](VerifyStep& step) {
    std::string why;
    for (const auto& server : servers) {
      std::string reason;
      if (first_allowed(resolve(server, reason).get(), reason) != nullptr) {
        step.ok = true;
        continue;
      }
      why += (why.empty() ? "" : "; ") + server.host + ": " + reason;
    }
    step.detail = why;
    if (step.ok)
      step.detail = why.empty() ? "every host name has an address" : "not every host name: " + why;
    if (!step.ok) step.hint = hint_for(RD_KAFKA_RESP_ERR__RESOLVE);
  });
}

VerifyStep connect_step(const std::vector<Server>& servers) {
  return timed("connect", [&](VerifyStep& step) {
    std::string why;
    for (const auto& server : servers) {
      std::string reason;
      const auto addresses = resolve(server, reason);
      for (const auto* at = addresses.get(); at != nullptr && !step.ok; at = at->ai_next)
        step.ok = connects(*at, reason);
      if (step.ok) {
        step.detail = server.host + ":" + server.port + " accepts connections";
        return;
      }
      why += (why.empty() ? "" : "; ") + server.host + ":" + server.port + ": " + reason;
    }
    step.detail = why;
    step.hint = hint_for(RD_KAFKA_RESP_ERR__TRANSPORT);
  });
}

// Records go to the addresses that the brokers tell, not to those of the connection.
VerifyStep metadata_step(const std::vector<Server>& brokers, const std::string& asked) {
  return timed("metadata", [&](VerifyStep& step) {
    for (const auto& broker : brokers) {
      std::string reason;
      const auto addresses = resolve(broker, reason);
      if (!addresses || first_allowed(addresses.get(), reason) != nullptr) continue;
      step.detail = "a broker advertises " + broker.host + ":" + broker.port + ": " + reason;
      step.hint =
          "check advertised.listeners of the brokers, and the setting connect.allowed_networks";
      return;
    }
    step.ok = true;
    step.detail = std::to_string(brokers.size()) + " brokers; asked " + asked;
  });
}

// What the library told while it tried: the last that says more than that it failed.
struct Trouble {
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string detail;
};

std::optional<Trouble> trouble_of(rd_kafka_queue_t* events) {
  std::optional<Trouble> found;
  for (;;) {
    const Event event(rd_kafka_queue_poll(events, 0));
    if (!event) return found;
    if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) continue;
    const auto error = rd_kafka_event_error(event.get());
    const bool says_more = error == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                           error == RD_KAFKA_RESP_ERR__SSL || error == RD_KAFKA_RESP_ERR__RESOLVE;
    if (found && !says_more) continue;
    found = Trouble{error, rd_kafka_event_error_string(event.get())};
    if (says_more) return found;
  }
}

// Logs in and asks who the brokers are: with the library itself, so that what works here works
// there.
void login_steps(const json::object& settings, std::vector<VerifyStep>& steps) {
  Client client;
  Queue events;
  std::optional<Trouble> trouble;
  rd_kafka_resp_err_t outcome = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::vector<Server> brokers;
  std::string asked;
  auto login = timed("authenticate", [&](VerifyStep& step) {
    auto conf = make_conf(client_properties(settings));
    if (conf) rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_ERROR);
    auto made = conf ? make_client(RD_KAFKA_PRODUCER, std::move(*conf))
                     : Result<Client>(tl::unexpected(conf.error()));
    if (!made) {
      step.detail = made.error().detail;
      step.hint = "check security_protocol, certificates and properties of the connection";
      return;
    }
    client = std::move(*made);
    events.reset(rd_kafka_queue_get_main(client.get()));
    const auto deadline = SteadyClock::now() + std::chrono::milliseconds(kMetadataTimeoutMs);
    do {
      const struct rd_kafka_metadata* metadata = nullptr;
      outcome = rd_kafka_metadata(client.get(), 0, nullptr, &metadata, 500);
      if (metadata != nullptr) {
        asked = metadata->orig_broker_name;
        brokers.clear();
        for (int i = 0; i < metadata->broker_cnt; ++i)
          brokers.push_back({metadata->brokers[i].host, std::to_string(metadata->brokers[i].port)});
        rd_kafka_metadata_destroy(metadata);
      }
      trouble = trouble_of(events.get());
    } while (outcome != RD_KAFKA_RESP_ERR_NO_ERROR && !trouble && SteadyClock::now() < deadline);
    step.ok = outcome == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (step.ok) {
      step.detail = "the broker takes our requests";
      return;
    }
    step.detail = trouble ? trouble->detail : rd_kafka_err2str(outcome);
    step.hint = hint_for(trouble ? trouble->error : outcome);
  });
  steps.push_back(std::move(login));
  if (!steps.back().ok) return;
  steps.push_back(metadata_step(brokers, asked));
}

}  // namespace

std::vector<VerifyStep> verify(const json::object& settings) {
  const auto servers = servers_of(settings.at("bootstrap_servers").as_string());
  std::vector<VerifyStep> steps;
  steps.push_back(resolve_step(servers));
  if (steps.back().ok) steps.push_back(connect_step(servers));
  if (steps.back().ok) login_steps(settings, steps);
  return steps;
}

}  // namespace sluice::connectors::kafka
