#include "connectors/kafka/kafka_partitioner.hpp"

namespace sluice::connectors::kafka {
namespace {

using namespace std::chrono_literals;

// Brokers forget a producer that wrote nothing to a partition: after a day, unless their
// producer.id.expiration.ms says otherwise.
constexpr auto kProvenFor = 10min;

thread_local Partitioner* asked_about = nullptr;

}  // namespace

void Partitioner::set_count(int count) {
  count_ = count;
  if (partitions_.size() < static_cast<std::size_t>(count))
    partitions_.resize(static_cast<std::size_t>(count));
}

bool Partitioner::is_proven(int partition, Time now) const {
  return partitions_[static_cast<std::size_t>(partition)].proven_until > now;
}

bool Partitioner::may_take(int partition, Time now) const {
  return !partitions_[static_cast<std::size_t>(partition)].is_proving || is_proven(partition, now);
}

int Partitioner::choose(const std::optional<std::string_view>& key, Time now) {
  if (count_ == 0 || has_unplaced_) return kNone;
  if (!key) return choose_without_key(now);
  return rd_kafka_msg_partitioner_murmur2(nullptr, key->data(), key->size(), count_, nullptr,
                                          nullptr);
}

// One that still has to prove itself gets its one record, and those after it go elsewhere: to one
// that is proven, else to one that has not been tried, else they stay.
int Partitioner::choose_without_key(Time now) {
  const bool is_known = stays_with_ != kNone && stays_with_ < count_;
  auto wanted = stays_with_;
  if (!is_known || now >= stays_until_) {
    wanted = static_cast<int>(random_() % static_cast<unsigned>(count_));
    stays_until_ = now + stays_for_;
  }
  if (may_take(wanted, now)) return stays_with_ = wanted;
  const auto find_other = [&](auto fits) {
    for (int i = 1; i < count_; ++i) {
      const auto other = (wanted + i) % count_;
      if (fits(other)) return other;
    }
    return kNone;
  };
  auto other = find_other([&](int partition) { return is_proven(partition, now); });
  if (other == kNone) other = find_other([&](int partition) { return may_take(partition, now); });
  if (other == kNone) other = is_known ? stays_with_ : wanted;
  return stays_with_ = other;
}

void Partitioner::settle(int partition, bool arrived, Time now) {
  has_unplaced_ = false;
  if (partition < 0 || static_cast<std::size_t>(partition) >= partitions_.size()) return;
  auto& found = partitions_[static_cast<std::size_t>(partition)];
  found.is_proving = false;
  found.proven_until = arrived ? now + kProvenFor : Time::min();
}

void Partitioner::begin_handover(int chosen, bool has_key, Time now) {
  chosen_ = chosen;
  placed_ = kNone;
  has_key_ = has_key;
  now_ = now;
  asked_about = this;
}

void Partitioner::end_handover(bool is_taken) {
  asked_about = nullptr;
  if (!is_taken) return;
  if (placed_ == kNone) {
    has_unplaced_ = true;
  } else if (!is_proven(placed_, now_)) {
    partitions_[static_cast<std::size_t>(placed_)].is_proving = true;
  }
}

// The topic may have grown, or been made anew, since the last question. A record without a key
// avoids a partition that has no leader at the moment.
int Partitioner::place(const rd_kafka_topic_t* topic, const void* key, std::size_t key_size,
                       int count) {
  const bool is_known = chosen_ != kNone && count == count_;
  set_count(count);
  if (has_key_)
    return is_known
               ? chosen_
               : rd_kafka_msg_partitioner_murmur2(topic, key, key_size, count, nullptr, nullptr);
  const auto first = chosen_ == kNone ? 0 : chosen_ % count;
  for (int i = 0; i < count; ++i) {
    const auto partition = (first + i) % count;
    if (may_take(partition, now_) && rd_kafka_topic_partition_available(topic, partition) != 0)
      return partition;
  }
  return first;
}

std::int32_t Partitioner::on_question(const rd_kafka_topic_t* topic, const void* key,
                                      std::size_t key_size, std::int32_t count,
                                      void* /*topic_opaque*/, void* /*record_opaque*/) {
  if (asked_about == nullptr)
    return rd_kafka_msg_partitioner_murmur2_random(topic, key, key_size, count, nullptr, nullptr);
  return asked_about->placed_ = asked_about->place(topic, key, key_size, count);
}

}  // namespace sluice::connectors::kafka
