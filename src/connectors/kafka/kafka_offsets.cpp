#include "connectors/kafka/kafka_offsets.hpp"

#include <algorithm>
#include <chrono>
#include <poll.h>
#include <span>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connectors::kafka {
namespace {

using namespace std::chrono_literals;

namespace json = boost::json;

constexpr int kAskOffsetsMs = 5000;
constexpr std::size_t kMostSought = 1024;  // partitions, one by one
constexpr auto kSettledWithin = 5s;        // by another member, before this one does
constexpr int kLookForPlacesEveryMs = 100;

tl::unexpected<Error> no_offsets(const char* what, rd_kafka_resp_err_t error) {
  return fail(Errc::Unavailable, std::string(what) + ": " + explain(error, ""));
}

std::span<rd_kafka_topic_partition_t> all_of(const PartitionList& list) {
  return {list->elems, static_cast<std::size_t>(list->cnt)};
}

bool has_place(const rd_kafka_topic_partition_t& partition) {
  return partition.offset >= 0;
}

Result<void> ask_committed(rd_kafka_t* client, const PartitionList& partitions) {
  constexpr const char* kWhat = "the place of its consumer group cannot be read";
  const auto asked = rd_kafka_committed(client, partitions.get(), kAskOffsetsMs);
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return no_offsets(kWhat, asked);
  for (const auto& partition : all_of(partitions))
    if (partition.err != RD_KAFKA_RESP_ERR_NO_ERROR) return no_offsets(kWhat, partition.err);
  return {};
}

Result<void> commit(rd_kafka_t* client, const PartitionList& places) {
  if (places->cnt == 0) return {};
  const auto kept = rd_kafka_commit(client, places.get(), 0);
  if (kept == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return no_offsets("the place of its consumer group cannot be written", kept);
}

// All that the topic has, whoever reads them.
Result<PartitionList> partitions_of(rd_kafka_t* client, const std::string& topic) {
  constexpr const char* kWhat = "its partitions cannot be read";
  const TopicHandle handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (!handle) return no_offsets(kWhat, rd_kafka_last_error());
  const struct rd_kafka_metadata* raw = nullptr;
  const auto error = rd_kafka_metadata(client, 0, handle.get(), &raw, kAskOffsetsMs);
  const Metadata metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return no_offsets(kWhat, error);
  if (metadata->topic_cnt != 1) return no_offsets(kWhat, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  const auto& found = metadata->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return no_offsets(kWhat, found.err);
  PartitionList list(rd_kafka_topic_partition_list_new(found.partition_cnt));
  for (int i = 0; i < found.partition_cnt; ++i)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), found.partitions[i].id);
  return list;
}

Result<Ends> ask_ends(rd_kafka_t* client, const rd_kafka_topic_partition_t& partition) {
  const auto ends = ends_of(client, partition.topic, partition.partition, kAskOffsetsMs);
  if (!ends) return no_offsets("the ends of its partitions cannot be read", ends.error());
  return *ends;
}

Result<std::int64_t> first_at(rd_kafka_t* client, const rd_kafka_topic_partition_t& partition,
                              std::int64_t wall_ms, const Ends& ends) {
  const PartitionList times(rd_kafka_topic_partition_list_new(1));
  auto* asked =
      rd_kafka_topic_partition_list_add(times.get(), partition.topic, partition.partition);
  asked->offset = wall_ms;
  const auto error = rd_kafka_offsets_for_times(client, times.get(), kAskOffsetsMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return no_offsets("the offset of a time cannot be read", error);
  if (asked->err != RD_KAFKA_RESP_ERR_NO_ERROR)
    return no_offsets("the offset of a time cannot be read", asked->err);
  return asked->offset >= 0 ? asked->offset : ends.high;
}

Result<std::int64_t> first_of(rd_kafka_t* client, const rd_kafka_topic_partition_t& partition,
                              const connect::Start& start, const Ends& ends) {
  if (std::holds_alternative<connect::StartEarliest>(start)) return ends.low;
  if (const auto* time = std::get_if<connect::StartTime>(&start))
    return first_at(client, partition, time->wall_ms, ends);
  return ends.high;
}

// A topic of which this member was given partitions without a place.
class FreshTopic {
 public:
  FreshTopic(rd_kafka_t* client, std::string topic, const rd_kafka_topic_partition_list_t& given)
      : client_(client), topic_(std::move(topic)), given_(given) {}

  // Gives them places, in `partitions`.
  [[nodiscard]] Result<void> settle(const connect::Start& start, const PartitionList& partitions);

 private:
  [[nodiscard]] Result<bool> is_known();
  [[nodiscard]] Result<void> wait_until_known();
  [[nodiscard]] Result<void> place_first(const connect::Start& start);
  [[nodiscard]] Result<void> place_added();
  [[nodiscard]] bool is_given(std::int32_t partition) const {
    return rd_kafka_topic_partition_list_find(&given_, topic_.c_str(), partition) != nullptr;
  }

  rd_kafka_t* client_;
  const std::string topic_;
  const rd_kafka_topic_partition_list_t& given_;
  PartitionList all_;  // of the topic, as the group has them
};

// Whether the group has a place in any of its partitions.
Result<bool> FreshTopic::is_known() {
  SL_TRY(all, partitions_of(client_, topic_));
  all_ = std::move(all);
  SL_TRY_VOID(ask_committed(client_, all_));
  return std::ranges::any_of(all_of(all_), has_place);
}

// Who was given the first partition settles the topic for all members: what is settled later by
// somebody else could not be told from a partition that was added since.
Result<void> FreshTopic::wait_until_known() {
  const auto until = std::chrono::steady_clock::now() + kSettledWithin;
  while (std::chrono::steady_clock::now() < until) {
    ::poll(nullptr, 0, kLookForPlacesEveryMs);  // Kafka tells nobody of others' commits
    SL_TRY(known, is_known());
    if (known) return {};
  }
  log::info("the member of a consumer group that has the first partition commits no offsets",
            {{"topic", topic_}});
  return {};
}

// A group that is new to the topic begins in all of its partitions now, also in those of others.
Result<void> FreshTopic::place_first(const connect::Start& start) {
  for (auto& partition : all_of(all_)) {
    SL_TRY(ends, ask_ends(client_, partition));
    SL_TRY(first, first_of(client_, partition, start, ends));
    partition.offset = first;
  }
  return commit(client_, all_);
}

// Everything in them came after the group had begun.
Result<void> FreshTopic::place_added() {
  const PartitionList added(rd_kafka_topic_partition_list_new(1));
  for (auto& partition : all_of(all_)) {
    if (has_place(partition) || !is_given(partition.partition)) continue;
    SL_TRY(ends, ask_ends(client_, partition));
    partition.offset = ends.low;
    rd_kafka_topic_partition_list_add(added.get(), topic_.c_str(), partition.partition)->offset =
        ends.low;
  }
  return commit(client_, added);
}

Result<void> FreshTopic::settle(const connect::Start& start, const PartitionList& partitions) {
  SL_TRY(known, is_known());
  if (!known && !is_given(0)) SL_TRY_VOID(wait_until_known());
  const bool is_first = std::ranges::none_of(all_of(all_), has_place);
  SL_TRY_VOID(is_first ? place_first(start) : place_added());
  for (const auto& settled : all_of(all_)) {
    auto* partition =
        rd_kafka_topic_partition_list_find(partitions.get(), topic_.c_str(), settled.partition);
    if (partition != nullptr && !has_place(*partition)) partition->offset = settled.offset;
  }
  return {};
}

}  // namespace

Result<Settled> settle_offsets(rd_kafka_t* client, const rd_kafka_topic_partition_list_t& given,
                               const connect::Start& start) {
  Settled settled{.partitions = PartitionList(rd_kafka_topic_partition_list_copy(&given))};
  if (given.cnt == 0) return settled;
  SL_TRY_VOID(ask_committed(client, settled.partitions));
  for (auto& partition : all_of(settled.partitions)) {
    // Those of the same topic that follow have their places then.
    if (!has_place(partition))
      SL_TRY_VOID(FreshTopic(client, partition.topic, given).settle(start, settled.partitions));
    if (!has_place(partition))
      return no_offsets("its partitions cannot be read", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    SL_TRY(ends, ask_ends(client, partition));
    const bool is_gone = partition.offset < ends.low;
    if (is_gone) settled.lost += ends.low - partition.offset;
    // Behind the end: the topic was made anew, and nothing of it has been read.
    if (is_gone || partition.offset > ends.high) partition.offset = ends.low;
  }
  return settled;
}

tl::expected<Seek, std::string> Seek::parse(const json::value& start) {
  const auto not_allowed = [] {
    return tl::unexpected(std::string(
        "must be `earliest`, `latest`, {\"time\": \"2024-05-01T12:00:00Z\"} or {\"offsets\": "
        "[{\"topic\": \"...\", \"partition\": 0, \"offset\": 0}]}"));
  };
  const auto* object = start.if_object();
  const auto* list = object != nullptr ? object->if_contains("offsets") : nullptr;
  if (list == nullptr) {
    const bool is_latest = start.is_string() && start.get_string() == "latest";
    auto to = connect::parse_start(is_latest ? json::value("now") : start);
    if (!to || std::holds_alternative<connect::StartPosition>(*to)) return not_allowed();
    return Seek{.to = *to, .offsets = {}};
  }
  if (!list->is_array() || list->get_array().empty() || object->size() != 1 ||
      list->get_array().size() > kMostSought)
    return not_allowed();
  Seek seek;
  for (const auto& entry : list->get_array()) {
    const auto* place = entry.if_object();
    if (place == nullptr || place->size() != 3) return not_allowed();
    const auto topic = text_at(*place, "topic");
    const auto* partition = place->if_contains("partition");
    const auto* offset = place->if_contains("offset");
    if (topic.empty() || partition == nullptr || !partition->is_int64() || offset == nullptr ||
        !offset->is_int64() || partition->get_int64() < 0 || offset->get_int64() < 0 ||
        partition->get_int64() > INT32_MAX)
      return not_allowed();
    seek.offsets[{topic, static_cast<std::int32_t>(partition->get_int64())}] = offset->get_int64();
  }
  return seek;
}

Result<void> move_offsets(rd_kafka_t* client, const PartitionList& settled, const Seek& seek) {
  const PartitionList moved(rd_kafka_topic_partition_list_new(1));
  for (auto& partition : all_of(settled)) {
    SL_TRY(ends, ask_ends(client, partition));
    auto place = partition.offset;
    if (seek.to) {
      SL_TRY(first, first_of(client, partition, *seek.to, ends));
      place = first;
    } else if (const auto it = seek.offsets.find({partition.topic, partition.partition});
               it != seek.offsets.end()) {
      place = it->second;
    }
    partition.offset = std::clamp(place, ends.low, ends.high);
    rd_kafka_topic_partition_list_add(moved.get(), partition.topic, partition.partition)->offset =
        partition.offset;
  }
  return commit(client, moved);
}

}  // namespace sluice::connectors::kafka
