// How the workers of a task share its messages, and where each of them is. docs/adr/0054.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "connect/arena.hpp"
#include "connect/message_fields.hpp"
#include "connect/template.hpp"
#include "store/store.hpp"

namespace sluice::connect {

struct TaskSpec;

// Who has which message: each worker has one range of the hash of what order is kept by. It decides
// over runs and versions, so a message is never with another worker unless the division is another.
struct Division {
  unsigned workers = 1;
  // With several workers `publisher`, `topic`, `position` (no order to keep), or `key ` and the
  // template of the key.
  std::string by = {};

  // What the n-th keeps of itself is kept under it, with the one worker as without any division.
  [[nodiscard]] std::string state_id(std::string_view task_id, std::size_t number) const;
  friend bool operator==(const Division&, const Division&) = default;
};
[[nodiscard]] Division division_of(const TaskSpec& spec);

// A division that was, and where each of its workers was when it ended.
struct Former {
  Division division;
  std::vector<store::Cursor> cursors;
};

// Where a task is.
struct Places {
  Division division;
  std::vector<store::Cursor> cursors;  // one for each worker
  // What lies behind the cursors is done with where one of these says so.
  std::vector<Former> before = {};

  [[nodiscard]] store::Cursor lowest() const;
};
// The same places for other workers: they begin at the lowest one, and what the others had done
// beyond it is not done again. What no cursor is before any more is forgotten.
[[nodiscard]] Places divided(Places places, const Division& division);

// StateKind::Cursor `task/<state_id>` for each worker; StateKind::Document `task_workers/<id>`:
// JSON, only where there are several or there is something `before`. An earlier server never sees
// it: it refuses the task's document with several workers.
void put_places(store::Batch& batch, std::string_view task_id, const Places& places);
void erase_places(store::Batch& batch, std::string_view task_id, const Places& places);
// `without`: of a worker that has no cursor.
[[nodiscard]] Result<Places> load_places(store::Store& store, std::string_view task_id,
                                         const std::function<store::Cursor()>& without);
[[nodiscard]] std::string cursor_key_of(std::string_view state_id);

// Says for a message which worker of a division has it.
//
// Threads: one at a time.
class Divider {
 public:
  Divider(Division division, std::string_view node_name);
  [[nodiscard]] unsigned worker_of(const model::Message& message);

 private:
  enum class By : std::uint8_t { Publisher, Topic, Position, Key };
  [[nodiscard]] std::uint64_t hash_of(const model::Message& message);

  unsigned workers_;
  By by_;
  Template key_;
  MessageFields fields_;
  Arena arena_;
};

// What one worker has of what it reads.
//
// Threads: one at a time.
class Share {
 public:
  Share(const Places& places, unsigned number, std::string_view node_name);
  // Whether it is this worker's, and not done with under a division that was.
  [[nodiscard]] bool has(const model::Message& message);

 private:
  struct Past {
    Past(const Former& former, std::string_view node_name)
        : divider(former.division, node_name), cursors(former.cursors) {}
    Divider divider;
    std::vector<store::Cursor> cursors;
  };
  Divider divider_;
  unsigned number_;
  std::deque<Past> before_;  // they do not move
  store::Position until_;    // nothing behind it is in `before_`
};

// The worker that has the message, and whether it is done with under a division that was.
struct Owner {
  unsigned number = 0;
  bool was_done = false;
};
[[nodiscard]] Owner owner_of(const Places& places, const model::Message& message,
                             std::string_view node_name);

}  // namespace sluice::connect
