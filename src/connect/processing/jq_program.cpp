#include "connect/processing/jq_program.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

extern "C" {
#include <jq.h>
}

#include "connect/processing/bounds.hpp"
#include "connect/processing/wire.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect::processing {
namespace {

constexpr std::size_t kLongestReason = 512;

// Owns one reference to a jq value.
class Jv {
 public:
  explicit Jv(jv value) : value_(value) {}
  Jv(Jv&& other) noexcept : value_(std::exchange(other.value_, jv_invalid())) {}
  Jv& operator=(Jv&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Jv() { jv_free(value_); }

  [[nodiscard]] bool is_valid() const { return jv_get_kind(value_) != JV_KIND_INVALID; }
  [[nodiscard]] jv copy() const { return jv_copy(value_); }
  [[nodiscard]] jv release() { return std::exchange(value_, jv_invalid()); }
  // As text where it is text, otherwise as JSON.
  [[nodiscard]] std::string text() const {
    const Jv text(jv_get_kind(value_) == JV_KIND_STRING ? copy() : jv_dump_string(copy(), 0));
    return {jv_string_value(text.value_),
            static_cast<std::size_t>(jv_string_length_bytes(text.copy()))};
  }

 private:
  jv value_;
};

// jq writes `<...>` in the place of what stands too deep, which is no JSON.
bool is_cut(std::string_view json) {
  if (json.find('<') == std::string_view::npos) return false;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') in_text = !in_text;
    if (in_text && json[i] == '\\') ++i;
    if (!in_text && json[i] == '<') return true;
  }
  return false;
}

std::string shortened(std::string text) {
  if (text.size() <= kLongestReason) return text;
  auto end = kLongestReason;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

void collect_error(void* collected, jv message) {
  auto& text = *static_cast<std::string*>(collected);
  text += Jv(jq_format_error(message)).text() + '\n';
}

// `jq: error: syntax error, unexpected $end (Unix shell quoting issues?) at <top-level>, line 2:`,
// the rest of the program from there, and how many errors there are: the first of them is told.
std::string told(std::string text) {
  static constexpr std::string_view kPrefix = "jq: error: ";
  static constexpr std::string_view kShell = " (Unix shell quoting issues?)";
  static constexpr std::string_view kPlace = " at <top-level>, ";
  if (text.starts_with(kPrefix)) text.erase(0, kPrefix.size());
  if (const auto at = text.find(kShell); at != std::string::npos) text.erase(at, kShell.size());
  auto line = text.substr(0, text.find('\n'));
  const auto at = line.find(kPlace);
  if (at == std::string::npos) return shortened(std::move(line));
  auto place = line.substr(at + kPlace.size());
  if (place.ends_with(':')) place.pop_back();
  return shortened(place + ": " + line.substr(0, at));
}

jv no_input(jq_state* /*unused*/, void* /*unused*/) {
  return jv_invalid();
}

void ignore(void* /*unused*/, jv message) {
  jv_free(message);
}

void end_for_lack_of_memory(void* /*unused*/) {
  ::_exit(kTookTooMuchMemory);
}

}  // namespace

void JqProgram::Teardown::operator()(jq_state* state) const {
  jq_teardown(&state);
}

Result<JqProgram, std::string> JqProgram::compile(const std::string& text) {
  JqProgram program;
  program.state_.reset(jq_init());
  auto* state = program.state_.get();
  if (state == nullptr) return tl::unexpected(std::string("jq cannot be started"));
  jq_set_nomem_handler(state, end_for_lack_of_memory, nullptr);
  // jq_init() leaves whoever gives more input, and takes what `debug` says, to chance.
  jq_set_input_cb(state, no_input, nullptr);
  jq_set_debug_cb(state, ignore, nullptr);
  std::string errors;
  jq_set_error_cb(state, collect_error, &errors);
  // Nowhere: without it `import` fails an assertion of the library.
  jq_set_attr(state, jv_string("JQ_LIBRARY_PATH"), jv_array());
  const bool is_compiled = jq_compile(state, text.c_str()) != 0;
  jq_set_error_cb(state, ignore, nullptr);
  if (!is_compiled) return tl::unexpected(told(std::move(errors)));
  return program;
}

JqProgram::Kind JqProgram::run(std::string_view payload, std::string& out) {
  const auto failed = [&out](std::string why) {
    out = shortened(std::move(why));
    return Kind::Failed;
  };
  if (!mqtt::is_valid_utf8(payload)) return failed("the payload is not JSON: it is not UTF-8");
  Jv input(jv_parse_sized(payload.data(), static_cast<int>(payload.size())));
  if (!input.is_valid()) {
    return failed("the payload is not JSON: " + Jv(jv_invalid_get_msg(input.release())).text());
  }
  jq_start(state_.get(), input.release(), 0);
  Jv result(jq_next(state_.get()));
  if (jq_halted(state_.get()) != 0) return failed("the program halted");
  if (!result.is_valid()) {
    if (jv_invalid_has_msg(result.copy()) == 0) return Kind::Nothing;
    return failed(Jv(jv_invalid_get_msg(result.release())).text());
  }
  Jv second(jq_next(state_.get()));
  if (jq_halted(state_.get()) != 0) return failed("the program halted");
  if (second.is_valid())
    return failed(
        "the program has more than one result: one message becomes one record, so "
        "gather them with [ ]");
  if (jv_invalid_has_msg(second.copy()) != 0)
    return failed(Jv(jv_invalid_get_msg(second.release())).text());
  const Jv dumped(jv_dump_string(result.release(), 0));
  out = dumped.text();
  if (out.size() > std::max(kLargestResult, 2 * payload.size()))
    return failed("the result is too large: " + std::to_string(out.size()) + " bytes");
  if (is_cut(out)) return failed("the result is nested too deep: jq writes 256 levels");
  return Kind::Value;
}

}  // namespace sluice::connect::processing
