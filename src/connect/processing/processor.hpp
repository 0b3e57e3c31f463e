#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "connect/arena.hpp"

namespace sluice::connect::processing {

// What a task does to payloads before they are mapped, in this order.
struct Steps {
  std::string schema = {};  // a JSON Schema that they must meet, as JSON; empty: none
  std::string jq = {};      // a program that makes them anew; empty: none

  [[nodiscard]] bool is_empty() const { return schema.empty() && jq.empty(); }
};

// Why steps cannot be run.
struct StepsFault {
  Errc code = Errc::Unavailable;  // InvalidArgument: never as they stand
  std::string pointer = {};       // into the task's document, where it is at fault
  std::string detail = {};
};

// Runs a task's steps over payloads, in a child process of its own that can do nothing but compute:
// a message that takes too long, takes too much memory or crashes the library costs that process
// and not the server. docs/adr/0042-processing-in-a-child.md
//
// Owns:    the child, started when it is first needed and again after it died.
// Threads: one, and always the same: the child ends with the thread that started it.
class Processor {
 public:
  struct Outcome {
    enum class Kind : std::uint8_t { Value, PassedOver, Rejected } kind = Kind::Value;
    std::string_view text;  // the new payload, or why it is rejected; in the arena
  };

  explicit Processor(Steps steps);
  ~Processor();
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;

  // Whether the steps can be run at all.
  [[nodiscard]] Result<void, StepsFault> check();
  // One outcome for each payload, in order. Who waits may be asked to stop meanwhile: then
  // Unavailable, and nothing came of it.
  // Errors: InvalidArgument, Unavailable, as check().
  [[nodiscard]] Result<void> run(std::span<const std::string_view> payloads, Arena& arena,
                                 std::vector<Outcome>& outcomes,
                                 const std::function<bool()>& is_stopping);

  // For a test: the child as it is now; 0: there is none.
  [[nodiscard]] pid_t child() const { return child_; }

 private:
  struct Work;
  enum class Exchange : std::uint8_t { Done, Died, Stopped };

  [[nodiscard]] Result<void, StepsFault> ensure_child();
  [[nodiscard]] Result<void> spawn();
  [[nodiscard]] Exchange exchange(std::size_t count, Arena& arena, std::vector<Outcome>& outcomes,
                                  const std::function<bool()>& is_stopping);
  [[nodiscard]] bool send();
  [[nodiscard]] bool receive();
  void take_answers(std::size_t count, Arena& arena, std::vector<Outcome>& outcomes);
  // Ends the child if it has not ended by itself; what it said on leaving.
  [[nodiscard]] std::string bury(const Work& work);

  [[nodiscard]] std::string name() const;  // of the steps, to begin a reason with

  const Steps steps_;
  pid_t child_ = 0;
  Descriptor channel_;
  std::string output_, input_;
  std::size_t sent_ = 0;   // of output_
  std::size_t taken_ = 0;  // of input_
  bool is_stuck_ = false;  // the child
  // The child that was buried last.
  bool met_a_bound_ = false;
  bool crashed_ = false;
};

}  // namespace sluice::connect::processing
