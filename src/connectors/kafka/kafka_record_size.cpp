#include "connectors/kafka/kafka_record_size.hpp"

namespace sluice::connectors::kafka {

static constexpr std::size_t kBatchHeader = 61;

RecordSize size_of(const connect::Record& record) {
  // After the batch's header, of the record: length, attributes, timestamp and offset deltas,
  // lengths of key and value, number of headers, and two lengths per header. Each number takes 1 to
  // 5 bytes (10 for the timestamp), and the library counts the latter.
  static constexpr std::size_t kAtLeast = kBatchHeader + 7;
  static constexpr std::size_t kAtMost = kBatchHeader + 36;
  std::size_t content = record.value.size() + (record.key ? record.key->size() : 0);
  for (const auto& [name, value] : record.headers) content += name.size() + value.size();
  return {content + kAtLeast + 2 * record.headers.size(),
          content + kAtMost + 10 * record.headers.size()};
}

std::size_t size_in_batch(const connect::Record& record) {
  return size_of(record).at_most - kBatchHeader;
}

}  // namespace sluice::connectors::kafka
