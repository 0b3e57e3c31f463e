#pragma once
#include <string>

#include "connect/sink.hpp"

namespace sluice::connect {

// A record as one JSON object on one line: topic, key, timestamp, headers, value. Bytes that are
// not UTF-8 stand in base 64 under `key_base64` and `value_base64`.
void append_record(std::string& out, const Record& record);

}  // namespace sluice::connect
