#include "connect/record_json.hpp"

#include <utility>

#include "base/base64.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

void append_bytes(std::string& out, std::string_view name, std::string_view bytes) {
  const bool is_text = mqtt::is_valid_utf8(bytes);
  out += '"';
  out += name;
  out += is_text ? "\":" : "_base64\":";
  if (is_text) return append_json_string(out, bytes);
  out += '"';
  append_base64(out, bytes);
  out += '"';
}

}  // namespace

void append_record(std::string& out, const Record& record) {
  out += R"({"topic":)";
  append_json_string(out, record.topic);
  if (record.key) {
    out += ',';
    append_bytes(out, "key", *record.key);
  }
  out += R"(,"timestamp":)";
  append_number(out, record.timestamp_ms);
  if (!record.headers.empty()) {
    out += R"(,"headers":[)";
    bool is_first = true;
    for (const auto& [name, value] : record.headers) {
      if (!std::exchange(is_first, false)) out += ',';
      out += R"({"name":)";
      append_json_string(out, name);
      out += ',';
      append_bytes(out, "value", value);
      out += '}';
    }
    out += ']';
  }
  out += ',';
  append_bytes(out, "value", record.value);
  out += '}';
}

}  // namespace sluice::connect
