// Whatever the condition and whatever the payload: compiling ends with a program or with a place
// inside the text; evaluating ends, the second time as the first, and NOT turns True into False.
// The input is a condition, a zero byte, and a payload.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "where/condition.hpp"

namespace {

using sluice::where::Condition;
using sluice::where::PayloadJson;
using sluice::where::Truth;

void check(const Condition& condition, const Condition* negated,
           const sluice::model::Message& message) {
  PayloadJson payload;
  payload.use(message.payload);
  std::vector<std::string_view> missing;
  const auto first = condition.evaluate(message, payload, &missing);
  payload.use(message.payload);
  if (condition.evaluate(message, payload) != first) std::abort();
  if (negated == nullptr || !first) return;
  const auto opposite = negated->evaluate(message, payload);
  if (!opposite) return;  // one step more, and that was too many
  const auto expected = *first == Truth::Unknown ? Truth::Unknown
                        : *first == Truth::True  ? Truth::False
                                                 : Truth::True;
  if (*opposite != expected) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = input.find('\0');
  const auto text = input.substr(0, zero);
  const auto compiled = Condition::compile(text);
  if (!compiled) {
    const auto& error = compiled.error();
    if (error.line == 0 || error.column == 0 || error.column > text.size() + 1) std::abort();
    if (error.expected.empty()) std::abort();
    return 0;
  }
  sluice::model::Message message;
  message.topic = "plant/7/telemetry";
  message.payload = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1);
  message.client_id = "meter";
  message.properties = std::string_view(
      "\x26\x00\x04line\x00\x01"
      "3",
      10);
  message.qos = 1;
  const auto negated = Condition::compile("NOT (" + std::string(text) + "\n)");
  check(*compiled, negated ? &*negated : nullptr, message);
  return 0;
}
