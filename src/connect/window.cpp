#include "connect/window.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

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

Window::Window(store::Cursor start) {
  start.close_up();
  passed_[0] = read_[0] = start.position;
  known_[0] = std::move(start.acknowledged);
  if (!start.has_ahead()) return;
  cut(start.ahead.after);
  passed_[1] = read_[1] = start.ahead.up_to;
}

void Window::cut(Position where) {
  SL_CHECK(!cut_ && where >= read_[0]);
  cut_ = where;
  passed_[1] = read_[1] = where;
  auto& known = known_[0];
  const auto behind = std::ranges::upper_bound(known, where);
  known_[1].assign(behind, known.end());
  known.erase(behind, known.end());
  oldest_ = base_;
  join_lanes();  // when nothing lies before it
}

std::unique_ptr<ReadBatch> Window::new_batch() {
  if (spares_.empty()) return std::make_unique<ReadBatch>();
  auto batch = std::move(spares_.back());
  spares_.pop_back();
  return batch;
}

Window::Token Window::add(std::unique_ptr<ReadBatch> batch, Position next, Lane lane) {
  const auto first = end_;
  SL_CHECK(batch->records.size() == batch->messages.size());
  SL_CHECK(cut_ ? lane == Lane::Fresh || next <= *cut_ : lane == Lane::Main);
  read_[at(lane)] = next;
  auto& known = known_[at(lane)];
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
             .bytes = static_cast<std::uint32_t>(cost(message, record)),
             .lane = lane};
    bytes_ += added.bytes;
    ++unfinished_[at(lane)];
    ++ready_[at(lane)];
    if (!known.empty() && std::ranges::binary_search(known, added.position))
      change(added, State::Done);
  }
  if (!known.empty() && known.back() <= next) known.clear();
  // One without a message would wait behind all that stands before it.
  if (batch->messages.empty()) {
    if (spares_.size() < kMostSpares) spares_.push_back(std::move(batch));
  } else {
    batches_.push_back(std::move(batch));
  }
  pass_done();
  join_lanes();
  return first;
}

std::span<const Record> Window::next_records(std::size_t maximum) {
  if (ready() == 0) return {};
  const auto lane = lane_to_hand_over();
  if (cut_ && came_back_[at(lane)] > 0) maximum = std::min(maximum, came_back_[at(lane)]);
  auto& next = next_[at(lane)];
  next = std::max(next, base_);
  while (slot(next).state != State::Ready || slot(next).lane != lane) ++next;

  const auto& first = slot(next);
  std::size_t count = 1;
  while (count < maximum && next + count < end_) {
    const auto& following = slot(next + count);
    if (following.state != State::Ready || following.batch != first.batch) break;
    ++count;
  }
  return std::span<const Record>(first.batch->records).subspan(first.index, count);
}

// What came back may have arrived: nothing new goes before it, or more would be on its way twice
// than the window allows.
Window::Lane Window::lane_to_hand_over() const {
  if (came_back_[0] + came_back_[1] > 0) return came_back_[1] > 0 ? Lane::Fresh : Lane::Main;
  return ready_[1] > 0 ? Lane::Fresh : Lane::Main;
}

void Window::handed_over(std::span<const Record> records) {
  for (const auto& record : records) {
    auto& handed = slot(record.token);
    SL_CHECK(handed.state == State::Ready);
    change(handed, State::HandedOver);
    if (handed.attempts < UINT16_MAX) ++handed.attempts;
  }
}

void Window::done(Token token) {
  change(slot(token), State::Done);
  if (token == base_) pass_done();
  join_lanes();
}

void Window::hold(Token token) {
  change(slot(token), State::Held);
}

void Window::was_not_tried(Token token) {
  auto& handed = slot(token);
  SL_CHECK(handed.state == State::HandedOver);
  if (handed.attempts > 0) --handed.attempts;
}

void Window::give_back(Token token) {
  auto& given = slot(token);
  SL_CHECK(given.state == State::HandedOver);
  change(given, State::Ready);
  auto& next = next_[at(given.lane)];
  next = std::min(next, token);
}

const model::Message& Window::message(Token token) const {
  const auto& at = slot(token);
  return at.batch->messages[at.index];
}

const Record& Window::record(Token token) const {
  const auto& at = slot(token);
  return at.batch->records[at.index];
}

std::uint64_t Window::known_up_to(Position position, Lane lane) const {
  return static_cast<std::uint64_t>(std::ranges::count_if(known_[at(lane)], [&](Position known) {
    return known > read_[at(lane)] && known <= position;
  }));
}

store::Cursor Window::cursor_when(std::initializer_list<State> done) const {
  PerLane<Position> reached = passed_;
  PerLane<bool> is_open{};  // something of the lane is not done with
  PerLane<std::vector<Position>> above;
  for (auto token = base_; token < end_; ++token) {
    const auto& each = slot(token);
    const auto lane = at(each.lane);
    if (std::ranges::find(done, each.state) == done.end()) {
      is_open[lane] = true;
    } else if (is_open[lane]) {
      above[lane].push_back(each.position);
    } else {
      reached[lane] = std::max(reached[lane], each.position);
    }
  }
  for (std::size_t lane = 0; lane < 2; ++lane) {
    if (!is_open[lane]) reached[lane] = read_[lane];
    // What was acknowledged before the start and has not been read again yet.
    for (const auto position : known_[lane])
      if (position > read_[lane]) above[lane].push_back(position);
  }
  store::Cursor cursor{reached[0], std::move(above[0])};
  if (cut_) {
    cursor.acknowledged.insert(cursor.acknowledged.end(), above[1].begin(), above[1].end());
    if (reached[1] > *cut_) cursor.ahead = {*cut_, reached[1]};
  }
  cursor.close_up();
  return cursor;
}

std::optional<model::MessageId> Window::newest_in_sink() const {
  std::optional<model::MessageId> newest;
  for (auto token = end_; token > base_; --token) {
    if (slot(token - 1).state != State::HandedOver) continue;
    const auto id = message(token - 1).id;
    if (!newest || id.position > newest->position) newest = id;
    if (!cut_) break;
  }
  return newest;
}

// The front is never done with: pass_done() takes such slots away. What has been read behind a cut
// is younger than all before it.
const Window::Slot* Window::oldest() {
  if (empty()) return nullptr;
  if (!cut_) return &slot(base_);
  if (unfinished_[0] == 0) return nullptr;
  oldest_ = std::max(oldest_, base_);
  while (slot(oldest_).lane != Lane::Main || slot(oldest_).state == State::Done) ++oldest_;
  return &slot(oldest_);
}

std::int64_t Window::oldest_timestamp_ms() {
  const auto* slot = oldest();
  return slot != nullptr ? slot->timestamp_ms : 0;
}

store::Position Window::oldest_position() {
  const auto* slot = oldest();
  return slot != nullptr ? slot->position : read_[0];
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
  const auto lane = at(slot.lane);
  const std::size_t is_repeat = slot.attempts > 0 ? 1 : 0;
  if (slot.state == State::HandedOver) --in_sink_;
  if (slot.state == State::Ready) {
    --ready_[lane];
    came_back_[lane] -= is_repeat;
  }
  if (state == State::HandedOver) ++in_sink_;
  if (state == State::Ready) {
    ++ready_[lane];
    came_back_[lane] += is_repeat;
  }
  if (state == State::Done) --unfinished_[lane];
  slot.state = state;
}

// All before the cut is done with.
void Window::join_lanes() {
  if (!cut_ || read_[0] < *cut_ || unfinished_[0] > 0) return;
  cut_.reset();
  for (auto token = base_; token < end_; ++token) slot(token).lane = Lane::Main;
  passed_[0] = passed_[1];
  read_[0] = read_[1];
  known_[0] = std::exchange(known_[1], {});
  unfinished_[0] = std::exchange(unfinished_[1], 0);
  ready_[0] = std::exchange(ready_[1], 0);
  came_back_[0] = std::exchange(came_back_[1], 0);
  next_[0] = base_;
}

void Window::pass_done() {
  while (!empty() && slot(base_).state == State::Done) {
    const auto& front = slot(base_);
    // Of a lane that was joined there may be some that the cursor passed long ago.
    auto& passed = passed_[at(front.lane)];
    passed = std::max(passed, front.position);
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
