#pragma once
#include <string>
#include <vector>

#include "app/settings.hpp"

namespace sluice::app {

struct KafkaDevOptions {
  struct Topic {
    std::string name;
    int partitions = 4;
  };
  BindAddress bind{"127.0.0.1", 9092};
  std::vector<Topic> topics;  // made at the start; others are made when they are asked for
};

// "NAME:PARTITIONS" or "NAME".
[[nodiscard]] Result<KafkaDevOptions::Topic> parse_kafka_topic(const std::string& text);

// Runs librdkafka's mock cluster until SIGTERM or SIGINT. Returns the exit code.
//
// The mock listens on a port of its own choice on 127.0.0.1 and tells that one to its clients; the
// address of `bind` is relayed to it. So it serves clients of this machine only.
int run_kafka_dev(const KafkaDevOptions& options);

}  // namespace sluice::app
