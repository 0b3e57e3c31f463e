#include "connectors/kafka/kafka_verdict.hpp"

#include <cstddef>

#include "connectors/kafka/kafka_client.hpp"

namespace sluice::connectors::kafka {

bool is_too_large(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
         error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

bool is_fault_of_a_record(rd_kafka_resp_err_t error) {
  return is_too_large(error) || error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
         error == RD_KAFKA_RESP_ERR_INVALID_RECORD || error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
}

std::string outcomes_page() {
  std::string out =
      "What becomes of a record for each error that a broker may answer with. *Again* is in its "
      "place, before all that comes behind it, until it arrives or `delivery.retry.give_up_after` "
      "is over; so is whatever the client library says by itself (no connection, no answer). "
      "*Alone* is without others in its batch: one that is refused alone is rejected, a dead "
      "letter by default.\n\n"
      "| Error | Number | What Kafka says | The record | What to do |\n|---|---|---|---|---|\n";
  const rd_kafka_err_desc* errors = nullptr;
  std::size_t count = 0;
  rd_kafka_get_err_descs(&errors, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = errors[i].code;
    if (code <= RD_KAFKA_RESP_ERR_NO_ERROR || errors[i].name == nullptr) continue;
    const auto* outcome = is_too_large(code)           ? "again in smaller batches, at last alone"
                          : is_fault_of_a_record(code) ? "again, alone"
                                                       : "again";
    out += std::string("| `") + errors[i].name + "` | " + std::to_string(code) + " | " +
           (errors[i].desc != nullptr ? errors[i].desc : "") + " | " + outcome + " | " +
           hint_for(code) + " |\n";
  }
  return out;
}

}  // namespace sluice::connectors::kafka
