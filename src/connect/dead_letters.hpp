#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/function_ref.hpp"
#include "connect/letter_filter.hpp"
#include "connect/letter_reasons.hpp"
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
// they take a bounded number of bytes. A letter that is to be copied elsewhere has a mark besides,
// which comes with it and goes with it at the latest.
//
// Owns:    the StateKind::DeadLetter records, and StateKind::Document `letter_copy/...`.
// Threads: every call from any thread but an event loop: they block.
class DeadLetters {
 public:
  // Of letters that one call of what searches looks at; one of them at least.
  static constexpr std::size_t kLooksAt = std::size_t{16} << 20;  // bytes
  DeadLetters(store::Store& store, std::uint64_t maximum_bytes, std::size_t looks_at = kLooksAt);

  [[nodiscard]] Result<void> load();  // counts what is there
  struct Keeping {
    bool drop_oldest = false;  // of the task, where there is no room
    bool is_copied = false;    // copies() has them until settle_copies()
  };
  // Keeps as many from the front as there is room for: durable when this returns. The same message
  // twice is one letter. Errors: Overloaded (no room for the first), and those of the store.
  [[nodiscard]] Result<std::size_t> keep(std::string_view task_id,
                                         std::span<const DeadLetter> letters, const Keeping& how);
  // Why the task gave this message up; nothing where it did not.
  [[nodiscard]] Result<std::optional<std::string>> reason_of(std::string_view task_id,
                                                             model::Position position) const;
  // As page() shows it; nothing where there is none.
  [[nodiscard]] Result<std::optional<boost::json::object>> find(std::string_view task_id,
                                                                model::Position position) const;
  // As it is kept, for decode_letter(); nothing where there is none.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view task_id,
                                                       model::Position position) const;
  // It was tried once more and refused again. Nothing where there is none any more.
  [[nodiscard]] Result<void> refused_again(std::string_view task_id, model::Position position,
                                           std::string_view reason, LetterClass error,
                                           std::int64_t at_ms);
  // Those that are there; durable when this returns. The number of them.
  [[nodiscard]] Result<std::size_t> erase(std::string_view task_id,
                                          std::span<const model::Position> positions);
  [[nodiscard]] Result<void> erase_all(std::string_view task_id);
  [[nodiscard]] std::uint64_t count(std::string_view task_id) const;
  // What is known of a task's letters without a look at them.
  struct Summary {
    std::uint64_t letters = 0;
    std::uint64_t bytes = 0;
    std::int64_t last_ms = 0;  // when the task gave one up last, or one was refused again
    std::optional<LetterReasons::Counted> commonest = {};
  };
  [[nodiscard]] Summary summary(std::string_view task_id) const;
  [[nodiscard]] std::uint64_t maximum_bytes() const { return maximum_; }  // of all tasks together

  // --- searching: letter_search.cpp. One call looks at a bounded part of the letters.
  // {"items":[...],"next":"..."}, oldest first; `after` is the `next` of the page before, which may
  // have found less than `limit`, or nothing yet.
  [[nodiscard]] Result<boost::json::object> page(std::string_view task_id, std::size_t limit,
                                                 std::string_view after,
                                                 const LetterFilter& filter = {}) const;
  struct Found {
    std::vector<model::Position> positions = {};  // ascending
    std::uint64_t bytes = 0;                      // of those letters
    model::Position looked_at = {};               // all up to there
    bool at_end = false;
  };
  // Of at most `limit` letters behind `after`.
  [[nodiscard]] Result<Found> search(std::string_view task_id, model::Position after,
                                     std::size_t limit, const LetterFilter& filter) const;

  // --- copies: letter_copies.cpp
  // Of at most `limit` letters behind `after` that are to be copied, ascending, durable all of
  // them. `with_refused`: also those whose copy was refused before.
  [[nodiscard]] Result<std::vector<model::Position>> copies(std::string_view task_id,
                                                            model::Position after,
                                                            std::size_t limit,
                                                            bool with_refused) const;
  // The copies of some have arrived, those of others were refused. Durable when this returns.
  [[nodiscard]] Result<void> settle_copies(std::string_view task_id,
                                           std::span<const model::Position> arrived,
                                           std::span<const model::Position> refused);
  [[nodiscard]] Result<void> forget_copies(std::string_view task_id);  // none is to be made
  struct Copies {
    std::uint64_t waiting = 0;
    std::uint64_t refused = 0;  // of those
  };
  [[nodiscard]] Copies count_copies(std::string_view task_id) const;
  // Is told the lowest of those that were kept and are to be copied, on the thread of keep(). None:
  // nobody is told any more, once this returns.
  using CopyListener = std::function<void(model::Position lowest)>;
  void listen_for_copies(std::string_view task_id, CopyListener listener);

 private:
  struct Use {
    std::uint64_t letters = 0;
    std::uint64_t bytes = 0;
    std::int64_t last_ms = 0;
    LetterReasons reasons = {};
    Copies copies = {};
  };
  struct Counted {  // what of one letter stands in a Use
    std::uint64_t bytes = 0;
    std::string reason = {};
    std::int64_t at_ms = 0;
  };
  enum class Mark : std::uint8_t { None, Waiting, Refused };  // of a letter that is to be copied
  [[nodiscard]] bool has_room(std::uint64_t bytes) const { return total_ + bytes <= maximum_; }
  [[nodiscard]] Result<void> replace_and_make_room(std::string_view task_id, const std::string& key,
                                                   std::uint64_t bytes, bool drop_oldest,
                                                   store::Batch& batch);
  [[nodiscard]] static Counted counted_of(std::string_view saved);
  void count_in(std::string_view task_id, const Counted& letter);
  void forget(std::string_view task_id, const Counted& letter);
  // False: that one does not belong to what is looked for any more, nor does what comes behind it.
  using VisitLetter = FunctionRef<bool(std::string_view digits, std::string_view saved)>;
  struct Walked {
    std::string looked_at;  // the digits of the last one
    bool at_end = true;
  };
  [[nodiscard]] Result<Walked> walk(std::string_view task_id, std::string_view after,
                                    const LetterFilter& filter, VisitLetter visit) const;
  [[nodiscard]] Result<std::size_t> keep_all(std::string_view task_id,
                                             std::span<const DeadLetter> letters,
                                             const Keeping& how);
  [[nodiscard]] Result<void> load_copies();
  [[nodiscard]] Result<Mark> mark_of(std::string_view letter_key) const;
  [[nodiscard]] Result<void> mark(std::string_view task_id, const std::string& letter_key,
                                  store::Batch& batch);
  [[nodiscard]] Result<void> unmark(std::string_view task_id, const std::string& letter_key,
                                    store::Batch& batch);
  [[nodiscard]] Result<void> unmark_all(std::string_view task_id, store::Batch& batch) const;
  void count_mark(std::string_view task_id, Mark before, Mark after);
  [[nodiscard]] bool has_copies(std::string_view task_id) const;
  void tell_of_copies(std::string_view task_id, std::span<const DeadLetter> kept);

  store::Store& store_;
  const std::uint64_t maximum_;
  const std::size_t looks_at_;
  mutable std::mutex mutex_;  // guards all below, and one change at a time
  std::uint64_t total_ = 0;
  std::map<std::string, Use, std::less<>> uses_;

  std::mutex listening_;  // guards the listeners
  std::map<std::string, CopyListener, std::less<>> listeners_;
};

// Shared by the files of this class: `<task id>/`, and the key of one letter, which sorts as the
// log does: behind the prefix the digits of its position.
[[nodiscard]] std::string letters_prefix(std::string_view task_id);
[[nodiscard]] std::string letter_key(std::string_view task_id, model::Position position);
[[nodiscard]] model::Position position_in(std::string_view digits);

}  // namespace sluice::connect
