#include "connect/letter_record.hpp"

#include <algorithm>

#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

// What they say is of the message that could not go. The copy is another one: it is not retained,
// and does not expire.
bool is_of_the_message_alone(std::string_view name) {
  return name == "mqtt.retain" || name == "mqtt.message_expiry";
}

Mapping mapping_of(const LetterCopy& copy) {
  Mapping mapping;
  mapping.topic = copy.topic;
  mapping.key = Template::compile("${client_id}").value();
  return mapping;
}

}  // namespace

LetterRecord::LetterRecord(const LetterCopy& copy, Names names)
    : task_(std::move(names.task)),
      mapping_(mapping_of(copy)),
      mapper_(mapping_, std::move(names.node), std::move(names.worker), std::move(names.origin)) {}

Result<Record, std::string> LetterRecord::make(const SavedLetter& letter, Arena& arena,
                                               std::int64_t now_ms) {
  auto record = mapper_.map(letter.message, arena, now_ms);
  if (!record) return record;
  headers_.clear();
  add_letter(letter, arena);
  std::ranges::copy_if(record->headers, std::back_inserter(headers_),
                       [](const auto& header) { return !is_of_the_message_alone(header.first); });
  const auto headers = arena.array<std::pair<std::string_view, std::string_view>>(headers_.size());
  std::ranges::copy(headers_, headers.begin());
  record->headers = headers;
  return record;
}

// By the names that they have in the letter itself.
void LetterRecord::add_letter(const SavedLetter& letter, Arena& arena) {
  const auto& message = letter.message;
  const auto number = [&](std::uint64_t value) { return arena.copy(std::to_string(value)); };
  add("dead_letter.task", task_);
  add("dead_letter.class", letter.error);
  add("dead_letter.reason", letter.reason);
  add("dead_letter.attempts", number(letter.attempts));
  add("dead_letter.first_rejected_at", letter.first_rejected_at);
  add("dead_letter.rejected_at", letter.rejected_at);
  add("dead_letter.message_id", arena.copy(model::to_hex(message.id)));
  add("dead_letter.position", number(message.position().get()));
  add("dead_letter.timestamp", letter.timestamp);
  add("dead_letter.target", letter.target);
  add("dead_letter.topic", message.topic);
  add("dead_letter.client_id", message.client_id);
  add("dead_letter.qos", qos_text(message));
  add("dead_letter.retain", message.retain ? "true" : "false");
  const auto properties = mqtt::Properties::from_checked(message.properties);
  if (const auto expiry = properties.number(mqtt::PropertyId::MessageExpiryInterval))
    add("dead_letter.message_expiry", number(*expiry));
}

}  // namespace sluice::connect
