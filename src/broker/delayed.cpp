#include "broker/delayed.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/entity_id.hpp"
#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/bytes.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

namespace {

constexpr std::string_view kPrefix = "$delayed/";
constexpr std::size_t kReleasedAtOnce = 256;
constexpr std::uint8_t kDelayedForm = 1;

// By time, then in the order in which they came. A time is not negative.
std::string key_of(std::int64_t due_ms, const Clock& clock) {
  std::string key;
  for (int shift = 56; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>(static_cast<std::uint64_t>(due_ms) >> shift & 0xff));
  return key + new_entity_id(clock);
}

std::string encode(const DelayedMessages::Entry& entry) {
  return ByteWriter()
      .number(kDelayedForm)
      .text(entry.client_id)
      .number(static_cast<std::uint64_t>(entry.due_ms))
      .text(encode(entry.message))
      .take();
}

}  // namespace

bool is_delayed_topic(std::string_view topic) {
  return topic.starts_with(kPrefix);
}

std::optional<DelayedTopic> parse_delayed_topic(std::string_view topic) {
  if (!is_delayed_topic(topic)) return std::nullopt;
  topic.remove_prefix(kPrefix.size());
  const auto slash = topic.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  DelayedTopic parsed{.topic = topic.substr(slash + 1)};
  const auto* end = topic.data() + slash;
  const auto [at, error] = std::from_chars(topic.data(), end, parsed.seconds);
  if (error != std::errc() || at != end || parsed.topic.empty()) return std::nullopt;
  if (parsed.seconds < 1 || parsed.seconds > DelayedTopic::kLongest) return std::nullopt;
  return parsed;
}

std::size_t DelayedMessages::bytes_of(const WillMessage& message) {
  return broker::bytes_of(message);
}

void DelayedMessages::add(Entry entry) {
  auto key = key_of(entry.due_ms, worker_.broker().clock());
  worker_.publishing_state().put(kDelayedKind, key, encode(entry));
  worker_.broker().count_delayed(1, bytes_of(entry.message));
  adding_.emplace_back(std::move(key), std::move(entry));
}

void DelayedMessages::on_appended() {
  if (adding_.empty()) return;
  for (auto& [key, entry] : std::exchange(adding_, {})) keep(std::move(key), std::move(entry));
  watch();
}

void DelayedMessages::on_refused() {
  for (const auto& [key, entry] : std::exchange(adding_, {}))
    worker_.broker().count_delayed(-1, bytes_of(entry.message));
}

void DelayedMessages::keep(std::string key, Entry entry) {
  waiting_.insert_or_assign(std::move(key), std::move(entry));
}

Result<std::string> DelayedMessages::client_of(std::string_view record) {
  ByteReader in(record);
  if (in.number<std::uint8_t>() != kDelayedForm)
    return fail(Errc::Corrupt, "delayed message of unknown form");
  return std::string(in.text());
}

Result<void> DelayedMessages::restore(std::string_view key, std::string_view record) {
  ByteReader in(record);
  in.number<std::uint8_t>();
  Entry entry;
  entry.client_id = in.text();
  entry.due_ms = static_cast<std::int64_t>(in.number<std::uint64_t>());
  SL_TRY(message, decode_will(in.text()));
  if (!in.ok()) return fail(Errc::Corrupt, "record of a delayed message is too short");
  entry.message = std::move(message);
  worker_.broker().count_delayed(1, bytes_of(entry.message));
  keep(std::string(key), std::move(entry));
  watch();
  return {};
}

void DelayedMessages::watch() {
  if (timer_) worker_.timers().cancel(*timer_);
  timer_.reset();
  if (waiting_.empty()) return;
  using std::chrono::milliseconds;
  const auto now = worker_.broker().clock().wall_ms();
  auto wait = milliseconds(std::max<std::int64_t>(0, waiting_.begin()->second.due_ms - now));
  // They stay acknowledged while the log takes nothing.
  if (!worker_.broker().store().health().accepting)
    wait = std::max<milliseconds>(wait, kReadAgainAfter);
  timer_ = worker_.timers().after(wait, [this] {
    timer_.reset();
    release();
  });
}

// Each with the end of its record: a crash neither loses it nor publishes it twice. What the log
// refuses all the same is kept with the wills that it refused.
void DelayedMessages::release() {
  const auto now = worker_.broker().clock().wall_ms();
  std::size_t released = 0;
  while (!waiting_.empty() && waiting_.begin()->second.due_ms <= now &&
         released < kReleasedAtOnce && !worker_.turn_is_full() &&
         worker_.broker().store().health().accepting) {
    auto node = waiting_.extract(waiting_.begin());
    auto& entry = node.mapped();
    worker_.broker().count_delayed(-1, bytes_of(entry.message));
    worker_.wills().send({.client_id = std::move(entry.client_id),
                          .will = std::move(entry.message),
                          .record = std::move(node.key()),
                          .kind = kDelayedKind});
    ++released;
  }
  watch();
}

}  // namespace sluice::broker
