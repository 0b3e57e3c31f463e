#include "broker/memory_bounds.hpp"

#include <utility>

namespace sluice::broker {

std::shared_ptr<const void> MemoryBound::hold(std::uint64_t bytes) {
  add(bytes);
  return {static_cast<const void*>(this),
          [self = shared_from_this(), bytes](const void*) { self->take_away(bytes); }};
}

MemoryBounds::MemoryBounds(metrics::Registry& registry, MemoryBoundPtr retained) {
  const auto show = [&](const char* kind, const MemoryBoundPtr& bound) {
    registry.observe({.name = "sluice_client_memory_bytes",
                      .help = "What clients make the server keep in memory, by kind: the packets "
                              "that have not come whole of those who have logged in and of "
                              "strangers, topic aliases, what sessions are called and "
                              "subscribed to, wills, retained messages. "
                              "mqtt.strangers_bytes and its like are the bounds.",
                      .kind = metrics::Kind::Gauge,
                      .labels = {"kind"}},
                     {{"kind", kind}}, [bound] { return static_cast<double>(bound->bytes()); });
    registry.observe({.name = "sluice_client_memory_refused_total",
                      .help = "How often something was refused because its kind had no room.",
                      .kind = metrics::Kind::Counter,
                      .labels = {"kind"}},
                     {{"kind", kind}}, [bound] { return static_cast<double>(bound->refused()); });
  };
  show("strangers", strangers);
  show("packets", packets);
  show("aliases", aliases);
  show("sessions", sessions);
  show("wills", wills);
  show("retained", retained);
}

}  // namespace sluice::broker
