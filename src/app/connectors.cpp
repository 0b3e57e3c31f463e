#include "app/connectors.hpp"

#include "connectors/file/file.hpp"
#include "connectors/http/http.hpp"
#include "connectors/kafka/kafka.hpp"
#include "connectors/mqtt/mqtt.hpp"

namespace sluice::app {

void register_connectors(connect::Registry& registry) {
  connectors::register_file(registry);
  connectors::register_http(registry);
  connectors::register_kafka(registry);
  connectors::register_mqtt(registry);
}

}  // namespace sluice::app
