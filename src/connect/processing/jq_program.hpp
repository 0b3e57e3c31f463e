#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct jq_state;

namespace sluice::connect::processing {

// A jq program, compiled once and run for every payload. Never in the server itself: what a message
// can make libjq do includes not returning, taking all memory and aborting.
// docs/adr/0042-processing-in-a-child.md
//
// Threads: one.
class JqProgram {
 public:
  // Fails with what is wrong and in which line.
  [[nodiscard]] static Result<JqProgram, std::string> compile(const std::string& text);

  enum class Kind { Value, Nothing, Failed };
  // Runs it. `out` gets the result as compact JSON (Value), or why there is none (Failed).
  [[nodiscard]] Kind run(std::string_view payload, std::string& out);

 private:
  struct Teardown {
    void operator()(jq_state* state) const;
  };
  std::unique_ptr<jq_state, Teardown> state_;
};

}  // namespace sluice::connect::processing
