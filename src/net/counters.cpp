#include "net/counters.hpp"

namespace sluice::net {

namespace {

metrics::Declaration handshakes() {
  return {.name = "sluice_tls_handshakes_total",
          .help =
              "TLS handshakes of MQTT clients by outcome: `full`, `resumed` with a ticket, or "
              "`failed`; also connections that a TLS error ended later.",
          .kind = metrics::Kind::Counter,
          .labels = {"outcome"}};
}

}  // namespace

Counters::Counters(metrics::Registry& registry)
    : tls_full(registry.counter(handshakes(), {{"outcome", "full"}})),
      tls_resumed(registry.counter(handshakes(), {{"outcome", "resumed"}})),
      tls_failed(registry.counter(handshakes(), {{"outcome", "failed"}})),
      web_socket_failed(registry.counter(
          {.name = "sluice_websocket_failures_total",
           .help = "WebSocket connections of MQTT clients that were refused, or ended because a "
                   "frame broke a rule."})),
      proxy_failed(registry.counter(
          {.name = "sluice_proxy_header_failures_total",
           .help = "Connections of known proxies that did not begin with a header of the PROXY "
                   "protocol."})) {}

}  // namespace sluice::net
