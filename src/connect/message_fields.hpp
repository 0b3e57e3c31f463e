#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "connect/arena.hpp"
#include "model/message.hpp"
#include "where/payload_json.hpp"

namespace sluice::connect {

[[nodiscard]] inline std::string_view qos_text(const model::Message& message) {
  static constexpr std::string_view kTexts[] = {"0", "1", "2"};
  return kTexts[message.qos % 3];
}

// What a template may ask of one message, found when it is asked for and at most once. Views live
// as long as the message and the arena.
//
// Threads: one at a time.
class MessageFields {
 public:
  explicit MessageFields(std::string node_name);

  // Starts over with another message; what is made for it goes into `arena`.
  void use(const model::Message& message, Arena& arena);

  [[nodiscard]] const model::Message& message() const { return *message_; }
  [[nodiscard]] std::string_view node_name() const { return node_name_; }
  [[nodiscard]] Arena& arena() { return *arena_; }
  [[nodiscard]] std::optional<std::string_view> topic_level(std::size_t index) const;
  // The last of a repeated name.
  [[nodiscard]] std::optional<std::string_view> user_property(std::string_view name) const;
  [[nodiscard]] std::string_view message_id();
  [[nodiscard]] std::string_view timestamp();
  // The payload as JSON; null when it is not JSON, or deeper than 32 levels.
  [[nodiscard]] const boost::json::value* payload_json() { return payload_.get(); }
  [[nodiscard]] where::PayloadJson& payload() { return payload_; }
  // For building text before it is copied into the arena.
  [[nodiscard]] std::string& scratch() { return scratch_; }
  [[nodiscard]] std::vector<std::string_view>& pieces() { return pieces_; }

 private:
  std::string node_name_;
  const model::Message* message_ = nullptr;
  Arena* arena_ = nullptr;
  std::string_view message_id_, timestamp_;
  where::PayloadJson payload_;
  std::string scratch_;
  std::vector<std::string_view> pieces_;
};

}  // namespace sluice::connect
