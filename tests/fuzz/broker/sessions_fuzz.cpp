// Two clients do whatever the input says, in any order, while the server crashes whenever it says;
// a third, the canary, must be served as if they were not there: what it publishes is acknowledged
// and comes back once, its session is never forgotten. What the two are sent is well formed, no
// packet id of theirs is in use twice, and their Receive Maximum is kept.
//
// The input is a list of steps: a byte that names client and action, then what the action takes.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "base/log.hpp"
#include "mqtt/codec.hpp"
#include "unit/broker/scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PacketType;
using sluice::test::MemoryStore;

constexpr std::string_view kCanary = "canary";
constexpr std::size_t kMaximumPacket = 1 << 16;
constexpr std::array<std::string_view, 2> kNames = {"a", "b"};
constexpr std::array<std::string_view, 8> kTopics = {"t",      "t/1",   "canary/x", "$delayed/1/t",
                                                     "$SYS/t", "u/v/w", "t/",       "$share/g/t"};
constexpr std::array<std::string_view, 10> kFilters = {
    "t",          "t/+",   "#",      "canary/+", "$share/g/t/#",
    "$share/h/#", "u/v/w", "$SYS/#", "+/+",      "$share//t"};

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}
  [[nodiscard]] bool is_empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view bytes() {
    const auto size = std::min<std::size_t>(byte(), rest_.size());
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  template <std::size_t kSize>
  std::string_view one_of(const std::array<std::string_view, kSize>& all) {
    return all[byte() % kSize];
  }

 private:
  std::string_view rest_;
};

// One network connection after the other, as net would hand its bytes to the broker.
class Peer {
 public:
  void feed(BrokerUnderTest& server, std::string_view bytes) {
    if (!connection_) open(server);
    // A copy of exactly this size: reading past it is seen.
    const auto copy = std::make_unique<char[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.get());
    std::string_view rest(copy.get(), bytes.size());
    while (!rest.empty() && !link_->closed && !link_->held) {
      const auto version = connection_->version();
      const auto frame = mqtt::next_frame(rest, kMaximumPacket, version);
      if (!frame) {
        connection_->on_malformed(frame.error());
        break;
      }
      if (!*frame) break;  // the rest of it never comes
      if (is_canary(**frame)) break;
      note_answer(**frame, version);
      connection_->on_packet(**frame);
      rest.remove_prefix((*frame)->size);
    }
    if (link_->closed) drop();
  }
  template <class Packet>
  void send(BrokerUnderTest& server, const Packet& packet) {
    if (!connection_) open(server);
    std::string bytes;
    mqtt::encode(bytes, connection_->version(), packet);
    feed(server, bytes);
  }
  // A second CONNECT on the same connection, which is an error, promises nothing.
  void connect(BrokerUnderTest& server, const mqtt::Connect& packet,
               std::uint16_t receive_maximum) {
    const bool is_first = !connection_;
    std::string bytes;
    mqtt::encode(bytes, packet);
    feed(server, bytes);
    if (is_first && connection_ && receive_maximum > 0) receive_maximum_ = receive_maximum;
  }
  void drop() {
    look_at_output();
    if (!connection_) return;
    connection_->on_closed();
    forget();
  }
  void forget() {  // what a crash leaves of it
    connection_.reset();
    link_.reset();
  }
  void be_slow(bool slow) {
    if (link_) link_->stuck = slow ? std::size_t{2} << 20 : 0;
    if (connection_ && !slow) connection_->on_output_drained();
  }
  // Every packet that it was sent is one.
  void look_at_output() {
    if (!link_) return;
    std::string_view rest = link_->sent;
    while (!rest.empty()) {
      const auto frame = mqtt::next_frame(rest, std::size_t{1} << 28);
      SL_CHECK(frame && *frame);
      const auto packet = mqtt::decode(connection_->version(), mqtt::Sender::Server, **frame);
      SL_CHECK(packet.has_value());
      if (const auto* publish = std::get_if<mqtt::Publish>(&*packet); publish != nullptr)
        note_delivery(*publish);
      rest.remove_prefix((*frame)->size);
    }
    link_->sent.clear();
    if (link_->closed) {
      connection_->on_closed();
      forget();
    }
  }

 private:
  void open(BrokerUnderTest& server) {
    link_ = std::make_shared<ScriptedClient::TestLink>();
    connection_ = std::make_shared<ClientConnection>(server.broker.worker(0), link_, "192.0.2.1",
                                                     ListenerName("tcp"));
    connection_->start();
    in_flight_.clear();
    receive_maximum_ = 65535;
  }
  static bool is_canary(const mqtt::Frame& frame) {
    if (frame.type != PacketType::Connect) return false;
    const auto connect = mqtt::decode_connect(frame.body);
    return connect && connect->client_id == kCanary;
  }
  void note_answer(const mqtt::Frame& frame, mqtt::Version version) {
    if (frame.type < PacketType::Puback || frame.type > PacketType::Pubcomp) return;
    const auto ack = mqtt::decode_ack(version, frame.type, frame.body);
    if (!ack || ack->type == PacketType::Pubrel) return;
    const bool is_refusal = ack->reason >= mqtt::ReasonCode::UnspecifiedError;
    if (ack->type != PacketType::Pubrec || is_refusal) in_flight_.erase(ack->packet_id);
  }
  void note_delivery(const mqtt::Publish& publish) {
    if (publish.qos == mqtt::Qos::AtMostOnce) return;
    SL_CHECK(publish.packet_id != 0);
    SL_CHECK(in_flight_.insert(publish.packet_id).second);
    SL_CHECK(in_flight_.size() <= receive_maximum_);
  }

  std::shared_ptr<ScriptedClient::TestLink> link_;
  std::shared_ptr<ClientConnection> connection_;  // null: it has none
  std::set<std::uint16_t> in_flight_;             // what it was sent and has not answered
  std::size_t receive_maximum_ = 65535;
};

class Play {
 public:
  Play() { start(); }

  void step(Input& input) {
    const auto what = input.byte();
    auto& peer = peers_[what >> 7];
    switch ((what & 0x7f) % 14) {
      case 0:
        return connect(peer, input);
      case 1:
        return raw_packet(peer, input);
      case 2:
        return subscribe(peer, input);
      case 3:
        return peer.send(*server_, mqtt::Unsubscribe{.packet_id = input.byte(),
                                                     .properties = {},
                                                     .filters = {input.one_of(kFilters)}});
      case 4:
        return publish(peer, input);
      case 5:
        return acknowledge(peer, input);
      case 6:
        return peer.send(*server_,
                         mqtt::Disconnect{.reason = static_cast<mqtt::ReasonCode>(input.byte()),
                                          .properties = {}});
      case 7:
        return peer.drop();
      case 8:
        return server_->turn();
      case 9:
        return server_->make_durable();
      case 10:
        return peer.feed(*server_, std::string_view("\xc0\0", 2));  // PINGREQ
      case 11:
        return crash();
      case 12:
        return peer.be_slow((input.byte() & 1) != 0);
      default:
        return peer.feed(*server_, input.bytes());
    }
  }

  void check() {
    for (auto& peer : peers_) peer.look_at_output();
    const auto text = std::to_string(++published_);
    canary_->publish("canary/c", text, mqtt::Qos::AtLeastOnce, 1);
    server_->turn();
    server_->make_durable();
    SL_CHECK(!canary_->link->closed);
    const auto acks = canary_->take<mqtt::Ack>();
    SL_CHECK(acks.size() == 1 && acks[0].type == PacketType::Puback);
    SL_CHECK(acks[0].reason == mqtt::ReasonCode::Success);
    const auto& came = take_deliveries();
    SL_CHECK(std::ranges::count(came, text) == 1);
    for (auto& peer : peers_) peer.look_at_output();
  }

 private:
  void start() {
    server_ = std::make_unique<BrokerUnderTest>(store_);
    SL_CHECK(server_->broker.load().has_value());
    canary_ = std::make_shared<ScriptedClient>(*server_);
    const auto answer = canary_->connect(kCanary, false, kLong);
    SL_CHECK(answer.reason == mqtt::ReasonCode::Success);
    SL_CHECK(answer.session_present == was_there_);
    if (!std::exchange(was_there_, true)) {
      const auto granted = canary_->subscribe("canary/+", mqtt::Qos::AtLeastOnce);
      SL_CHECK(granted.size() == 1 && granted[0] == mqtt::ReasonCode::GrantedQos1);
    }
    take_deliveries();
  }

  void crash() {
    for (auto& peer : peers_) peer.forget();
    canary_.reset();
    server_.reset();
    store_.crash();
    start();
  }

  // Takes all that waits for the canary, which acknowledges it.
  const std::vector<std::string>& take_deliveries() {
    deliveries_.clear();
    for (;;) {
      const auto publishes = canary_->take<mqtt::Publish>();
      if (publishes.empty()) return deliveries_;
      for (const auto& publish : publishes) {
        deliveries_.emplace_back(publish.payload);
        if (publish.qos == mqtt::Qos::AtLeastOnce)
          canary_->ack(PacketType::Puback, publish.packet_id);
      }
      server_->turn();
      server_->make_durable();
    }
  }

  void connect(Peer& peer, Input& input) {
    const auto how = input.byte();
    const auto more = input.byte();
    std::string properties;
    mqtt::PropertyWriter writer(properties);
    mqtt::Connect packet;
    packet.version = std::array{mqtt::Version::V5, mqtt::Version::V311, mqtt::Version::V31,
                                mqtt::Version::V5}[how & 3];
    packet.clean_start = (how & 4) != 0;
    packet.client_id = kNames[(how >> 3) & 1];
    std::uint16_t receive_maximum = 0;
    if (packet.version == mqtt::Version::V5) {
      if ((how & 16) != 0)
        writer.number(mqtt::PropertyId::SessionExpiryInterval, (how & 32) != 0 ? kLong : 0);
      if ((how & 64) != 0) receive_maximum = static_cast<std::uint16_t>(1 + (more & 3));
      if (receive_maximum > 0) writer.number(mqtt::PropertyId::ReceiveMaximum, receive_maximum);
      if ((how & 128) != 0) writer.number(mqtt::PropertyId::TopicAliasMaximum, more >> 4);
      if ((more & 4) != 0) writer.number(mqtt::PropertyId::MaximumPacketSize, 40);
    }
    packet.properties = mqtt::Properties::from_checked(properties);
    if ((more & 8) != 0)
      packet.will = mqtt::Will{.topic = input.one_of(kTopics),
                               .payload = "gone",
                               .qos = static_cast<mqtt::Qos>((more >> 4) % 3),
                               .retain = (more & 128) != 0,
                               .properties = {}};
    peer.connect(*server_, packet, receive_maximum);
  }

  void raw_packet(Peer& peer, Input& input) {
    std::string bytes(1, static_cast<char>(input.byte()));
    const auto body = input.bytes();
    auto length = body.size();
    do {
      bytes += static_cast<char>((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
      length >>= 7;
    } while (length > 0);
    peer.feed(*server_, bytes.append(body));
  }

  void subscribe(Peer& peer, Input& input) {
    const auto how = input.byte();
    std::string properties;
    mqtt::PropertyWriter writer(properties);
    if ((how & 128) != 0) writer.number(mqtt::PropertyId::SubscriptionIdentifier, 1 + (how & 7));
    mqtt::Subscribe packet;
    packet.packet_id = 1;
    packet.properties = mqtt::Properties::from_checked(properties);
    mqtt::SubscriptionRequest wanted{.filter = input.one_of(kFilters),
                                     .qos = static_cast<mqtt::Qos>(how % 3)};
    wanted.no_local = (how & 16) != 0;
    wanted.retain_as_published = (how & 32) != 0;
    packet.subscriptions.push_back(wanted);
    peer.send(*server_, packet);
  }

  void publish(Peer& peer, Input& input) {
    const auto how = input.byte();
    mqtt::Publish packet;
    packet.topic = input.one_of(kTopics);
    packet.payload = input.bytes();
    packet.qos = static_cast<mqtt::Qos>(how % 3);
    packet.dup = packet.qos != mqtt::Qos::AtMostOnce && (how & 64) != 0;
    packet.retain = (how & 128) != 0;
    if (packet.qos != mqtt::Qos::AtMostOnce)
      packet.packet_id = static_cast<std::uint16_t>(1 + ((how >> 3) & 7));
    peer.send(*server_, packet);
  }

  void acknowledge(Peer& peer, Input& input) {
    const auto how = input.byte();
    const auto type = static_cast<std::uint8_t>(PacketType::Puback) + (how & 3);
    peer.send(*server_, mqtt::Ack{.type = static_cast<PacketType>(type),
                                  .packet_id = static_cast<std::uint16_t>(1 + ((how >> 2) & 15)),
                                  .reason = (how & 128) != 0 ? mqtt::ReasonCode::UnspecifiedError
                                                             : mqtt::ReasonCode::Success,
                                  .properties = {}});
  }

  MemoryStore store_{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server_;
  std::shared_ptr<ScriptedClient> canary_;
  std::array<Peer, 2> peers_;
  std::vector<std::string> deliveries_;
  std::uint64_t published_ = 0;
  bool was_there_ = false;
};

}  // namespace
}  // namespace sluice::broker::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::broker::test;
  static constexpr int kCheckEvery = 16;
  static constexpr int kMostSteps = 400;
  sluice::log::set_level(sluice::log::Level::Error);
  Input input(data, size);
  Play play;
  for (int i = 1; i <= kMostSteps && !input.is_empty(); ++i) {
    play.step(input);
    if (i % kCheckEvery == 0) play.check();
  }
  play.check();
  return 0;
}
