#include "simulation/sink.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "simulation/world.hpp"

namespace sluice::simulation {

using connect::Delivery;
using connect::Verdict;

namespace {

constexpr std::size_t kRoom = 24;

// The second half of a message id.
std::uint64_t position_of(std::string_view message_id) {
  std::uint64_t position = 0;
  const auto* begin = message_id.data() + 16;
  std::from_chars(begin, begin + 16, position, 16);
  return position;
}

}  // namespace

SimulatedSink::SimulatedSink(World& world, Callbacks callbacks)
    : world_(world), callbacks_(std::move(callbacks)) {
  world_.set_sink(this);
}

SimulatedSink::~SimulatedSink() {
  world_.set_sink(nullptr);
}

Result<std::size_t> SimulatedSink::write(std::span<const connect::Record> records) {
  if (world_.is_dead()) return fail(Errc::Unavailable, "the process is dead");
  if (!world_.is_calm() && world_.random().one_in(50))
    return fail(Errc::Unavailable, "the other side is away");
  if (came_back_) return 0;
  std::size_t taken = 0;
  for (; taken < records.size() && held_.size() < kRoom; ++taken) {
    const auto& record = records[taken];
    auto [client, sequence] = World::origin_of(record.value);
    held_.push_back({record.token, position_of(*record.key), std::move(client), sequence});
  }
  return taken;
}

connect::Sink::Milliseconds SimulatedSink::collect(std::vector<Delivery>& outcomes) {
  std::ranges::move(outcomes_, std::back_inserter(outcomes));
  outcomes_.clear();
  came_back_ = false;
  return kNotByItself;
}

void SimulatedSink::abandon() {
  for (const auto& held : held_)
    outcomes_.push_back({held.token, Verdict::RetryLater, true, false, "given up"});
  held_.clear();
  came_back_ = true;
  callbacks_.on_ready();
}

void SimulatedSink::act(bool calm) {
  if (held_.empty()) return;
  auto& random = world_.random();
  auto count = 1 + random.below(held_.size());
  bool came_back = false;
  while (!held_.empty() && (count > 0 || came_back)) {
    const auto held = held_.front();
    held_.pop_front();
    if (count > 0) --count;
    auto verdict = Verdict::Delivered;
    bool maybe = false;
    // The same message is always rejected: that is what rejected means.
    if (World::is_rejected(held.sequence)) verdict = Verdict::Rejected;
    if (came_back || (!calm && random.one_in(20))) verdict = Verdict::RetryLater;
    if (verdict == Verdict::RetryLater && !came_back) maybe = random.one_in(2);
    came_back = came_back || verdict == Verdict::RetryLater;
    // One that is rejected counts as come: that its dead letter is kept is looked for in the log.
    if (verdict != Verdict::RetryLater || (maybe && !World::is_rejected(held.sequence))) {
      world_.note({.kind = test::Event::Kind::Delivered,
                   .client = held.client,
                   .sequence = held.sequence,
                   .consumer = "task",
                   .qos = 1,
                   .offset = held.position});
      if (maybe) world_.note({.kind = test::Event::Kind::Broken, .consumer = "task"});
    }
    outcomes_.push_back({held.token, verdict, maybe, false,
                         verdict == Verdict::Delivered ? "" : "the simulation says so"});
  }
  came_back_ = came_back_ || came_back;
  callbacks_.on_ready();
}

}  // namespace sluice::simulation
