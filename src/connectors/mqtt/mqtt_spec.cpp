// What a connection to an outside MQTT server may say, and tasks over it.
#include "base/json_text.hpp"
#include "connectors/mqtt/mqtt.hpp"
#include "connectors/mqtt/mqtt_session.hpp"
#include "connectors/mqtt/mqtt_sink.hpp"
#include "connectors/mqtt/mqtt_source.hpp"

namespace sluice::connectors {

void register_mqtt(connect::Registry& registry) {
  connect::Connector connector;
  connector.name = "mqtt";
  connector.summary = "Publishes at an outside MQTT server, and brings in what is published there.";
  connector.connection_fields = bridge::connection_fields();
  connector.sink_fields = bridge::sink_fields();
  connector.notes_origins = true;
  connector.why_no_letters = [](const boost::json::object& settings) -> std::string {
    if (bridge::target_of(settings).version == bridge::wire::Version::V5) return {};
    return "must be a connection of `version` 5: MQTT 3.1.1 has no properties, which say why a "
           "letter is one and where it comes from";
  };
  connector.check_connection = bridge::check_settings;
  connector.check_change = bridge::check_change;
  connector.why_not_topic = bridge::why_not_topic;
  connector.bound_resource = [](const boost::json::object& settings) {
    return bridge::target_of(settings).place();
  };
  connector.verify = bridge::verify;
  connector.place = bridge::place;
  connector.make_sink = bridge::MqttSink::make;
  connector.source_fields = bridge::source_fields();
  connector.check_source = bridge::check_source;
  connector.make_source = bridge::MqttSource::make;
  connector.left_behind = bridge::left_behind;
  connector.leave_source = bridge::end_session;
  registry.add(std::move(connector));
}

}  // namespace sluice::connectors
