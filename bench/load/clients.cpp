#include "load/clients.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace sluice::load {
namespace {

mqtt::Version version_of(const Options& options) {
  return options.v5 ? mqtt::Version::V5 : mqtt::Version::V311;
}

}  // namespace

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

mqtt::Connect connect_of(const Options& options, const std::string& client_id) {
  mqtt::Connect connect;
  connect.version = version_of(options);
  connect.client_id = client_id;
  if (!options.username.empty()) {
    connect.username = options.username;
    connect.password = options.password;
  }
  return connect;
}

mqtt::Connect persistent_connect_of(const Options& options, const std::string& client_id) {
  static const std::string kOneHour = [] {
    std::string properties;
    mqtt::PropertyWriter(properties).number(mqtt::PropertyId::SessionExpiryInterval, 3600);
    return properties;
  }();
  auto connect = connect_of(options, client_id);
  connect.clean_start = false;
  if (options.v5) connect.properties = mqtt::Properties::from_checked(kOneHour);
  return connect;
}

void forget_session(const Options& options, const std::string& client_id) {
  Connection connection(options.host, options.port);
  connection.log_in(connect_of(options, client_id));
  connection.log_out();
}

Publisher::Publisher(const Options& options, Totals& totals, std::size_t number)
    : Client(options, totals),
      options_(options),
      number_(static_cast<std::uint32_t>(number)),
      due_of_(options.qos == 0 ? 0 : 65536) {
  const auto client_id = "load-p" + std::to_string(number);
  connection.log_in(connect_of(options, client_id));
  const auto topic = options.topic + "/" + std::to_string(number);
  const std::string payload(options.size, 'x');
  mqtt::encode(bytes_, connection.version(),
               mqtt::Publish{.topic = topic,
                             .payload = payload,
                             .qos = static_cast<mqtt::Qos>(options.qos),
                             .packet_id = static_cast<std::uint16_t>(options.qos == 0 ? 0 : 1),
                             .properties = {}});
  stamp_at_ = bytes_.size() - payload.size();
  id_at_ = stamp_at_ - (options.v5 ? 1 : 0) - 2;
}

void Publisher::on_readable() {
  connection.receive([this](const mqtt::Frame& frame) {
    if (frame.type != mqtt::PacketType::Puback) {
      throw std::runtime_error("a publisher got something other than PUBACK");
    }
    const auto ack = mqtt::decode_ack(connection.version(), frame.type, frame.body);
    if (!ack) throw std::runtime_error("malformed PUBACK");
    --in_flight_;
    ++totals().acknowledged;
    if (static_cast<std::uint8_t>(ack->reason) >= 0x80) ++totals().refused;
    totals().to_puback.add(now_ns() - due_of_[ack->packet_id]);
  });
}

std::size_t Publisher::room() const {
  if (connection.has_output()) return 0;
  return options_.qos == 0 ? options_.batch : options_.window - in_flight_;
}

void Publisher::append(std::uint64_t due_ns) {
  auto& out = connection.output();
  const auto begin = out.size();
  out += bytes_;
  const Stamp stamp{.due_ns = due_ns, .sequence = sequence_++, .publisher = number_};
  std::memcpy(out.data() + begin + stamp_at_, &stamp, sizeof stamp);
  ++totals().sent;
  if (options_.qos == 0) return;
  next_id_ = static_cast<std::uint16_t>(next_id_ == 65535 ? 1 : next_id_ + 1);
  out[begin + id_at_] = static_cast<char>(next_id_ >> 8);
  out[begin + id_at_ + 1] = static_cast<char>(next_id_ & 0xFF);
  due_of_[next_id_] = due_ns;
  ++in_flight_;
}

void Publisher::send(std::size_t count, std::uint64_t due_ns) {
  for (std::size_t number = 0; number < count; ++number) append(due_ns);
  connection.flush();
}

void Publisher::owe(std::uint64_t due_ns, std::size_t count) {
  owed_.insert(owed_.end(), count, due_ns);
}

void Publisher::send_owed() {
  while (owed() > 0) {
    const auto count = std::min({owed(), room(), options_.batch});
    if (count == 0) return;
    for (std::size_t number = 0; number < count; ++number) append(owed_[paid_++]);
    connection.flush();
  }
  owed_.clear();
  paid_ = 0;
}

Subscriber::Subscriber(const Options& options, Totals& totals, const std::string& client_id,
                       const std::string& filter)
    : Client(options, totals),
      ordered_(options.group.empty()),
      next_(ordered_ ? options.publishers : 0) {
  connection.log_in(options.persistent ? persistent_connect_of(options, client_id)
                                       : connect_of(options, client_id));
  if (!filter.empty()) connection.subscribe(filter, static_cast<mqtt::Qos>(options.qos));
}

void Subscriber::on_readable() {
  connection.receive([this](const mqtt::Frame& frame) {
    if (frame.type != mqtt::PacketType::Publish) return;
    const auto publish =
        mqtt::decode_publish(connection.version(), mqtt::Sender::Server, frame.flags, frame.body);
    if (!publish) throw std::runtime_error("malformed PUBLISH");
    Stamp stamp;
    if (publish->payload.size() < sizeof stamp) throw std::runtime_error("a foreign message");
    std::memcpy(&stamp, publish->payload.data(), sizeof stamp);
    count(stamp);
    if (publish->qos == mqtt::Qos::AtLeastOnce) {
      mqtt::encode(
          connection.output(), connection.version(),
          mqtt::Ack{
              .type = mqtt::PacketType::Puback, .packet_id = publish->packet_id, .properties = {}});
    }
  });
}

void Subscriber::count(const Stamp& stamp) {
  ++totals().received;
  totals().to_delivery.add(now_ns() - stamp.due_ns);
  if (!ordered_) return;
  auto& next = next_.at(stamp.publisher);
  if (stamp.sequence < next) {
    ++totals().repeats;
    return;
  }
  totals().gaps += stamp.sequence - next;
  next = stamp.sequence + 1;
}

}  // namespace sluice::load
