#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/timers.hpp"
#include "broker/will.hpp"
#include "store/store.hpp"

namespace sluice::broker {

class Worker;

// The kind of their records: time, id -> message. The next number behind those in store/store.hpp,
// which is the place for the one after it.
inline constexpr store::StateKind kDelayedKind{12};

// `$delayed/{seconds}/{topic}`: a message on `topic` that is published after so many seconds.
struct DelayedTopic {
  static constexpr std::uint32_t kLongest = 2'592'000;  // 30 days

  std::uint32_t seconds = 0;
  std::string_view topic;
};
[[nodiscard]] bool is_delayed_topic(std::string_view topic);  // whatever follows `$delayed/`
[[nodiscard]] std::optional<DelayedTopic> parse_delayed_topic(std::string_view topic);

// The messages of one worker's clients that are to be published later. They stand in records of
// their own, not in the log: nobody finds or is sent one before its time, and its timestamp and
// place are those of its release.
//
// Owns:    the messages, also in memory; how many in all is limited where they come in
//          (Broker::has_room_for_delayed).
// Threads: its worker's own.
class DelayedMessages {
 public:
  struct Entry {
    std::string client_id;
    std::int64_t due_ms = 0;
    WillMessage message;  // as a will: who published it, and what
  };

  explicit DelayedMessages(Worker& worker) : worker_(worker) {}

  // Into this turn's publishes.
  void add(Entry entry);
  // What became of this turn's publishes.
  void on_appended();
  void on_refused();
  // Found by a start.
  [[nodiscard]] Result<void> restore(std::string_view key, std::string_view record);
  // Whose message a record is.
  [[nodiscard]] static Result<std::string> client_of(std::string_view record);

  [[nodiscard]] static std::size_t bytes_of(const WillMessage& message);

 private:
  void keep(std::string key, Entry entry);
  void watch();
  void release();

  Worker& worker_;
  std::map<std::string, Entry> waiting_;               // by key, which begins with the time
  std::vector<std::pair<std::string, Entry>> adding_;  // with this turn's publishes
  std::optional<Timers::Id> timer_;
};

}  // namespace sluice::broker
