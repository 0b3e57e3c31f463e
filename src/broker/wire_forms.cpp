#include "broker/wire_forms.hpp"

#include "mqtt/codec.hpp"

namespace sluice::broker {
namespace {

// What is left of the time counts down: each client's PUBLISH says something else.
bool counts_down(const model::Message& message) {
  return !message.properties.empty() && mqtt::Properties::from_checked(message.properties)
                                            .number(mqtt::PropertyId::MessageExpiryInterval)
                                            .has_value();
}

}  // namespace

void WireForms::begin(const store::Batch& batch, std::size_t first, std::size_t end) {
  batch_ = &batch;
  first_ = first;
  end_ = end;
  for (std::size_t i = 0; used_ >> i != 0; ++i) {
    variants_[i].bytes.clear();
    variants_[i].places.clear();
    variants_[i].is_complete = true;
  }
  used_ = 0;
}

void WireForms::add(Variant& variant, const model::Message& message, mqtt::Version version,
                    mqtt::Qos qos, bool retain) {
  if (counts_down(message)) {
    variant.places.push_back({variant.bytes.size(), 0});
    variant.is_complete = false;
    return;
  }
  const std::size_t begin = variant.bytes.size();
  mqtt::encode(variant.bytes, version,
               mqtt::Publish{.topic = message.topic,
                             .payload = message.payload,
                             .qos = qos,
                             .retain = retain,
                             .dup = false,
                             .packet_id = 0,
                             .properties = mqtt::Properties::from_checked(message.properties)});
  std::size_t packet_id_at = 0;
  if (qos != mqtt::Qos::AtMostOnce) {
    const std::size_t size = variant.bytes.size() - begin;
    packet_id_at = mqtt::fixed_header_size(size) + 2 + message.topic.size();
  }
  variant.places.push_back({variant.bytes.size(), packet_id_at});
}

}  // namespace sluice::broker
