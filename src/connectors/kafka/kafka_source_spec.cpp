// What a task with a Kafka source may say.
#include "connectors/kafka/kafka_source_spec.hpp"

#include <boost/json/array.hpp>

#include "connectors/kafka/kafka_source.hpp"
#include "connectors/kafka/kafka_topics.hpp"

namespace sluice::connectors::kafka {

using schema::Type;

schema::Fields source_fields() {
  return {
      {.name = "topics",
       .type = Type::TextList,
       .help = "Topics to read, by their names.",
       .required = true,
       .minimum = 1,
       .maximum = 64},
      {.name = "group",
       .help = "The consumer group. Empty: `group-<connection>-<task>`.",
       .fallback = "",
       .maximum = 249},
      {.name = "start",
       .type = Type::Any,
       .help = "Where the group begins in partitions of which it has no place yet: `now`, "
               "`earliest` or {\"time\": \"RFC 3339\"}.",
       .fallback = "now"},
      {.name = "buffer_bytes",
       .type = Type::Bytes,
       .help = "Memory for records that are read ahead.",
       .fallback = 16 << 20,
       .minimum = 1 << 20,
       .maximum = std::int64_t{1} << 30},
  };
}

void check_source(const boost::json::object& source, std::vector<schema::Problem>& problems) {
  std::size_t index = 0;
  for (const auto& topic : source.at("topics").as_array()) {
    if (auto why = why_not_topic(topic.as_string()))
      problems.push_back({"/source/topics/" + std::to_string(index), std::move(*why)});
    ++index;
  }
}

}  // namespace sluice::connectors::kafka
