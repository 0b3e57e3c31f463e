#include "connectors/kafka/kafka_accumulator.hpp"

#include <algorithm>
#include <iterator>

#include "connectors/kafka/kafka_topics.hpp"

namespace sluice::connectors::kafka {
namespace {

using connect::Record;

constexpr std::size_t kMostSpare = 16;

RecordAccumulator::OfPartition& at(Topic& topic, int partition) {
  return topic.waiting.partitions[static_cast<std::size_t>(partition)];
}

}  // namespace

bool RecordAccumulator::has_to_wait(const Topic& topic, int partition) const {
  if (linger_.count() > 0) return true;
  const auto& partitions = topic.waiting.partitions;
  const auto index = static_cast<std::size_t>(partition);
  return index < partitions.size() && !partitions[index].records.empty();
}

void RecordAccumulator::add(Topic& topic, int partition, const Record& record, std::size_t bytes,
                            Time now) {
  auto& partitions = topic.waiting.partitions;
  const auto least = static_cast<std::size_t>(partition) + 1;
  if (partitions.size() < least) partitions.resize(least);
  topic.waiting.count = topic.partitioner.count();
  auto& waiting = at(topic, partition);
  if (waiting.records.empty()) {
    places_.emplace_back(&topic, partition);
    waiting.since = now;
    if (!spare_.empty()) {
      waiting.records = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  waiting.records.push_back({record, bytes});
  waiting.bytes += bytes;
  ++records_;
}

void RecordAccumulator::follow(Topic& topic, Time now) {
  if (topic.waiting.count == topic.partitioner.count()) return;
  topic.waiting.count = topic.partitioner.count();
  // Of one key all wait in one place, so that their order stays.
  std::vector<Waiting> all;
  std::erase_if(places_, [&](const Place& place) {
    if (place.first != &topic) return false;
    auto& waiting = at(topic, place.second);
    std::ranges::move(waiting.records, std::back_inserter(all));
    waiting = {};
    return true;
  });
  records_ -= all.size();
  for (const auto& [record, bytes] : all) {
    add(topic, topic.partitioner.place_of(record.key, now), record, bytes, now - linger_);
  }
}

bool RecordAccumulator::has_time(const OfPartition& waiting, Time now) const {
  return waiting.bytes < batch_bytes_ && now - waiting.since < linger_;
}

RecordAccumulator::Step RecordAccumulator::drain(Time now, bool all, const HandOver& hand_over) {
  due_ = Time::max();
  for (std::size_t i = 0; i < places_.size();) {
    const auto place = places_[i];
    auto& waiting = at(*place.first, place.second);
    if (!all && has_time(waiting, now)) {
      due_ = std::min(due_, waiting.since + linger_);
      ++i;
      continue;
    }
    const auto step = drain_one(place, now, hand_over);
    if (place.first->waiting.count != place.first->partitioner.count()) {
      follow(*place.first, now);
      i = 0;
    } else if (waiting.records.empty()) {
      // A topic that is quiet for long keeps no memory of its busiest hour.
      auto memory = std::exchange(waiting.records, {});
      if (spare_.size() < kMostSpare) spare_.push_back(std::move(memory));
      places_.erase(places_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
    if (step == Step::NotNow) return step;
  }
  return Step::Taken;
}

// Ends early where the topic turns out to have another number of partitions.
RecordAccumulator::Step RecordAccumulator::drain_one(Place place, Time now,
                                                     const HandOver& hand_over) {
  const auto& [topic, partition] = place;
  auto& waiting = at(*topic, partition);
  auto step = Step::Taken;
  auto next = waiting.records.begin();
  while (next != waiting.records.end() && topic->waiting.count == topic->partitioner.count() &&
         topic->partitioner.may_take(partition, next->bytes, now)) {
    step = hand_over(*topic, partition, *next);
    if (step == Step::NotNow) break;
    waiting.bytes -= next->bytes;
    --records_;
    ++next;
  }
  waiting.records.erase(waiting.records.begin(), next);
  return step;
}

std::pair<const Topic&, const Record&> RecordAccumulator::first() const {
  const auto& [topic, partition] = places_.front();
  return {*topic, at(*topic, partition).records.front().record};
}

void RecordAccumulator::take_all(const std::function<void(const Topic&, const Record&)>& take) {
  for (const auto& [topic, partition] : places_) {
    auto& waiting = at(*topic, partition);
    for (const auto& each : waiting.records) take(*topic, each.record);
    waiting = {};
  }
  places_.clear();
  records_ = 0;
  due_ = Time::max();
}

}  // namespace sluice::connectors::kafka
