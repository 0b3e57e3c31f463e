#include "connectors/mqtt/mqtt_client.hpp"

#include <poll.h>
#include <random>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.hpp"
#include "base/log.hpp"
#include "connect/backoff.hpp"
#include "mqtt/codec.hpp"

namespace sluice::connectors::bridge {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kOpenWithin = 10s;
constexpr auto kWriteWithin = 10s;
constexpr auto kGoodbyeWithin = 1s;
constexpr auto kFirstPause = 200ms;
constexpr auto kLongestPause = 30s;
constexpr std::size_t kPiece = std::size_t{64} * 1024;

void ring(const Descriptor& bell) {
  const std::uint64_t one = 1;
  // Full is as good: whoever waits is woken.
  [[maybe_unused]] const auto written = ::write(bell.get(), &one, sizeof one);
}

}  // namespace

MqttClient::MqttClient(Target target, Session session, Listener& listener)
    : target_(std::move(target)),
      session_(std::move(session)),
      listener_(listener),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      cut_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  SL_CHECK(wake_.get() >= 0 && cut_.get() >= 0);
}

void MqttClient::start() {
  thread_ = std::thread([this] { run(); });
}

MqttClient::~MqttClient() {
  stop();
}

void MqttClient::stop() {
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    wake();
    // Where there is no connection, there is nothing to say.
    if (is_connected_ && !is_dropped_)
      ended_.wait_for(lock, kGoodbyeWithin, [this] { return has_ended_; });
  }
  ring(cut_);
  if (thread_.joinable()) thread_.join();
}

void MqttClient::wake() {
  ring(wake_);
}

io::Deadline MqttClient::within(std::chrono::milliseconds time) const {
  return {SteadyClock::now() + time, cut_.get()};
}

bool MqttClient::is_stopping() const {
  const std::scoped_lock lock(mutex_);
  return is_stopping_;
}

void MqttClient::send(std::uint64_t connection, std::string_view packets) {
  {
    const std::scoped_lock lock(mutex_);
    if (!is_connected_ || connection != connection_) return;
    outbox_.append(packets);
  }
  wake();
}

void MqttClient::hold(bool is_held) {
  if (is_held_.exchange(is_held) && !is_held) wake();
}

void MqttClient::drop(std::uint64_t connection) {
  {
    const std::scoped_lock lock(mutex_);
    if (!is_connected_ || connection != connection_) return;
    is_dropped_ = true;
  }
  wake();
}

bool MqttClient::is_dropped() const {
  const std::scoped_lock lock(mutex_);
  return is_dropped_;
}

std::string MqttClient::away() const {
  const std::scoped_lock lock(mutex_);
  return away_;
}

void MqttClient::set_away(std::string reason) {
  {
    const std::scoped_lock lock(mutex_);
    away_ = std::move(reason);
  }
  // Also when it reads as before: the first connection is news, and so is each one after another.
  listener_.on_change();
}

// A pause before each attempt but the first, longer from one to the next, until one has held for as
// long as the longest.
void MqttClient::run() {
  connect::Backoff pause(kFirstPause, kLongestPause, std::random_device()());
  while (!is_stopping()) {
    const auto begun = SteadyClock::now();
    auto ended = open();
    if (ended) ended = serve();
    {
      const std::scoped_lock lock(mutex_);
      is_connected_ = false;
      is_dropped_ = false;
      outbox_.clear();
      has_ended_ = is_stopping_;
    }
    ended_.notify_all();
    stream_.reset();
    if (is_stopping()) return;
    set_away(ended ? "the connection ended" : ended.error().detail);
    log::debug("connection to an outside MQTT server ended",
               {{"server", target_.place()}, {"reason", away()}});
    if (SteadyClock::now() - begun > kLongestPause) pause.reset();
    wait(SteadyClock::now() + pause.next());
  }
}

void MqttClient::wait(Time until) {
  while (!is_stopping() && SteadyClock::now() < until) {
    if (!io::wait_for(wake_.get(), POLLIN, until)) return;
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(wake_.get(), &count, sizeof count);
  }
}

Result<void> MqttClient::open() {
  const auto until = within(kOpenWithin);
  SL_TRY(stream, reach(target_, until));
  stream_ = std::move(stream);
  input_.clear();
  SL_TRY_VOID(stream_->write(connect_packet(target_, session_), until));
  last_said_ = last_heard_ = SteadyClock::now();
  is_pinging_ = false;
  for (;;) {
    const auto frame = wire::next_frame(input_, session_.maximum_packet_size, target_.version);
    if (!frame) return fail(Errc::Unavailable, target_.place() + ": it does not speak MQTT");
    if (!*frame) {
      SL_TRY_VOID(read_some(until));
      continue;
    }
    if ((*frame)->type != wire::PacketType::Connack)
      return fail(Errc::Unavailable, target_.place() + ": it answered CONNECT with another packet");
    const auto connack = wire::decode_connack(target_.version, (*frame)->body);
    if (!connack) return fail(Errc::Unavailable, target_.place() + ": its CONNACK is malformed");
    if (connack->reason != wire::ReasonCode::Success)
      return fail(Errc::NotAuthorized, target_.place() + ": " + why_refused(connack->reason));
    std::uint64_t connection = 0;
    {
      const std::scoped_lock lock(mutex_);
      connection = ++connection_;
      is_connected_ = true;
    }
    SL_TRY(first, listener_.on_connected(*connack, connection));
    send(connection, first);
    input_.erase(0, (*frame)->size);
    set_away({});
    return {};
  }
}

Result<void> MqttClient::serve() {
  for (;;) {
    SL_TRY_VOID(take_packets());
    SL_TRY_VOID(flush());
    if (is_stopping()) {
      std::string goodbye;
      wire::encode(goodbye, target_.version, wire::Disconnect{});
      return stream_->write(goodbye, within(kWriteWithin));
    }
    if (is_dropped()) return {};
    const auto now = SteadyClock::now();
    SL_TRY_VOID(keep_alive(now));
    const bool is_held = is_held_.load();
    pollfd ready[2] = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                       {.fd = stream_->socket(), .events = POLLIN, .revents = 0}};
    const auto timeout =
        std::chrono::duration_cast<std::chrono::milliseconds>(target_.keep_alive / 4 + 1ms);
    ::poll(ready, is_held ? 1 : 2, static_cast<int>(timeout.count()));
    if (ready[0].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto taken = ::read(wake_.get(), &count, sizeof count);
    }
    if (!is_held && ready[1].revents != 0) SL_TRY_VOID(read_ready());
  }
}

// One read. A piece holds all of a TLS record, so that nothing stays behind that the socket would
// not show.
Result<void> MqttClient::read_some(io::Deadline until) {
  const auto before = input_.size();
  input_.resize(before + kPiece);
  const auto got = stream_->read(input_.data() + before, kPiece, until);
  input_.resize(before + (got ? *got : 0));
  if (!got) return fail(got.error().code, target_.place() + ": " + got.error().detail);
  if (*got == 0) return fail(Errc::Unavailable, target_.place() + ": it closed the connection");
  last_heard_ = SteadyClock::now();
  is_pinging_ = false;
  return {};
}

// What has come; with TLS that may be nothing for us.
Result<void> MqttClient::read_ready() {
  auto read = read_some(SteadyClock::now());
  if (!read && read.error().code == Errc::Timeout) return {};
  return read;
}

Result<void> MqttClient::take_packets() {
  std::size_t at = 0;
  Result<void> outcome;
  while (outcome) {
    const auto rest = std::string_view(input_).substr(at);
    const auto frame = wire::next_frame(rest, session_.maximum_packet_size, target_.version);
    if (!frame) {
      outcome =
          fail(Errc::Unavailable, target_.place() + ": it sent a packet that cannot be taken: " +
                                      std::string(wire::name_of(frame.error())));
      break;
    }
    if (!*frame) break;
    outcome = take(**frame);
    at += (*frame)->size;
  }
  input_.erase(0, at);
  return outcome;
}

Result<void> MqttClient::take(const wire::Frame& frame) {
  const auto packet = wire::decode(target_.version, wire::Sender::Server, frame);
  if (!packet)
    return fail(Errc::Unavailable, target_.place() + ": it sent a malformed packet: " +
                                       std::string(wire::name_of(packet.error())));
  if (std::holds_alternative<wire::Pingresp>(*packet)) return {};
  if (const auto* goodbye = std::get_if<wire::Disconnect>(&*packet))
    return fail(Errc::Unavailable, target_.place() + ": it ended the connection: " +
                                       std::string(wire::name_of(goodbye->reason)));
  auto problem = listener_.on_packet(*packet, connection_);
  if (!problem.empty()) return fail(Errc::Unavailable, target_.place() + ": " + problem);
  return {};
}

Result<void> MqttClient::flush() {
  std::string packets;
  {
    const std::scoped_lock lock(mutex_);
    packets.swap(outbox_);
  }
  if (packets.empty()) return {};
  last_said_ = SteadyClock::now();
  if (auto written = stream_->write(packets, within(kWriteWithin)); !written)
    return fail(written.error().code, target_.place() + ": " + written.error().detail);
  return {};
}

// Silence while it is held back is ours: the answer to PINGREQ waits unread.
Result<void> MqttClient::keep_alive(Time now) {
  const auto interval = target_.keep_alive;
  if (is_held_.load()) last_heard_ = std::max(last_heard_, now - interval);
  if (now - last_heard_ >= interval + interval / 2)
    return fail(Errc::Timeout, target_.place() + ": it has said nothing for too long");
  const bool must_say = now - last_said_ >= interval / 2;
  const bool must_ask = !is_pinging_ && now - last_heard_ >= interval / 2;
  if (!must_say && !must_ask) return {};
  is_pinging_ = true;
  std::string ping;
  wire::encode(ping, wire::Pingreq{});
  last_said_ = now;
  return stream_->write(ping, within(kWriteWithin));
}

}  // namespace sluice::connectors::bridge
