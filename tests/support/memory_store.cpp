#include "support/memory_store.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <set>

#include "base/check.hpp"
#include "mqtt/topic.hpp"

namespace sluice::test {
namespace {

using model::Message;
using store::Position;
using store::QueueId;
using store::StateKind;
using store::Visibility;

constexpr std::uint64_t kFirstPosition = 64;
constexpr std::uint64_t kFrame = 32;  // what a record takes besides its contents
constexpr std::uint64_t kVolatile = std::uint64_t{1} << 63;

struct Stored {
  std::string topic, payload, properties, client_id, host, username;
  Message view;
  std::vector<QueueId> queues;
};

struct Change {
  StateKind kind{};
  std::string key;
  std::optional<std::string> value;  // none: erased
};

// One record of the stream: a message or a change.
struct Record {
  std::size_t message = 0;  // index, when `change` is not set
  std::optional<Change> change;
  bool joined = false;  // with the record before: both survive or neither
  std::uint64_t size = 0;
};

class MemoryBatch final : public store::Batch {
 public:
  std::size_t add_message(const store::NewMessage& message,
                          std::span<const QueueId> queues) override {
    SL_CHECK(!appended);
    auto& stored = messages.emplace_back();
    stored.topic = message.topic;
    stored.payload = message.payload;
    stored.properties = message.properties;
    stored.client_id = message.client_id;
    stored.host = message.host;
    stored.username = message.username;
    auto& view = stored.view;
    view.topic = stored.topic;
    view.payload = stored.payload;
    view.properties = stored.properties;
    view.client_id = stored.client_id;
    view.host = stored.host;
    view.username = stored.username;
    view.packet_id = message.packet_id;
    view.qos = message.qos;
    view.retain = message.retain;
    view.dup = message.dup;
    view.has_username = message.has_username;
    stored.queues.assign(queues.begin(), queues.end());
    const auto size = stored.topic.size() + stored.payload.size() + stored.properties.size() +
                      stored.client_id.size() + stored.host.size() + stored.username.size();
    add({.message = messages.size() - 1, .change = {}, .size = kFrame + size});
    return messages.size() - 1;
  }
  void put(StateKind kind, std::string_view key, std::string_view value) override {
    SL_CHECK(!appended);
    add({.change = Change{kind, std::string(key), std::string(value)},
         .size = kFrame + key.size() + value.size()});
  }
  void erase(StateKind kind, std::string_view key) override {
    SL_CHECK(!appended);
    add({.change = Change{kind, std::string(key), std::nullopt}, .size = kFrame + key.size()});
  }
  void begin_atomic() override {
    SL_CHECK(!atomic_);
    atomic_ = true;
    first_of_atomic_ = true;
  }
  void let_wait() override {}
  void end_atomic() override {
    SL_CHECK(atomic_);
    atomic_ = false;
  }
  [[nodiscard]] std::size_t message_count() const override { return messages.size(); }
  [[nodiscard]] std::size_t bytes() const override {
    std::uint64_t sum = 0;
    for (const auto& record : records) sum += record.size;
    return static_cast<std::size_t>(sum);
  }
  [[nodiscard]] bool empty() const override { return records.empty(); }
  [[nodiscard]] const Message& message(std::size_t index) const override {
    SL_CHECK(appended);
    return messages[index].view;
  }
  [[nodiscard]] Position end() const override {
    SL_CHECK(appended);
    return end_position;
  }

  std::deque<Stored> messages;  // never moves its elements
  std::vector<Record> records;
  bool appended = false;
  Position end_position;

 private:
  void add(Record record) {
    record.joined = atomic_ && !first_of_atomic_;
    first_of_atomic_ = false;
    records.push_back(std::move(record));
  }
  bool atomic_ = false;
  bool first_of_atomic_ = false;
};

// A record where it stands in the stream.
struct Placed {
  Position position;
  Position end;
  std::shared_ptr<MemoryBatch> batch;
  std::size_t index = 0;
};

using State = std::map<std::pair<StateKind, std::string>, std::string>;

struct Queue {
  Position created;
  bool persistent = false;
  Position trimmed;
};

struct Waiter {
  std::vector<QueueId> queues;
  Position after;
  Visibility visibility{};
  std::function<void()> wake;
};

}  // namespace

struct MemoryStore::Shared {
  explicit Shared(Durability durability_mode) : mode(durability_mode) {}

  // Guards all below but `waking`.
  mutable std::mutex mutex;
  std::condition_variable became_durable;
  std::mutex reading;  // held while the readers are called
  store::Readers readers;
  // Held while wake functions and listeners run, so that a cancel waits for them.
  std::mutex waking;
  const Durability mode;

  std::vector<Placed> stream;
  std::vector<std::size_t> messages;  // indices into `stream`
  State state;
  std::map<QueueId, Queue> queues;
  std::map<std::string, QueueId, std::less<>> by_filter;
  std::uint64_t next_queue = 1;
  Position head{kFirstPosition};
  Position durable{kFirstPosition};
  Position deleted;
  std::set<Position> damaged;
  std::int64_t time = 0;
  std::uint64_t last_ms = 0;
  std::map<std::uint64_t, DurableListener> listeners;
  std::uint64_t next_listener = 1;
  std::map<std::uint64_t, Waiter> waiters;
  std::optional<Errc> append_fails, read_fails;
  std::function<void()> before_reads, after_append;
  store::Statistics statistics;
  std::uint64_t reads = 0;
  bool closed = false;

  [[nodiscard]] Position limit(Visibility visibility) const {
    return visibility == Visibility::Durable ? durable : head;
  }

  [[nodiscard]] Result<store::ReadResult> read(const store::ReadRequest& request);
  [[nodiscard]] static std::uint64_t mask(const Stored& message, std::span<const QueueId> wanted) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (std::ranges::find(message.queues, wanted[i]) != message.queues.end())
        bits |= std::uint64_t{1} << std::min<std::size_t>(i, 63);
    }
    return bits;
  }

  [[nodiscard]] const Stored& stored(std::size_t at) const {
    const auto& placed = stream[at];
    return placed.batch->messages[placed.batch->records[placed.index].message];
  }

  // The first message after `position`, as an index into `messages`.
  [[nodiscard]] std::size_t first_after(Position position) const {
    const auto it = std::ranges::upper_bound(
        messages, position, {}, [this](std::size_t at) { return stream[at].position; });
    return static_cast<std::size_t>(it - messages.begin());
  }

  [[nodiscard]] bool holds(const Waiter& waiter) const {
    const auto end = limit(waiter.visibility);
    for (auto i = first_after(waiter.after); i < messages.size(); ++i) {
      if (stream[messages[i]].position >= end) return false;
      if (mask(stored(messages[i]), waiter.queues) != 0) return true;
    }
    return false;
  }

  void apply(const Change& change) {
    const auto key = std::pair(change.kind, change.key);
    if (change.value) {
      state[key] = *change.value;
    } else {
      state.erase(key);
    }
  }

  std::uint64_t now_ms() const {
    if (time != 0) return static_cast<std::uint64_t>(time);
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
  }

  void place(const std::shared_ptr<MemoryBatch>& batch) {
    last_ms = std::max(last_ms, now_ms());
    for (std::size_t i = 0; i < batch->records.size(); ++i) {
      const auto& record = batch->records[i];
      const Placed placed{head, Position(head.get() + record.size), batch, i};
      if (record.change) {
        apply(*record.change);
      } else {
        auto& view = batch->messages[record.message].view;
        view.id = {(last_ms << 16) | 1, head.get()};
        view.timestamp_ms = static_cast<std::int64_t>(last_ms);
        messages.push_back(stream.size());
        ++statistics.messages_appended;
      }
      stream.push_back(placed);
      head = placed.end;
      statistics.bytes_appended += record.size;
    }
    batch->appended = true;
    batch->end_position = head;
  }

  void forget_what_is_not_durable() {
    // Nothing of an atomic group survives when its end is not durable.
    auto keep = stream.size();
    while (keep > 0 && stream[keep - 1].end > durable) --keep;
    while (keep > 0 && keep < stream.size() &&
           stream[keep].batch->records[stream[keep].index].joined)
      --keep;
    stream.resize(keep);
    messages.clear();
    state.clear();
    for (std::size_t i = 0; i < stream.size(); ++i) {
      const auto& record = stream[i].batch->records[stream[i].index];
      if (record.change) {
        apply(*record.change);
      } else {
        messages.push_back(i);
      }
    }
    head = stream.empty() ? Position(kFirstPosition) : stream.back().end;
    durable = head;
  }
};

MemoryStore::MemoryStore(Durability durability) : shared_(std::make_unique<Shared>(durability)) {}
MemoryStore::~MemoryStore() = default;

void MemoryStore::make_durable() {
  make_durable(head());
}

void MemoryStore::make_durable(Position position) {
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->durable = std::max(shared_->durable, std::min(position, shared_->head));
    ++shared_->statistics.commits;
  }
  shared_->became_durable.notify_all();
  tell_listeners(position);
  run_waiters();
}

void MemoryStore::crash() {
  const std::scoped_lock waking(shared_->waking);
  const std::scoped_lock lock(shared_->mutex);
  shared_->forget_what_is_not_durable();
  shared_->listeners.clear();
  shared_->waiters.clear();
  shared_->append_fails.reset();
  shared_->read_fails.reset();
  shared_->closed = false;
  std::erase_if(shared_->queues, [](const auto& entry) { return !entry.second.persistent; });
}

void MemoryStore::fail_appends(std::optional<Errc> with) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->append_fails = with;
}

void MemoryStore::fail_reads(std::optional<Errc> with) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->read_fails = with;
}

void MemoryStore::before_reads(std::function<void()> call) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->before_reads = std::move(call);
}

void MemoryStore::after_append(std::function<void()> call) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->after_append = std::move(call);
}

void MemoryStore::set_time(std::int64_t wall_ms) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->time = wall_ms;
}

void MemoryStore::delete_up_to(Position position) {
  const std::scoped_lock reading(shared_->reading);
  const auto holds = shared_->readers.holds ? shared_->readers.holds() : std::vector<store::Hold>();
  std::map<std::string, std::uint64_t> lost;
  {
    const std::scoped_lock lock(shared_->mutex);
    for (const auto at : shared_->messages) {
      const auto where = shared_->stream[at].position;
      for (const auto& hold : holds) {
        if (where <= hold.read || where <= shared_->deleted || where > position) continue;
        if (std::ranges::any_of(hold.filters, [&](const auto& filter) {
              return mqtt::matches(filter, shared_->stored(at).topic);
            }))
          ++lost[hold.owner];
      }
    }
    shared_->deleted = std::max(shared_->deleted, position);
  }
  if (shared_->readers.deleted) shared_->readers.deleted(Position(position.get() + 1), lost);
}

std::uint64_t MemoryStore::reads() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->reads;
}

std::size_t MemoryStore::waiters() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->waiters.size();
}

store::BatchPtr MemoryStore::new_batch() {
  return std::make_shared<MemoryBatch>();
}

Result<Position> MemoryStore::append(const store::BatchPtr& batch,
                                     FunctionRef<void()> when_ordered) {
  const auto own = std::static_pointer_cast<MemoryBatch>(batch);
  Position end;
  std::function<void()> after;
  {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->closed) return fail(Errc::Closed, "the store is closed");
    if (shared_->append_fails) return fail(*shared_->append_fails, "the test fails appends");
    SL_CHECK(!own->appended);
    shared_->place(own);
    end = shared_->head;
    if (shared_->mode == Durability::AtOnce) shared_->durable = end;
    when_ordered();
    after.swap(shared_->after_append);
  }
  if (after) after();
  if (shared_->mode == Durability::AtOnce) {
    shared_->became_durable.notify_all();
    tell_listeners(end);
  }
  run_waiters();
  return end;
}

Position MemoryStore::head() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->head;
}

Position MemoryStore::durable() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->durable;
}

std::uint64_t MemoryStore::add_durable_listener(DurableListener listener) {
  const std::scoped_lock lock(shared_->mutex);
  const auto id = shared_->next_listener++;
  shared_->listeners.emplace(id, std::move(listener));
  return id;
}

void MemoryStore::remove_durable_listener(std::uint64_t id) {
  const std::scoped_lock waking(shared_->waking);
  const std::scoped_lock lock(shared_->mutex);
  shared_->listeners.erase(id);
}

Result<void> MemoryStore::wait_durable(Position position) {
  std::unique_lock lock(shared_->mutex);
  shared_->became_durable.wait(lock,
                               [&] { return shared_->durable >= position || shared_->closed; });
  if (shared_->durable < position) return fail(Errc::Closed, "the store is closed");
  return {};
}

Result<store::Store::OpenedQueue> MemoryStore::open_queue(std::string_view filter,
                                                          bool persistent) {
  const std::scoped_lock lock(shared_->mutex);
  const auto name = (persistent ? "p:" : "v:") + std::string(filter);
  const auto known = shared_->by_filter.find(name);
  if (known != shared_->by_filter.end() && shared_->queues.contains(known->second))
    return OpenedQueue{known->second, shared_->queues[known->second].created, shared_->durable};
  const auto number = shared_->next_queue++;
  const QueueId id(persistent ? number : number | kVolatile);
  // Every message from now on has a position of at least head().
  const Position created(shared_->head.get() - 1);
  shared_->queues[id] = {created, persistent, Position()};
  shared_->by_filter[name] = id;
  return OpenedQueue{id, created, shared_->durable};
}

void MemoryStore::drop_queue(QueueId id) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->queues.erase(id);
}

void MemoryStore::trim_queue(QueueId id, Position position) {
  const std::scoped_lock lock(shared_->mutex);
  const auto it = shared_->queues.find(id);
  if (it != shared_->queues.end()) it->second.trimmed = std::max(it->second.trimmed, position);
}

void MemoryStore::damage(Position position) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->damaged.insert(position);
}

std::optional<store::ReadResult> MemoryStore::read_cached(const store::ReadRequest& request) {
  const std::scoped_lock lock(shared_->mutex);
  auto result = shared_->read(request);
  if (!result || !result->damaged.empty()) return std::nullopt;
  return std::move(*result);
}

Result<store::ReadResult> MemoryStore::read(const store::ReadRequest& request) {
  auto lock = std::unique_lock(shared_->mutex);
  if (const auto before = shared_->before_reads) {
    lock.unlock();
    before();
    lock.lock();
  }
  return shared_->read(request);
}

Result<store::ReadResult> MemoryStore::Shared::read(const store::ReadRequest& request) {
  if (read_fails) return fail(*read_fails, "the test fails reads");
  ++reads;
  store::ReadResult result{.entries = {}, .next = request.after, .at_end = true, .lost = 0};
  const auto end = limit(request.visibility);
  std::size_t bytes = 0;
  for (auto i = first_after(request.after); i < messages.size(); ++i) {
    const auto& placed = stream[messages[i]];
    if (placed.position >= end) break;
    const auto& message = stored(messages[i]);
    const auto found = mask(message, request.queues);
    if (found == 0) continue;
    if (result.entries.size() >= request.maximum_messages ||
        (!result.entries.empty() && bytes + message.payload.size() > request.maximum_bytes)) {
      result.at_end = false;
      return result;
    }
    result.next = placed.position;
    if (placed.position <= deleted) {
      ++result.lost;
      continue;
    }
    if (damaged.contains(placed.position)) {
      if (request.pass_damaged) {
        result.damaged.push_back(placed.position);
        continue;
      }
      result.at_end = false;
      if (result.entries.empty()) return fail(Errc::Corrupt, "damaged at offset 7");
      result.next = result.entries.back().message->position();
      return result;
    }
    bytes += message.payload.size();
    result.entries.push_back({store::MessagePtr(placed.batch, &message.view), found});
  }
  result.next = std::max(request.after, Position(end.get() - 1));
  return result;
}

Result<store::MessagePtr> MemoryStore::message_at(Position position) {
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->read_fails) return fail(*shared_->read_fails, "the test fails reads");
  for (const auto at : shared_->messages) {
    if (shared_->stream[at].position != position) continue;
    if (shared_->damaged.contains(position)) return fail(Errc::Corrupt, "damaged at offset 7");
    return store::MessagePtr(shared_->stream[at].batch, &shared_->stored(at).view);
  }
  return fail(Errc::NotFound, "no message at this position");
}

Result<store::ReadResult> MemoryStore::scan_log(const store::ScanRequest& request) {
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->read_fails) return fail(*shared_->read_fails, "the test fails reads");
  store::ReadResult result{.entries = {}, .next = request.after, .at_end = false, .lost = 0};
  for (auto i = shared_->first_after(std::max(request.after, shared_->deleted));
       i < shared_->messages.size(); ++i) {
    const auto& placed = shared_->stream[shared_->messages[i]];
    if (placed.position >= std::min(request.before, shared_->durable)) break;
    if (result.entries.size() >= request.maximum_messages) return result;
    if (shared_->damaged.contains(placed.position)) {
      if (result.entries.empty()) return fail(Errc::Corrupt, "damaged at offset 7");
      return result;
    }
    const auto& stored = shared_->stored(shared_->messages[i]);
    result.next = placed.position;
    if (std::ranges::any_of(request.filters,
                            [&](const auto& f) { return mqtt::matches(f, stored.topic); }))
      result.entries.push_back({store::MessagePtr(placed.batch, &stored.view), 0});
  }
  result.at_end = request.before <= shared_->durable;
  if (result.at_end) result.next = std::max(request.after, request.before);
  return result;
}

Result<store::FindResult> MemoryStore::find(const store::FindRequest& request) {
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->read_fails) return fail(*shared_->read_fails, "the test fails reads");
  store::FindResult result{.messages = {}, .next = request.beyond, .at_end = true};
  auto order = std::vector(shared_->messages.begin(), shared_->messages.end());
  if (request.newest_first) std::ranges::reverse(order);
  for (const auto at : order) {
    const auto& placed = shared_->stream[at];
    const auto& message = shared_->stored(at).view;
    if (placed.position >= shared_->durable || placed.position <= shared_->deleted) continue;
    const bool is_known = request.newest_first ? placed.position >= request.beyond
                                               : placed.position <= request.beyond;
    if (request.beyond != Position() && is_known) continue;
    if (request.from_ms && message.timestamp_ms < *request.from_ms) continue;
    if (request.before_ms && message.timestamp_ms >= *request.before_ms) continue;
    if (!request.filter.empty() && !mqtt::matches(request.filter, message.topic)) continue;
    if (result.messages.size() == request.maximum_messages) {
      result.at_end = false;
      break;
    }
    result.next = placed.position;
    if (shared_->damaged.contains(placed.position))
      result.damaged.push_back(placed.position);
    else
      result.messages.emplace_back(placed.batch, &message);
  }
  return result;
}

Result<Position> MemoryStore::position_before(std::int64_t wall_ms) {
  const std::scoped_lock lock(shared_->mutex);
  for (const auto at : shared_->messages) {
    if (shared_->stored(at).view.timestamp_ms >= wall_ms)
      return Position(shared_->stream[at].position.get() - 1);
  }
  return Position(shared_->head.get() - 1);
}

std::uint64_t MemoryStore::log_bytes(Position after, Position before) const {
  return after < before ? before.get() - after.get() : 0;
}

Position MemoryStore::back_from(Position end, std::uint64_t bytes) const {
  return Position(end.get() > bytes ? end.get() - bytes : 0);
}

void MemoryStore::notify(std::uint64_t key, std::span<const QueueId> queues, Position after,
                         Visibility visibility, std::function<void()> wake) {
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->waiters[key] = {{queues.begin(), queues.end()}, after, visibility, std::move(wake)};
  }
  run_waiters();
}

void MemoryStore::cancel_notify(std::uint64_t key) {
  const std::scoped_lock waking(shared_->waking);
  const std::scoped_lock lock(shared_->mutex);
  shared_->waiters.erase(key);
}

std::uint64_t MemoryStore::count_after(std::span<const QueueId> queues, Position after,
                                       std::uint64_t maximum) {
  const std::scoped_lock lock(shared_->mutex);
  std::uint64_t count = 0;
  after = std::max(after, shared_->deleted);
  for (auto i = shared_->first_after(after); i < shared_->messages.size() && count < maximum; ++i) {
    for (const auto queue : queues) {
      const auto& in = shared_->stored(shared_->messages[i]).queues;
      if (std::ranges::find(in, queue) != in.end()) ++count;
    }
  }
  return std::min(count, maximum);
}

Result<store::Store::Skipped> MemoryStore::skip_deleted(std::span<const QueueId> queues,
                                                        Position after) {
  const std::scoped_lock lock(shared_->mutex);
  Skipped skipped{0, std::max(after, shared_->deleted)};
  for (auto i = shared_->first_after(after); i < shared_->messages.size(); ++i) {
    if (shared_->stream[shared_->messages[i]].position > shared_->deleted) break;
    if (Shared::mask(shared_->stored(shared_->messages[i]), queues) != 0) ++skipped.lost;
  }
  return skipped;
}

void MemoryStore::set_readers(store::Readers readers) {
  const std::scoped_lock lock(shared_->reading);
  shared_->readers = std::move(readers);
}

Result<std::optional<std::string>> MemoryStore::get(StateKind kind, std::string_view key) {
  const std::scoped_lock lock(shared_->mutex);
  const auto it = shared_->state.find(std::pair(kind, std::string(key)));
  if (it == shared_->state.end()) return std::optional<std::string>();
  return std::optional(it->second);
}

Result<void> MemoryStore::scan_behind(StateKind kind, std::string_view prefix,
                                      std::string_view after, Visit visit) {
  std::vector<std::pair<std::string, std::string>> found;
  {
    const std::scoped_lock lock(shared_->mutex);
    auto it = shared_->state.lower_bound(std::pair(kind, std::string(prefix)));
    for (; it != shared_->state.end() && it->first.first == kind &&
           it->first.second.starts_with(prefix);
         ++it)
      found.emplace_back(it->first.second, it->second);
    if (kind == StateKind::Queue) {  // the engine's own: filters; what the value is stays with it
      for (const auto& [name, id] : shared_->by_filter) {
        const auto filter = name.substr(2);  // behind `p:`
        if (!store::is_volatile(id) && shared_->queues.contains(id) && filter.starts_with(prefix))
          found.emplace_back(filter, "");
      }
    }
  }
  for (const auto& [key, value] : found) {
    if (!after.empty() && key <= after) continue;
    if (!visit(key, value)) break;
  }
  return {};
}

store::Health MemoryStore::health() const {
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->closed) return {.accepting = false, .reason = Errc::Closed, .detail = "closed"};
  if (shared_->append_fails)
    return {.accepting = false, .reason = *shared_->append_fails, .detail = "the test says so"};
  store::Health health;
  if (!shared_->damaged.empty()) health.damage = "damaged at offset 7";
  return health;
}

store::Statistics MemoryStore::statistics() const {
  const std::scoped_lock lock(shared_->mutex);
  auto statistics = shared_->statistics;
  statistics.head = shared_->head;
  statistics.durable = shared_->durable;
  statistics.queues = shared_->queues.size();
  statistics.begin = shared_->deleted;
  return statistics;
}

void MemoryStore::close() {
  make_durable();
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->closed = true;
  }
  shared_->became_durable.notify_all();
}

void MemoryStore::run_waiters() {
  const std::scoped_lock waking(shared_->waking);
  std::vector<std::function<void()>> due;
  {
    const std::scoped_lock lock(shared_->mutex);
    for (auto it = shared_->waiters.begin(); it != shared_->waiters.end();) {
      if (shared_->holds(it->second)) {
        due.push_back(std::move(it->second.wake));
        it = shared_->waiters.erase(it);
      } else {
        ++it;
      }
    }
  }
  for (const auto& wake : due) wake();
}

void MemoryStore::tell_listeners(Position durable) {
  const std::scoped_lock waking(shared_->waking);
  std::vector<DurableListener> listeners;
  {
    const std::scoped_lock lock(shared_->mutex);
    for (const auto& [id, listener] : shared_->listeners) listeners.push_back(listener);
  }
  for (const auto& listener : listeners) listener(durable);
}

}  // namespace sluice::test
