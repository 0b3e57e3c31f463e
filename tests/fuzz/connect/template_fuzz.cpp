// Whatever the template and whatever the payload: compiling ends with parts or with a place inside
// the text, evaluating ends with text or with a name, and a constant is what it says it is.
// The input is a template, a zero byte, and a payload.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "connect/template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sluice::connect::Template;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = input.find('\0');
  const auto text = input.substr(0, zero);
  const auto compiled = Template::compile(text);
  if (!compiled) {
    if (compiled.error().line == 0 || compiled.error().column > text.size() + 1) std::abort();
    return 0;
  }
  sluice::model::Message message;
  message.topic = "plant/7/telemetry";
  message.payload = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1);
  message.client_id = "meter";
  sluice::connect::Arena arena;
  sluice::connect::MessageFields fields("node");
  for (int round = 0; round < 2; ++round) {  // nothing of a message may stay for the next
    arena.reset();
    fields.use(message, arena);
    const auto value = compiled->evaluate(fields);
    const auto constant = compiled->constant();
    if (constant && (!value || *value != *constant)) std::abort();
    if (!value && value.error().empty()) std::abort();
  }
  return 0;
}
