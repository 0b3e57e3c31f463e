#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/intake.hpp"
#include "connect/dead_letters.hpp"
#include "connect/inbound_mapper.hpp"
#include "connect/processing/processor.hpp"
#include "connect/redrive.hpp"
#include "connect/saved_letter.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connect {

// As Redrive, for a task whose source is outside: its letters are mapped by the task's document as
// it is now and published here, beside what the task brings in. A letter goes once its message is
// durable.
//
// Threads: one; it blocks, until its deadline at most.
class SourceRedrive {
 public:
  struct Context {
    broker::Intake& intake;
    DeadLetters& letters;
    const Clock& clock;
    std::string task_id;
    InboundMapper::Names names;
    Redrive::SteadyTime until;
    std::function<bool()> is_stopping;
    std::unique_ptr<ValueDecoder> decoder = nullptr;  // as the worker's
    broker::AccountRightsPtr rights = nullptr;        // as Redrive's
  };
  // `spec` outlives this.
  SourceRedrive(Context context, const TaskSpec& spec);
  [[nodiscard]] Result<bool> send(std::span<const model::Position> positions);
  [[nodiscard]] const Redrive::Report& report() const { return report_; }

 private:
  [[nodiscard]] Result<void> send_some(std::span<const model::Position> positions);
  [[nodiscard]] Result<broker::OutsideMessage, std::string> map(SavedLetter& letter);
  [[nodiscard]] Result<void> refuse(model::MessageId id, const std::string& reason,
                                    LetterClass error = LetterClass::Unmapped);
  [[nodiscard]] Result<void> settle(std::span<const model::MessageId> ids,
                                    const broker::Intake::Answers& answers);

  Context context_;
  const TaskSpec& spec_;
  InboundMapper mapper_;
  std::optional<processing::Processor> processor_;
  Arena arena_;
  Redrive::Report report_;
};

}  // namespace sluice::connect
