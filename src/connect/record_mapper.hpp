#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connect/sink.hpp"
#include "connect/template.hpp"
#include "where/condition.hpp"

namespace sluice::connect {

enum class ValueForm : std::uint8_t { Raw, Envelope, Template, CloudEvent };
enum class HeaderForm : std::uint8_t { All, None, List, CloudEvent };

// The compiled `map` of a task.
struct Mapping {
  Template topic;
  Template key;  // empty: records have no key
  ValueForm value_form = ValueForm::Raw;
  Template value;  // of ValueForm::Template
  HeaderForm header_form = HeaderForm::All;
  std::vector<std::pair<std::string, Template>> headers;      // of HeaderForm::List
  std::vector<std::pair<std::string, std::string>> metadata;  // constants of the envelope
};

// Makes the record of a message: interface.md §5. What it can point at in the message it points at;
// the rest goes into the arena.
//
// Threads: one at a time; `mapping` must outlive it.
class RecordMapper {
 public:
  // `worker` stands in the envelope as the one who made it. `origin`: what is added to the origins
  // of a record; empty: nothing is.
  RecordMapper(const Mapping& mapping, std::string node_name, std::string worker,
               std::string origin = {});

  // What the condition comes to; nothing when it takes more work than a message may cost. Asked
  // before map(), the message is looked into once for both.
  [[nodiscard]] std::optional<where::Truth> judge(const where::Condition& condition,
                                                  const model::Message& message, Arena& arena,
                                                  std::vector<std::string_view>* missing = nullptr);
  static constexpr std::string_view kTooMuchWork =
      "where: the condition takes too long for this message";

  // `payload`: what the task's steps have made of the message's own, to stand in its place. Fails
  // with the reason, for a person, when the message lacks what a template needs.
  [[nodiscard]] Result<Record, std::string> map(
      const model::Message& message, Arena& arena, std::int64_t now_ms,
      std::optional<std::string_view> payload = std::nullopt);

 private:
  using Headers = decltype(Record::headers);
  [[nodiscard]] Headers all_headers(std::int64_t now_ms);
  void add_properties(std::int64_t now_ms);
  [[nodiscard]] Result<Headers, std::string> listed_headers();
  void begin_headers();
  [[nodiscard]] Result<Headers, std::string> with_origins(Headers headers);
  [[nodiscard]] Headers take_headers();
  [[nodiscard]] std::string_view envelope();
  [[nodiscard]] std::string_view cloud_event(std::optional<std::string_view> key);
  [[nodiscard]] std::string_view number(std::uint64_t value);

  const Mapping& mapping_;
  std::string worker_;
  const std::string origin_;
  MessageFields fields_;
  const model::Message* judged_ = nullptr;  // fields_ are its already
  model::Message processed_;                // the one with another payload
  std::vector<std::pair<std::string_view, std::string_view>> headers_;
};

}  // namespace sluice::connect
