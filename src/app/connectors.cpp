#include "app/connectors.hpp"

#include "connectors/kafka/kafka.hpp"

namespace sluice::app {

void register_connectors(connect::Registry& registry) {
  connectors::register_kafka(registry);
}

}  // namespace sluice::app
