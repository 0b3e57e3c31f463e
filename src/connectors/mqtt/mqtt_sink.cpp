#include "connectors/mqtt/mqtt_sink.hpp"

#include <algorithm>

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "connect/header_properties.hpp"
#include "mqtt/codec.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connectors::bridge {
namespace {

using connect::Delivery;
using connect::Verdict;
using schema::Type;

constexpr std::size_t kLargestWindow = 1024;
constexpr std::size_t kLargestPacket = 268'435'455 + 5;
constexpr std::size_t kBytesAtOnce = std::size_t{1} << 20;

// Refusals that the same message would meet again.
bool is_of_the_message(wire::ReasonCode reason) {
  switch (reason) {
    case wire::ReasonCode::NotAuthorized:
    case wire::ReasonCode::TopicNameInvalid:
    case wire::ReasonCode::PayloadFormatInvalid:
    case wire::ReasonCode::PacketTooLarge:
      return true;
    default:
      return false;
  }
}

bool says_retain(const connect::Record& record) {
  return std::ranges::any_of(record.headers, [](const auto& header) {
    return header.first == "mqtt.retain" && header.second == "true";
  });
}

std::string properties_of(const connect::Record& record, wire::Version version) {
  std::string encoded;
  if (version != wire::Version::V5) return encoded;
  connect::HeaderProperties headers(encoded, record.value);
  for (const auto& [name, value] : record.headers) headers.add(name, value);
  return encoded;
}

}  // namespace

schema::Fields sink_fields() {
  return {
      {.name = "retain",
       .type = Type::Boolean,
       .help = "Whether that server keeps them as retained messages. Null: as they were published "
               "here, where `map.headers` is `all`, and false otherwise.",
       .nullable = true},
      {.name = "client_id",
       .help = "Who this server is there. Empty: the task's worker and the end of the task's id.",
       .fallback = "",
       .maximum = 1024},
  };
}

std::optional<std::string> why_not_topic(std::string_view topic) {
  if (wire::is_valid_topic_name(topic, 65535) && topic.size() <= 65535) return std::nullopt;
  return "must be a topic name: not empty, no wildcards, UTF-8 text";
}

connect::Placement place(const connect::SinkConfig& config, const connect::Record& record) {
  if (auto why = why_not_topic(record.topic)) return {.problem = "topic: " + *why, .note = {}};
  const auto version =
      config.connection.empty() ? wire::Version::V5 : target_of(config.connection).version;
  const auto properties = properties_of(record, version);
  return {.bytes = wire::encoded_size(version,
                                      {.topic = record.topic,
                                       .payload = record.value,
                                       .qos = wire::Qos::AtLeastOnce,
                                       .packet_id = 1,
                                       .properties = wire::Properties::from_checked(properties)}),
          .problem = {},
          .note = {}};
}

Result<std::unique_ptr<connect::Sink>> MqttSink::make(const connect::SinkConfig& config,
                                                      Callbacks callbacks) {
  std::unique_ptr<MqttSink> sink(new MqttSink(config, std::move(callbacks)));
  if (sink->version_ != wire::Version::V5)
    log::warn(
        "a task sends with MQTT 3.1.1, which cannot say where messages come from: where they lead "
        "back here, they go round for ever",
        {{"task", config.task_id}});
  auto client_id = text_at(config.sink, "client_id");
  if (client_id.empty()) {
    const auto& id = config.task_id;
    client_id = config.client_id + "-" + id.substr(id.size() - std::min<std::size_t>(6, id.size()));
  }
  sink->client_ = std::make_unique<MqttClient>(target_of(config.connection),
                                               Session{.client_id = std::move(client_id)}, *sink);
  sink->client_->start();
  return sink;
}

MqttSink::MqttSink(const connect::SinkConfig& config, Callbacks callbacks)
    : callbacks_(std::move(callbacks)),
      version_(target_of(config.connection).version),
      retain_(config.sink.at("retain").is_bool() ? std::optional(config.sink.at("retain").as_bool())
                                                 : std::nullopt) {}

MqttSink::~MqttSink() {
  if (client_) client_->stop();
}

Result<std::string> MqttSink::on_connected(const wire::Connack& connack, std::uint64_t connection) {
  using wire::PropertyId;
  const auto& properties = connack.properties;
  const std::scoped_lock lock(mutex_);
  connection_ = connection;
  window_ = std::min<std::size_t>(kLargestWindow,
                                  properties.number(PropertyId::ReceiveMaximum).value_or(65535));
  maximum_packet_size_ = properties.number(PropertyId::MaximumPacketSize).value_or(kLargestPacket);
  may_retain_ = properties.number(PropertyId::RetainAvailable).value_or(1) != 0;
  return std::string();
}

// Lost, or there again: what was on its way may have arrived.
void MqttSink::on_change() {
  {
    const std::scoped_lock lock(mutex_);
    if (!client_->away().empty()) {
      connection_ = 0;
      give_back_all(client_->away());
    }
  }
  callbacks_.on_ready();
}

void MqttSink::give_back_all(const std::string& reason) {
  for (const auto& sent : sent_)
    outcomes_.push_back({.token = sent.token,
                         .verdict = Verdict::RetryLater,
                         .maybe_arrived = true,
                         .at_once = false,
                         .reason = reason});
  given_back_ += sent_.size();
  sent_.clear();
}

std::string MqttSink::on_packet(const wire::Packet& packet, std::uint64_t connection) {
  const auto* ack = std::get_if<wire::Ack>(&packet);
  if (ack == nullptr || ack->type != wire::PacketType::Puback)
    return "it sent a packet that nobody asked for";
  std::string problem;
  {
    const std::scoped_lock lock(mutex_);
    if (connection != connection_) return {};
    problem = on_puback(*ack);
  }
  callbacks_.on_ready();
  return problem;
}

// In the order of the PUBLISHes [MQTT-4.6.0-2]; a server that does not keep to it is taken at its
// word for each.
std::string MqttSink::on_puback(const wire::Ack& ack) {
  const auto sent = std::ranges::find(sent_, ack.packet_id, &Sent::packet_id);
  if (sent == sent_.end()) return "it acknowledged what it was not sent";
  const bool is_refused = static_cast<std::uint8_t>(ack.reason) >= 0x80;
  auto reason = is_refused ? "it refuses the message: " + std::string(wire::name_of(ack.reason))
                           : std::string();
  // What follows would overtake it: the connection ends, and all of it comes back.
  if (is_refused && !is_of_the_message(ack.reason)) return reason;
  outcomes_.push_back({.token = sent->token,
                       .verdict = is_refused ? Verdict::Rejected : Verdict::Delivered,
                       .maybe_arrived = false,
                       .at_once = false,
                       .reason = std::move(reason)});
  sent_.erase(sent);
  return {};
}

std::uint16_t MqttSink::next_packet_id() {
  do {
    ++last_packet_id_;
  } while (last_packet_id_ == 0 ||
           std::ranges::find(sent_, last_packet_id_, &Sent::packet_id) != sent_.end());
  return last_packet_id_;
}

std::size_t MqttSink::append(std::string& packets, const connect::Record& record,
                             std::uint16_t packet_id) const {
  const auto properties = properties_of(record, version_);
  const wire::Publish publish{.topic = record.topic,
                              .payload = record.value,
                              .qos = wire::Qos::AtLeastOnce,
                              .retain = retain_.value_or(says_retain(record)) && may_retain_,
                              .dup = false,
                              .packet_id = packet_id,
                              .properties = wire::Properties::from_checked(properties)};
  const auto size = wire::encoded_size(version_, publish);
  if (size <= maximum_packet_size_) wire::encode(packets, version_, publish);
  return size;
}

Result<std::size_t> MqttSink::write(std::span<const connect::Record> records) {
  std::string packets;
  std::size_t taken = 0;
  std::uint64_t connection = 0;
  bool has_outcomes = false;
  {
    const std::scoped_lock lock(mutex_);
    if (connection_ == 0 || given_back_ > 0) return 0;
    connection = connection_;
    while (taken < records.size() && sent_.size() < window_ && packets.size() < kBytesAtOnce) {
      const auto& record = records[taken++];
      std::optional<std::string> why = why_not_topic(record.topic);
      const auto packet_id = next_packet_id();
      if (const auto size = why ? 0 : append(packets, record, packet_id);
          size > maximum_packet_size_)
        why = "its packet has " + std::to_string(size) + " bytes, and that server takes " +
              std::to_string(maximum_packet_size_);
      if (!why) {
        sent_.push_back({record.token, packet_id});
        continue;
      }
      has_outcomes = true;
      outcomes_.push_back({.token = record.token,
                           .verdict = Verdict::Rejected,
                           .maybe_arrived = false,
                           .at_once = false,
                           .reason = std::move(*why)});
    }
  }
  if (!packets.empty()) client_->send(connection, packets);
  if (has_outcomes) callbacks_.on_ready();
  return taken;
}

connect::Sink::Milliseconds MqttSink::collect(std::vector<Delivery>& outcomes) {
  away_shown_ = client_->away();
  const std::scoped_lock lock(mutex_);
  std::ranges::move(outcomes_, std::back_inserter(outcomes));
  outcomes_.clear();
  given_back_ = 0;
  return kNotByItself;
}

// A PUBACK that comes late must not be taken for that of another message: another connection.
void MqttSink::abandon() {
  {
    const std::scoped_lock lock(mutex_);
    if (connection_ == 0) return;
    client_->drop(std::exchange(connection_, 0));
    give_back_all("it was taken back");
  }
  callbacks_.on_ready();
}

}  // namespace sluice::connectors::bridge
