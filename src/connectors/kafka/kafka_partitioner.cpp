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
  if (count > this->count()) partitions_.resize(static_cast<std::size_t>(count));
}

bool Partitioner::is_proven(int partition, Time now) const {
  return partitions_[static_cast<std::size_t>(partition)].proven_until > now;
}

bool Partitioner::may_take(int partition, Time now) const {
  const auto& found = partitions_[static_cast<std::size_t>(partition)];
  return !found.is_proving || found.proven_until > now;
}

int Partitioner::choose(const std::optional<std::string_view>& key, Time now) {
  has_key_ = key.has_value();
  now_ = now;
  chosen_ = kNone;
  if (partitions_.empty() || has_unplaced_) return kNone;
  if (!key) return chosen_ = choose_without_key(now);
  const auto partition = rd_kafka_msg_partitioner_murmur2(nullptr, key->data(), key->size(),
                                                          count(), nullptr, nullptr);
  return chosen_ = may_take(partition, now) ? partition : kNone;
}

// One that still has to prove itself gets its one record, and those after it go to one that has.
int Partitioner::choose_without_key(Time now) {
  if (stays_with_ == kNone || now >= stays_until_) {
    stays_with_ = static_cast<int>(random_() % partitions_.size());
    stays_until_ = now + stays_for_;
  }
  if (may_take(stays_with_, now)) return stays_with_;
  for (int i = 1; i < count(); ++i) {
    const auto other = (stays_with_ + i) % count();
    if (is_proven(other, now)) return stays_with_ = other;
  }
  return kNone;
}

void Partitioner::settle(int partition, bool arrived, Time now) {
  has_unplaced_ = false;
  if (partition < 0 || partition >= count()) return;
  auto& found = partitions_[static_cast<std::size_t>(partition)];
  found.is_proving = false;
  if (arrived) found.proven_until = now + kProvenFor;
}

void Partitioner::begin_handover() {
  placed_ = kNone;
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

// The topic may have grown since the last question. A record without a key avoids a partition that
// has no leader at the moment.
int Partitioner::place(const rd_kafka_topic_t* topic, const void* key, std::size_t key_size,
                       int count) {
  const bool is_known = chosen_ != kNone && count == this->count();
  set_count(count);
  if (has_key_)
    return is_known
               ? chosen_
               : rd_kafka_msg_partitioner_murmur2(topic, key, key_size, count, nullptr, nullptr);
  const auto first = chosen_ == kNone ? 0 : chosen_;
  for (int i = 0; i < count; ++i) {
    const auto partition = (first + i) % count;
    if (may_take(partition, now_) && rd_kafka_topic_partition_available(topic, partition) != 0)
      return partition;
  }
  return first % count;
}

std::int32_t Partitioner::on_question(const rd_kafka_topic_t* topic, const void* key,
                                      std::size_t key_size, std::int32_t count,
                                      void* /*topic_opaque*/, void* /*record_opaque*/) {
  if (asked_about == nullptr)
    return rd_kafka_msg_partitioner_murmur2_random(topic, key, key_size, count, nullptr, nullptr);
  return asked_about->placed_ = asked_about->place(topic, key, key_size, count);
}

}  // namespace sluice::connectors::kafka
