#include "scripted_sink.hpp"

#include <algorithm>
#include <iterator>
#include <thread>

namespace sluice::connect {

void OtherSide::judge(Judge judge) {
  const std::scoped_lock lock(mutex_);
  judge_ = std::move(judge);
}

void OtherSide::room(std::size_t records) {
  const std::scoped_lock lock(mutex_);
  room_ = records;
}

void OtherSide::hold(bool holding) {
  const std::scoped_lock lock(mutex_);
  holding_ = holding;
  for (const auto& [sink, changed] : changed_) changed();
}

void OtherSide::away(std::string_view reason) {
  const std::scoped_lock lock(mutex_);
  away_ = reason;
  for (const auto& [sink, changed] : changed_) changed();
}

std::string_view ScriptedSink::away() const {
  const std::scoped_lock lock(other_side_.mutex_);
  return other_side_.away_;
}

void OtherSide::gathers_for(Sink::Milliseconds time) {
  const std::scoped_lock lock(mutex_);
  gathers_for_ = time;
}

void OtherSide::tries_successors(bool tries) {
  const std::scoped_lock lock(mutex_);
  tries_successors_ = tries;
}

void OtherSide::at_once(bool at_once) {
  const std::scoped_lock lock(mutex_);
  at_once_ = at_once;
}

void OtherSide::refuse_writes(std::optional<Error> error) {
  const std::scoped_lock lock(mutex_);
  refusal_ = std::move(error);
}

void OtherSide::connected_with(boost::json::object settings) {
  const std::scoped_lock lock(mutex_);
  connection_ = std::move(settings);
}

boost::json::object OtherSide::last_connection() const {
  const std::scoped_lock lock(mutex_);
  return connection_;
}

std::vector<Arrived> OtherSide::arrived() const {
  const std::scoped_lock lock(mutex_);
  return arrived_;
}

std::size_t OtherSide::count() const {
  const std::scoped_lock lock(mutex_);
  return arrived_.size();
}

std::size_t OtherSide::handed_over() const {
  const std::scoped_lock lock(mutex_);
  return handed_over_;
}

ScriptedSink::ScriptedSink(OtherSide& other_side, Callbacks callbacks, std::uint64_t seed)
    : other_side_(other_side), callbacks_(std::move(callbacks)), random_(seed | 1) {
  const std::scoped_lock lock(other_side_.mutex_);
  other_side_.changed_[this] = [this] { changed_.notify_all(); };
  thread_ = std::thread([this] { run(); });
}

ScriptedSink::~ScriptedSink() {
  {
    const std::scoped_lock lock(other_side_.mutex_);
    ending_ = true;
    other_side_.changed_.erase(this);
  }
  changed_.notify_all();
  thread_.join();
}

Result<std::size_t> ScriptedSink::write(std::span<const Record> records) {
  const std::scoped_lock lock(other_side_.mutex_);
  if (other_side_.refusal_) return tl::unexpected(*other_side_.refusal_);
  if (came_back_) return 0;
  const auto room = other_side_.room_ > held_.size() ? other_side_.room_ - held_.size() : 0;
  const auto taken = std::min(room, records.size());
  held_.insert(held_.end(), records.begin(), records.begin() + static_cast<std::ptrdiff_t>(taken));
  other_side_.handed_over_ += taken;
  changed_.notify_all();
  return taken;
}

Sink::Milliseconds ScriptedSink::gathers_for() const {
  const std::scoped_lock lock(other_side_.mutex_);
  return other_side_.gathers_for_;
}

Sink::Milliseconds ScriptedSink::collect(std::vector<Delivery>& outcomes) {
  const std::scoped_lock lock(other_side_.mutex_);
  std::ranges::move(outcomes_, std::back_inserter(outcomes));
  outcomes_.clear();
  came_back_ = false;
  return kNotByItself;
}

void ScriptedSink::abandon() {
  {
    const std::scoped_lock lock(other_side_.mutex_);
    for (const auto& record : held_)
      outcomes_.push_back({record.token, Verdict::RetryLater, true, false, "given up"});
    held_.clear();
  }
  callbacks_.on_ready();
}

void ScriptedSink::run() {
  for (;;) {
    {
      std::unique_lock lock(other_side_.mutex_);
      changed_.wait(lock, [this] { return ending_ || (!held_.empty() && !other_side_.holding_); });
      if (ending_) return;
      make_outcomes();
    }
    callbacks_.on_ready();
  }
}

void ScriptedSink::make_outcomes() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  auto count = std::min<std::size_t>(1 + random_ % 64, held_.size());
  bool came_back = false;
  while (!held_.empty() && (count > 0 || came_back)) {
    const auto record = held_.front();
    held_.pop_front();
    if (count > 0) --count;
    const bool was_tried = !came_back || other_side_.tries_successors_;
    auto verdict = Verdict::RetryLater;
    if (!came_back && other_side_.judge_) verdict = other_side_.judge_(record);
    if (!came_back && !other_side_.judge_) verdict = Verdict::Delivered;
    came_back = came_back || verdict == Verdict::RetryLater;
    if (verdict == Verdict::Delivered) {
      Arrived arrived{std::string(record.topic),
                      std::string(record.key.value_or("")),
                      std::string(record.value),
                      {},
                      record.timestamp_ms};
      for (const auto& [name, value] : record.headers)
        arrived.headers.emplace_back(std::string(name), std::string(value));
      other_side_.arrived_.push_back(std::move(arrived));
    }
    outcomes_.push_back({record.token, verdict, false, other_side_.at_once_,
                         verdict == Verdict::Delivered ? "" : "the script says so", was_tried});
  }
  came_back_ = came_back_ || came_back;
}

}  // namespace sluice::connect
