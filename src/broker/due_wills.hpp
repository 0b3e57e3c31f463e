#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "broker/limits.hpp"
#include "broker/will.hpp"
#include "store/store.hpp"

namespace sluice::broker {

class Worker;

// A will that is to be sent now, and the key of its record. A delayed message whose time has come
// is the same thing.
struct DueWill {
  std::string client_id;
  WillMessage will;
  std::string record;
  store::StateKind kind = store::StateKind::Will;
};

// The wills of one worker on their way into the log. One that the full disk refuses is kept and
// sent when the log takes messages again; its record stays until then, so it also survives the
// process.
//
// Owns:    what is kept: at most kMaximum wills and kMaximumBytes. Beyond that a will has its
// record
//          alone: it is sent by the next start, unless its client comes back before.
// Threads: its worker's own.
class DueWills {
 public:
  static constexpr std::size_t kMaximum = broker::kDueWills;
  static constexpr std::size_t kMaximumBytes = kDueWillBytes;

  explicit DueWills(Worker& worker) : worker_(worker) {}

  // Into this turn's publishes.
  void send(DueWill will);
  // What became of this turn's publishes.
  void on_appended() { sent_.clear(); }
  void on_refused(Errc reason);
  // What is kept, as far as the log takes it.
  void send_kept();
  // Found by a start, to be sent by its first turn.
  void restore(DueWill will);

  // The client is back, and its record will hold another will or none: what is still to be sent
  // gets a record of its own.
  void make_way(std::string_view client_id);
  // This turn's publishes end the client's record: what is to stand there afterwards belongs behind
  // them.
  [[nodiscard]] bool ends_record(std::string_view client_id) const;
  [[nodiscard]] bool has_kept() const { return !kept_.empty(); }

 private:
  void keep(DueWill will);
  void move_record(DueWill& will);

  Worker& worker_;
  std::vector<DueWill> sent_;  // with this turn's publishes, not appended yet
  std::deque<DueWill> kept_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace sluice::broker
