#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "store/store.hpp"

namespace sluice::connect {

// What kind of error made a letter of a message.
enum class LetterClass : std::uint8_t {
  Unmapped,  // no record could be made of it: `where`, jq, schema, templates, expired
  Refused,   // the other side will never take it as it stands
  Denied,    // the task's account may not publish, or have, it
  GivenUp,   // it came back for longer than delivery.retry.give_up_after
};
[[nodiscard]] std::string_view name_of(LetterClass error);

// A message that could not be delivered, with why. Views: used at once.
struct DeadLetter {
  const model::Message* message = nullptr;
  std::string_view reason;
  std::string_view target;  // the mapped topic; empty when the mapping failed
  unsigned attempts = 0;
  std::int64_t at_ms = 0;
  LetterClass error = LetterClass::Unmapped;
};

// The properties of a message as letters and previews show them.
[[nodiscard]] boost::json::object properties_of(const model::Message& message);

// The messages that tasks gave up on, whole: small state under `<task id>/<position>`. Together
// they take a bounded number of bytes.
//
// Owns:    the StateKind::DeadLetter records.
// Threads: every call from any thread but an event loop: they block.
class DeadLetters {
 public:
  DeadLetters(store::Store& store, std::uint64_t maximum_bytes);

  [[nodiscard]] Result<void> load();  // counts what is there
  // Keeps as many from the front as there is room for: durable when this returns. The same message
  // twice is one letter. Errors: Overloaded (no room for the first), and those of the store.
  [[nodiscard]] Result<std::size_t> keep(std::string_view task_id,
                                         std::span<const DeadLetter> letters, bool drop_oldest);
  // {"items":[...],"next":"..."}, oldest first; `after` is the `next` of the page before.
  [[nodiscard]] Result<boost::json::object> page(std::string_view task_id, std::size_t limit,
                                                 std::string_view after) const;
  // Why the task gave this message up; nothing where it did not.
  [[nodiscard]] Result<std::optional<std::string>> reason_of(std::string_view task_id,
                                                             model::Position position) const;
  // As page() shows it; nothing where there is none.
  [[nodiscard]] Result<std::optional<boost::json::object>> find(std::string_view task_id,
                                                                model::Position position) const;
  // As it is kept, for decode_letter(); nothing where there is none.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view task_id,
                                                       model::Position position) const;
  // Of at most `limit` letters behind `after`, ascending.
  [[nodiscard]] Result<std::vector<model::Position>> positions(std::string_view task_id,
                                                               model::Position after,
                                                               std::size_t limit) const;
  // It was tried once more and refused again. Nothing where there is none any more.
  [[nodiscard]] Result<void> refused_again(std::string_view task_id, model::Position position,
                                           std::string_view reason, LetterClass error,
                                           std::int64_t at_ms);
  // Those that are there; durable when this returns. The number of them.
  [[nodiscard]] Result<std::size_t> erase(std::string_view task_id,
                                          std::span<const model::Position> positions);
  [[nodiscard]] Result<void> erase_all(std::string_view task_id);
  [[nodiscard]] std::uint64_t count(std::string_view task_id) const;

 private:
  struct Use {
    std::uint64_t letters = 0;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] bool has_room(std::uint64_t bytes) const { return total_ + bytes <= maximum_; }
  [[nodiscard]] Result<void> replace_and_make_room(std::string_view task_id, const std::string& key,
                                                   std::uint64_t bytes, bool drop_oldest,
                                                   store::Batch& batch);
  void forget(std::string_view task_id, std::uint64_t bytes);

  store::Store& store_;
  const std::uint64_t maximum_;
  mutable std::mutex mutex_;  // guards all below, and one change at a time
  std::uint64_t total_ = 0;
  std::map<std::string, Use, std::less<>> uses_;
};

}  // namespace sluice::connect
