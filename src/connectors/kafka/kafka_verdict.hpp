// What becomes of a record for each error that Kafka may answer with: decided here alone.
#pragma once
#include <string>

#include <librdkafka/rdkafka.h>

namespace sluice::connectors::kafka {

// The batch as a whole was too large; smaller ones may fit.
[[nodiscard]] bool is_too_large(rd_kafka_resp_err_t error);
// One record can cause it, and the whole batch around it gets it: its records go again one by one,
// and only one that is refused alone is rejected. All other errors end some day: the record is
// tried again, in its place, for ever or until `give_up_after`.
[[nodiscard]] bool is_fault_of_a_record(rd_kafka_resp_err_t error);

// Every error of the brokers with what becomes of the record: a Markdown table.
[[nodiscard]] std::string outcomes_page();

}  // namespace sluice::connectors::kafka
