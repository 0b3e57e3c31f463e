#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect/message_fields.hpp"

namespace sluice::connect {

// A message as a CloudEvent 1.0: what it is to receivers that know neither MQTT nor us.
//
// id: the message id. source: `/mqtt/` and the node's name. type: `mqtt.publish`. subject: the
// topic. time: the store timestamp. Extensions: `mqttclientid`, `mqttqos`, `mqttretain`,
// `partitionkey`, and the publisher's `traceparent` and `tracestate`.
class CloudEvent {
 public:
  using Headers = std::vector<std::pair<std::string_view, std::string_view>>;
  static constexpr std::string_view kStructured = "application/cloudevents+json; charset=UTF-8";

  CloudEvent(MessageFields& fields, std::optional<std::string_view> key)
      : fields_(fields), key_(key) {}

  // One JSON object; the payload stands in `data` as JSON where it is JSON, as text where it says
  // that it is text, and otherwise in `data_base64`.
  void append_structured(std::string& out);
  // Kafka's binary mode: `ce_` headers beside a value that is not touched.
  void add_headers(Headers& headers);

 private:
  struct Attribute {
    std::string_view name, value;
  };
  [[nodiscard]] std::vector<Attribute> attributes();
  [[nodiscard]] std::optional<std::string_view> content_type() const;
  [[nodiscard]] bool is_json(std::optional<std::string_view> content_type);
  void append_data(std::string& out);

  MessageFields& fields_;
  std::optional<std::string_view> key_;
};

}  // namespace sluice::connect
