#include "connect/window.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice::connect {

using store::Position;

namespace {
constexpr std::size_t kMostSpares = 4;
constexpr std::size_t kSmallestRing = 1024;
}  // namespace

void ReadBatch::copy(const model::Message& message) {
  auto& copied = messages.emplace_back(message);
  std::string_view* const texts[] = {&copied.topic,     &copied.payload, &copied.properties,
                                     &copied.client_id, &copied.host,    &copied.username};
  std::size_t size = 0;
  for (const auto* text : texts) size += text->size();
  char* at = arena.allocate(size);
  for (auto* text : texts) {
    if (!text->empty()) std::memcpy(at, text->data(), text->size());
    *text = {at, text->size()};
    at += text->size();
  }
}

Window::Window(store::Cursor start)
    : passed_(start.position),
      read_position_(start.position),
      known_(std::move(start.acknowledged)) {}

std::unique_ptr<ReadBatch> Window::new_batch() {
  if (spares_.empty()) return std::make_unique<ReadBatch>();
  auto batch = std::move(spares_.back());
  spares_.pop_back();
  return batch;
}

Window::Token Window::add(std::unique_ptr<ReadBatch> batch, Position next) {
  const auto first = end_;
  SL_CHECK(batch->records.size() == batch->messages.size());
  read_position_ = next;
  batch->unfinished = batch->messages.size();
  make_room(batch->messages.size());
  for (std::size_t i = 0; i < batch->messages.size(); ++i) {
    const auto& message = batch->messages[i];
    auto& record = batch->records[i];
    record.token = end_++;
    auto& added = slot(record.token);
    added = {.position = message.position(),
             .batch = batch.get(),
             .timestamp_ms = message.timestamp_ms,
             .index = static_cast<std::uint32_t>(i),
             .bytes = static_cast<std::uint32_t>(cost(message, record))};
    bytes_ += added.bytes;
    ++unfinished_;
    ++ready_;
    if (!known_.empty() && std::ranges::binary_search(known_, added.position))
      change(added, State::Done);
  }
  if (!known_.empty() && known_.back() <= next) known_.clear();
  batches_.push_back(std::move(batch));
  pass_done();
  return first;
}

std::span<const Record> Window::next_records(std::size_t maximum) {
  next_ = std::max(next_, base_);
  while (next_ < end_ && slot(next_).state != State::Ready) ++next_;
  if (next_ == end_) return {};

  const auto& first = slot(next_);
  std::size_t count = 1;
  while (count < maximum && next_ + count < end_) {
    const auto& following = slot(next_ + count);
    if (following.state != State::Ready || following.batch != first.batch) break;
    ++count;
  }
  return std::span<const Record>(first.batch->records).subspan(first.index, count);
}

void Window::handed_over(std::span<const Record> records) {
  for (const auto& record : records) {
    auto& handed = slot(record.token);
    SL_CHECK(handed.state == State::Ready);
    if (handed.attempts < UINT16_MAX) ++handed.attempts;
    change(handed, State::HandedOver);
  }
}

void Window::done(Token token) {
  change(slot(token), State::Done);
  if (token == base_) pass_done();
}

void Window::hold(Token token) {
  change(slot(token), State::Held);
}

void Window::give_back(Token token) {
  auto& given = slot(token);
  SL_CHECK(given.state == State::HandedOver);
  change(given, State::Ready);
  next_ = std::min(next_, token);
}

const model::Message& Window::message(Token token) const {
  const auto& at = slot(token);
  return at.batch->messages[at.index];
}

const Record& Window::record(Token token) const {
  const auto& at = slot(token);
  return at.batch->records[at.index];
}

std::uint64_t Window::known_up_to(Position position) const {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      known_, [&](Position known) { return known > read_position_ && known <= position; }));
}

store::Cursor Window::cursor_when(std::initializer_list<State> done) const {
  const auto is_done = [&](Token token) {
    return std::ranges::find(done, slot(token).state) != done.end();
  };
  store::Cursor cursor{passed_, {}};
  auto token = base_;
  for (; token < end_ && is_done(token); ++token) cursor.position = slot(token).position;
  if (token == end_) {
    cursor.position = read_position_;
  } else {
    for (; token < end_; ++token)
      if (is_done(token)) cursor.acknowledged.push_back(slot(token).position);
  }
  // What was acknowledged before the start and has not been read again yet.
  for (const auto position : known_)
    if (position > read_position_) cursor.acknowledged.push_back(position);
  return cursor;
}

std::optional<model::MessageId> Window::newest_in_sink() const {
  for (auto token = end_; token > base_; --token)
    if (slot(token - 1).state == State::HandedOver) return message(token - 1).id;
  return std::nullopt;
}

std::int64_t Window::oldest_timestamp_ms() const {
  // The front is never done with: pass_done() takes such slots away.
  return empty() ? 0 : slot(base_).timestamp_ms;
}

void Window::make_room(std::size_t count) {
  if (size() + count <= ring_.size()) return;
  std::vector<Slot> larger(std::max(kSmallestRing, std::bit_ceil(size() + count)));
  for (auto token = base_; token < end_; ++token) larger[token & (larger.size() - 1)] = slot(token);
  ring_ = std::move(larger);
}

// What a message keeps in memory while it stands here; the fixed part is the record, the slot and
// the store's own view.
std::size_t Window::cost(const model::Message& message, const Record& record) {
  static constexpr std::size_t kFixed = 320;
  const auto made = record.value.data() == message.payload.data() ? 0 : record.value.size();
  const auto headers = record.headers.size() * (sizeof(record.headers[0]) + 16);
  return kFixed + message.payload.size() + message.properties.size() + message.topic.size() + made +
         headers;
}

void Window::change(Slot& slot, State state) {
  SL_CHECK(slot.state != State::Done);
  if (slot.state == State::HandedOver) --in_sink_;
  if (slot.state == State::Ready) --ready_;
  if (state == State::HandedOver) ++in_sink_;
  if (state == State::Ready) ++ready_;
  if (state == State::Done) --unfinished_;
  slot.state = state;
}

void Window::pass_done() {
  while (!empty() && slot(base_).state == State::Done) {
    const auto& front = slot(base_);
    passed_ = front.position;
    bytes_ -= front.bytes;
    --front.batch->unfinished;
    ++base_;
  }
  while (!batches_.empty() && batches_.front()->unfinished == 0) {
    auto batch = std::move(batches_.front());
    batches_.pop_front();
    if (spares_.size() == kMostSpares) continue;
    batch->messages.clear();
    batch->records.clear();
    batch->arena.reset();
    spares_.push_back(std::move(batch));
  }
}

}  // namespace sluice::connect
