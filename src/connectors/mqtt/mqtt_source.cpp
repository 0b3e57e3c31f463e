#include "connectors/mqtt/mqtt_source.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

#include "base/clock.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "mqtt/codec.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connectors::bridge {
namespace {

namespace json = boost::json;
using schema::Type;

constexpr std::uint16_t kSubscribeId = 1;
constexpr std::size_t kMostWaiting = 16'384;  // of one that has no window: QoS 0, and MQTT 3.1.1

std::string group_of(const connect::SourceConfig& config) {
  auto group = text_at(config.source, "group");
  return group.empty() ? config.group : group;
}

Session session_of(const connect::SourceConfig& config) {
  const auto& source = config.source;
  auto client_id = text_at(source, "client_id");
  const std::chrono::milliseconds expiry(source.at("session_expiry").as_int64());
  return {
      .client_id = client_id.empty() ? config.member : std::move(client_id),
      .is_clean = false,
      .expiry = std::chrono::duration_cast<std::chrono::seconds>(expiry),
      .receive_maximum = static_cast<std::uint16_t>(source.at("receive_maximum").as_int64()),
      .maximum_packet_size = static_cast<std::size_t>(source.at("maximum_packet_size").as_int64())};
}

std::vector<std::string> subscriptions_of(const connect::SourceConfig& config) {
  const auto prefix =
      config.source.at("shared").as_bool() ? "$share/" + group_of(config) + "/" : std::string();
  std::vector<std::string> subscriptions;
  for (const auto& filter : config.source.at("filters").as_array())
    subscriptions.push_back(prefix + std::string(filter.as_string()));
  return subscriptions;
}

// What is of this server's connection there, and no property of the message.
std::string kept_properties(const wire::Properties& given) {
  std::string kept;
  wire::PropertyWriter writer(kept);
  for (auto it = given.begin(); it != given.end(); ++it) {
    if (it->id != wire::PropertyId::SubscriptionIdentifier &&
        it->id != wire::PropertyId::TopicAlias)
      writer.raw(it->encoded);
  }
  return kept;
}

}  // namespace

schema::Fields source_fields() {
  return {
      {.name = "filters",
       .type = Type::TextList,
       .help = "Topic filters at that server.",
       .required = true,
       .minimum = 1,
       .maximum = 64},
      {.name = "qos",
       .type = Type::Integer,
       .help = "Of the subscriptions. 0: what is on its way when a connection breaks is lost.",
       .fallback = 1,
       .minimum = 0,
       .maximum = 1},
      {.name = "shared",
       .type = Type::Boolean,
       .help = "Whether it subscribes as a member of a group, so that several servers can share "
               "the messages.",
       .fallback = true},
      {.name = "group",
       .help = "The group's name. Empty: `group-<connection>-<task>`.",
       .fallback = "",
       .maximum = 249},
      {.name = "acknowledge",
       .type = Type::Choice,
       .help =
           "When the server there is told: once a message is durable here, or once the tasks in "
           "`delivered_by` have delivered it.",
       .fallback = "appended",
       .choices = {"appended", "delivered"}},
      {.name = "delivered_by",
       .type = Type::TextList,
       .help = "With `delivered`: names or ids of tasks from this server's log. What a task's "
               "filters do not match it need not deliver.",
       .fallback = json::array(),
       .maximum = 16},
      {.name = "client_id",
       .help = "Who this server is there, always the same. Empty: `sluice-<node>-<task id>`.",
       .fallback = "",
       .maximum = 1024},
      {.name = "session_expiry",
       .type = Type::Duration,
       .help = "How long that server keeps messages while nobody reads them (MQTT 5; with 3.1.1 as "
               "long as it likes).",
       .fallback = "7d",
       .minimum = 1000,
       .maximum = std::int64_t{4'294'967'294} * 1000},
      {.name = "receive_maximum",
       .type = Type::Integer,
       .help = "How many may be on their way and not acknowledged (MQTT 5).",
       .fallback = 1024,
       .minimum = 1,
       .maximum = 65535},
      {.name = "maximum_packet_size",
       .type = Type::Bytes,
       .help = "What is larger is not asked for (MQTT 5), or ends the connection.",
       .fallback = 16 << 20,
       .minimum = 1024,
       .maximum = 268'435'455},
      {.name = "buffer_bytes",
       .type = Type::Bytes,
       .help = "Memory for messages that have come and wait: then no more are read.",
       .fallback = 16 << 20,
       .minimum = 64 << 10,
       .maximum = std::int64_t{1} << 30},
  };
}

void check_source(const json::object& source, std::vector<schema::Problem>& problems) {
  std::size_t index = 0;
  for (const auto& filter : source.at("filters").as_array()) {
    const std::string_view text = filter.as_string();
    const auto pointer = "/source/filters/" + std::to_string(index++);
    if (text.starts_with("$share/"))
      problems.push_back({pointer, "must be a filter without $share: see `shared` and `group`"});
    else if (text.size() > 65000 || !wire::is_valid_topic_filter(text))
      problems.push_back({pointer, "must be a topic filter, such as `plant/+/telemetry`"});
  }
  const auto group = text_at(source, "group");
  if (group.find_first_of("/+#") != std::string::npos || !wire::is_valid_utf8(group))
    problems.push_back({"/source/group", "must not have `/`, `+` or `#` in it"});
  if (const auto id = text_at(source, "client_id"); !wire::is_valid_utf8(id))
    problems.push_back({"/source/client_id", "must be UTF-8 text"});
}

std::string left_behind(const connect::SourceConfig& config, std::string_view note) {
  const auto kept = SessionNote::from_text(note);
  if (kept.client_id.empty() || (kept.client_id == session_of(config).client_id &&
                                 kept.server == target_of(config.connection).place()))
    return {};
  return "the session `" + kept.client_id + "` at " + kept.server +
         " with what waits in it, which that server does not tell; it comes when the task has its "
         "former `client_id` and connection again";
}

Result<std::unique_ptr<connect::Source>> MqttSource::make(const connect::SourceConfig& config,
                                                          Callbacks callbacks) {
  std::unique_ptr<MqttSource> source(new MqttSource(config, std::move(callbacks)));
  source->client_ =
      std::make_unique<MqttClient>(target_of(config.connection), session_of(config), *source);
  source->client_->start();
  return source;
}

MqttSource::MqttSource(const connect::SourceConfig& config, Callbacks callbacks)
    : callbacks_(std::move(callbacks)),
      version_(target_of(config.connection).version),
      qos_(static_cast<wire::Qos>(config.source.at("qos").as_int64())),
      is_shared_(config.source.at("shared").as_bool()),
      buffer_bytes_(static_cast<std::size_t>(config.source.at("buffer_bytes").as_int64())),
      window_(static_cast<std::size_t>(config.source.at("receive_maximum").as_int64())),
      subscriptions_(subscriptions_of(config)),
      mine_{.server = target_of(config.connection).place(),
            .client_id = session_of(config).client_id,
            .subscriptions = subscriptions_},
      kept_(SessionNote::from_text(config.note)) {
  for (const auto& filter : config.source.at("filters").as_array())
    filters_.emplace_back(filter.as_string());
}

MqttSource::~MqttSource() {
  if (client_) client_->stop();
}

// Again on each connection: it changes nothing where it is so already, but that MQTT 3.1.1 sends
// retained messages anew. So there only where it may be news.
Result<std::string> MqttSource::on_connected(const wire::Connack& connack,
                                             std::uint64_t connection) {
  if (!connack.session_present && has_subscribed_)
    log::warn("an outside MQTT server has forgotten a session: what came there meanwhile is lost",
              {{"filter", filters_.front()}});
  SL_TRY_VOID(begin_leaving(connack.session_present));
  {
    const std::scoped_lock lock(mutex_);
    open_ = 0;
    open_on_ = connection;
  }
  const bool is_known = connack.session_present && has_subscribed_;
  if (is_known && version_ != wire::Version::V5) {
    note_subscribed(connection);
    return std::string();
  }
  wire::Subscribe subscribe{.packet_id = kSubscribeId, .properties = {}, .subscriptions = {}};
  for (const auto& filter : subscriptions_)
    subscribe.subscriptions.push_back(
        {.filter = filter,
         .qos = qos_,
         .no_local = !is_shared_ && version_ == wire::Version::V5,
         .retain_as_published = version_ == wire::Version::V5,
         .retain_handling = static_cast<std::uint8_t>(version_ == wire::Version::V5 ? 1 : 0)});
  std::string packet;
  wire::encode(packet, version_, subscribe);
  return packet;
}

std::string MqttSource::on_packet(const wire::Packet& packet, std::uint64_t connection) {
  if (const auto* publish = std::get_if<wire::Publish>(&packet))
    return on_publish(*publish, connection);
  if (const auto* suback = std::get_if<wire::Suback>(&packet)) {
    auto problem = on_suback(*suback);
    has_subscribed_ = problem.empty();
    if (has_subscribed_) note_subscribed(connection);
    return problem;
  }
  if (const auto* unsuback = std::get_if<wire::Unsuback>(&packet)) return on_unsuback(*unsuback);
  return "it sent a packet that nobody asked for";
}

std::string MqttSource::on_suback(const wire::Suback& suback) const {
  if (suback.packet_id != kSubscribeId || suback.reasons.size() != subscriptions_.size())
    return "its SUBACK is for something else";
  for (std::size_t i = 0; i < subscriptions_.size(); ++i) {
    const auto reason = suback.reasons[i];
    if (static_cast<std::uint8_t>(reason) >= 0x80)
      return "it refuses the subscription to " + subscriptions_[i] + ": " +
             std::string(wire::name_of(reason)) +
             "; allow it there, or correct /source/filters or /source/shared";
    if (static_cast<std::uint8_t>(reason) < static_cast<std::uint8_t>(qos_))
      return "it grants the subscription to " + subscriptions_[i] +
             " with QoS 0 only; ask for `qos` 0 if losses do not matter";
  }
  return {};
}

std::string MqttSource::on_publish(const wire::Publish& publish, std::uint64_t connection) {
  if (publish.qos == wire::Qos::ExactlyOnce) return "it sent QoS 2 where it had granted less";
  if (publish.topic.empty()) return "it used a topic alias where none is allowed";
  auto received = std::make_unique<Received>();
  received->topic = publish.topic;
  received->payload = publish.payload;
  received->properties = kept_properties(publish.properties);
  received->connection = connection;
  received->at_ms = system_clock().wall_ms();
  received->packet_id = publish.packet_id;
  received->qos = publish.qos;
  received->retain = publish.retain;
  {
    const std::scoped_lock lock(mutex_);
    last_came_at_ = std::chrono::steady_clock::now();
    if (++open_ >= window_ / 2) last_full_at_ = last_came_at_;
    waiting_bytes_ += received->size();
    waiting_.push_back(std::move(received));
    hold_if_full();
  }
  callbacks_.on_ready();
  return {};
}

void MqttSource::hold_if_full() {
  client_->hold(waiting_bytes_ >= buffer_bytes_ || waiting_.size() >= kMostWaiting);
}

// A filter that was taken out of the document is still subscribed to by the session.
bool MqttSource::is_wanted(std::string_view topic) const {
  return std::ranges::any_of(filters_,
                             [&](const auto& filter) { return wire::matches(filter, topic); });
}

Result<void> MqttSource::receive(connect::ArrivalBatch& batch, std::size_t most,
                                 std::size_t most_bytes) {
  pass_unwanted();
  // Where they are acknowledged late: so many wait for it, and no more.
  if (handed_out_bytes_ >= buffer_bytes_ || handed_out_.size() >= window_) return {};
  std::size_t bytes = 0;
  std::unique_lock lock(mutex_);
  while (!waiting_.empty() && batch.arrivals.size() < most && bytes < most_bytes) {
    auto received = std::move(waiting_.front());
    waiting_.pop_front();
    const auto size = received->size();
    waiting_bytes_ -= size;
    bytes += size;
    const auto token = next_token_++;
    handed_out_bytes_ += size;
    received->is_wanted = is_wanted(received->topic);
    if (!received->is_wanted) {
      handed_out_.push_back(std::move(received));
      continue;
    }
    connect::Arrival arrival{.token = token, .message = {}};
    auto& message = arrival.message;
    message.topic = received->topic;
    message.payload = received->payload;
    message.properties = received->properties;
    message.timestamp_ms = received->at_ms;
    message.qos = static_cast<std::uint8_t>(received->qos);
    message.retain = received->retain;
    batch.arrivals.push_back(arrival);
    handed_out_.push_back(std::move(received));
  }
  hold_if_full();
  lock.unlock();
  if (batch.arrivals.empty()) pass_unwanted();
  return {};
}

// Those that nobody was given, because they are of filters that are no more: once nothing before
// them waits.
void MqttSource::pass_unwanted() {
  const auto wanted =
      std::ranges::find_if(handed_out_, [](const auto& received) { return received->is_wanted; });
  const auto count = static_cast<std::size_t>(wanted - handed_out_.begin());
  if (count > 0) acknowledge(next_token_ - handed_out_.size() + count - 1);
}

void MqttSource::acknowledge(std::uint64_t token) {
  std::string packets;
  std::uint64_t connection = 0;
  std::size_t done_with = 0;
  while (!handed_out_.empty() && next_token_ - handed_out_.size() <= token) {
    const auto& done = *handed_out_.front();
    if (done.connection != connection) {  // of an older one: it comes again
      packets.clear();
      done_with = 0;
    }
    connection = done.connection;
    ++done_with;
    if (done.qos == wire::Qos::AtLeastOnce)
      wire::encode(packets, version_,
                   wire::Ack{.type = wire::PacketType::Puback,
                             .packet_id = done.packet_id,
                             .reason = wire::ReasonCode::Success,
                             .properties = {}});
    handed_out_bytes_ -= done.size();
    handed_out_.pop_front();
  }
  {
    const std::scoped_lock lock(mutex_);
    if (connection == open_on_) open_ -= std::min(open_, done_with);
  }
  if (!packets.empty()) client_->send(connection, packets);
}

connect::Source::Milliseconds MqttSource::tend(bool /*is_busy*/) {
  away_ = client_->away();
  return leave_former();
}

std::optional<std::uint64_t> MqttSource::lag() const {
  if (!has_begun_) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

// What has been acknowledged is sent before the client says goodbye.
void MqttSource::close() {
  client_->stop();
}

}  // namespace sluice::connectors::bridge
