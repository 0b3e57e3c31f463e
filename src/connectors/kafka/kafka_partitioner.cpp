#include "connectors/kafka/kafka_partitioner.hpp"

namespace sluice::connectors::kafka {
namespace {

using namespace std::chrono_literals;

// Brokers forget a producer that wrote nothing to a partition: after a day, unless their
// producer.id.expiration.ms says otherwise.
constexpr auto kProvenFor = 10min;
// As partitioner.availability.timeout.ms of Java's producers (KIP-794).
constexpr auto kSilentAfter = 1s;

thread_local Partitioner* asked_about = nullptr;

}  // namespace

void Partitioner::set_count(int count) {
  if (count <= 0) return;
  count_ = count;
  if (partitions_.size() < static_cast<std::size_t>(count))
    partitions_.resize(static_cast<std::size_t>(count));
}

bool Partitioner::is_proven(int partition, Time now) const {
  return at(partition).proven_until > now;
}

// A record is on the way that will tell.
bool Partitioner::is_proving(int partition, Time now) const {
  return at(partition).on_their_way > 0 && !is_proven(partition, now);
}

// Its round has been on its way for long: its leader may be gone.
bool Partitioner::is_silent(int partition, Time now) const {
  const auto& asked = at(partition);
  return now < asked.no_leader_until ||
         (asked.on_their_way > 0 && now - asked.round > kSilentAfter);
}

bool Partitioner::may_take(int partition, std::size_t bytes, Time now) const {
  const auto& asked = at(partition);
  if (unplaced_ > 0) return false;
  if (asked.on_their_way == 0) return true;
  return asked.round == now && is_proven(partition, now) &&
         asked.on_their_way < options_.most_records && asked.bytes + bytes <= options_.most_bytes;
}

int Partitioner::choose(const std::optional<std::string_view>& key, Time now) {
  return count_ == 0 || unplaced_ > 0 ? kNone : place_of(key, now);
}

int Partitioner::place_of(const std::optional<std::string_view>& key, Time now) {
  if (!key) return choose_without_key(now);
  return rd_kafka_msg_partitioner_murmur2(nullptr, key->data(), key->size(), count_, nullptr,
                                          nullptr);
}

// One that still has to prove itself gets its one record, and one that is silent none; those after
// it go elsewhere: to one that is proven, else to one that has not been tried, else they stay.
int Partitioner::choose_without_key(Time now) {
  const bool is_known = stays_with_ != kNone && stays_with_ < count_;
  auto wanted = stays_with_;
  if (!is_known || now >= stays_until_) {
    wanted = static_cast<int>(random_() % static_cast<unsigned>(count_));
    stays_until_ = now + options_.stays_for;
  }
  const auto answers = [&](int partition) {
    return !is_proving(partition, now) && !is_silent(partition, now);
  };
  if (answers(wanted)) return stays_with_ = wanted;
  const auto find_other = [&](auto fits) {
    for (int i = 1; i < count_; ++i) {
      const auto other = (wanted + i) % count_;
      if (fits(other)) return other;
    }
    return kNone;
  };
  auto other = find_other(
      [&](int partition) { return is_proven(partition, now) && !is_silent(partition, now); });
  if (other == kNone) other = find_other(answers);
  if (other == kNone) other = is_known ? stays_with_ : wanted;
  return stays_with_ = other;
}

void Partitioner::settle(int partition, int written_to, bool arrived, Time now) {
  if (partition == kNone) {
    --unplaced_;
  } else {
    --partitions_[static_cast<std::size_t>(partition)].on_their_way;
  }
  if (written_to < 0 || static_cast<std::size_t>(written_to) >= partitions_.size()) return;
  partitions_[static_cast<std::size_t>(written_to)].proven_until =
      arrived ? now + kProvenFor : Time::min();
}

void Partitioner::begin_handover(int chosen, bool has_key, Time now) {
  chosen_ = chosen;
  placed_ = kNone;
  has_key_ = has_key;
  now_ = now;
  asked_about = this;
}

int Partitioner::end_handover(bool is_taken, std::size_t bytes) {
  asked_about = nullptr;
  if (!is_taken) return kNone;
  if (placed_ == kNone) {
    ++unplaced_;
    return kNone;
  }
  auto& taking = partitions_[static_cast<std::size_t>(placed_)];
  if (taking.on_their_way++ == 0) {
    taking.round = now_;
    taking.bytes = 0;
  }
  taking.bytes += bytes;
  return placed_;
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
  const auto is_available = [&](int partition) {
    return rd_kafka_topic_partition_available(topic, partition) != 0;
  };
  if (!is_proving(first, now_) && is_available(first)) return first;
  partitions_[static_cast<std::size_t>(first)].no_leader_until = now_ + kSilentAfter;
  const auto find = [&](auto fits) {
    for (int i = 1; i < count; ++i) {
      const auto partition = (first + i) % count;
      if (fits(partition) && is_available(partition)) return partition;
    }
    return kNone;
  };
  auto other = find([&](int partition) { return may_take(partition, 0, now_); });
  if (other == kNone) other = find([&](int partition) { return !is_proving(partition, now_); });
  return other == kNone ? first : other;
}

std::int32_t Partitioner::on_question(const rd_kafka_topic_t* topic, const void* key,
                                      std::size_t key_size, std::int32_t count,
                                      void* /*topic_opaque*/, void* /*record_opaque*/) {
  if (asked_about == nullptr)
    return rd_kafka_msg_partitioner_murmur2_random(topic, key, key_size, count, nullptr, nullptr);
  return asked_about->placed_ = asked_about->place(topic, key, key_size, count);
}

}  // namespace sluice::connectors::kafka
