#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/outside_message.hpp"
#include "connect/message_fields.hpp"
#include "connect/origins.hpp"
#include "connect/template.hpp"
#include "where/condition.hpp"

namespace sluice::connect {

// The compiled `map` of a task whose source is outside.
struct InboundMapping {
  Template topic;
  std::optional<Template> value;  // nothing: the payload, byte for byte
  std::optional<mqtt::Qos> qos;   // nothing: as it came, and 1 where it came without
  std::optional<bool> retain;     // nothing: as it came, and false where it came without
  bool keeps_properties = true;   // those that it came with
  std::vector<std::pair<std::string, Template>> properties;  // user properties besides
  bool is_of_records = false;  // user properties are headers: interface.md §5, the way back
};

// Why nothing can be published there, by rules that no setting changes; empty: it can.
[[nodiscard]] std::string why_not_topic(std::string_view topic);
// Why it can never become such a topic, whatever the message; empty: that depends.
[[nodiscard]] std::string why_never_a_topic(const Template& topic);

// Makes the message that is published here of what came from outside.
//
// Threads: one at a time; `mapping` must outlive it.
class InboundMapper {
 public:
  struct Names {
    std::string node;
    std::string client_id;  // whom the message is from
    std::string task_id;
    std::size_t maximum_hops = 0;
    std::string account = {};  // as which user; empty: none
  };
  InboundMapper(const InboundMapping& mapping, Names names);

  // Whether it has come in by this task before, or too often by any, or is a copy of one of its
  // dead letters.
  [[nodiscard]] bool circles(const model::Message& message) const;
  // What the condition comes to; nothing when it takes more work than a message may cost.
  [[nodiscard]] std::optional<where::Truth> judge(const where::Condition& condition,
                                                  const model::Message& message, Arena& arena,
                                                  std::vector<std::string_view>* missing = nullptr);
  // `payload`: what the task's steps have made of the message's own. Fails with the reason, for a
  // person.
  [[nodiscard]] Result<broker::OutsideMessage, std::string> map(
      const model::Message& message, Arena& arena,
      std::optional<std::string_view> payload = std::nullopt);

 private:
  [[nodiscard]] Result<std::string, std::string> properties(const model::Message& message,
                                                            std::string_view payload);

  const InboundMapping& mapping_;
  const Names names_;
  const std::string outward_;  // how its dead letters' copies bear it
  MessageFields fields_;
  model::Message processed_;  // the one with another payload
};

}  // namespace sluice::connect
