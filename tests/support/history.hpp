// What clients saw, and the judgement of it. The format, one JSON object a line, and the rules are
// those of tests/integration/history.py, which judges the real server; tests/history holds samples
// that both must judge alike. docs/design/simulation.md lists the rules.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::test {

struct Event {
  enum class Kind : std::uint8_t {
    Publish,       // client sends (client, sequence) for the first time
    Acknowledged,  // PUBACK or PUBCOMP without an error has come
    Refused,       // an acknowledgement with an error: it is sent again later, or never
    Subscribed,    // SUBACK has come: what is published from here on is the consumer's
    Unsubscribed,  // asked for: what has not come yet need not come
    Asked,      // for another QoS of a filter; with 0 what is published from here on need not come
    Delivered,  // a consumer got it; QoS 2: not one that it knew by its packet id
    Cursor,     // the consumer's cursor was seen at this offset
    Broken,     // a connection ended, or an outcome is unknown: QoS 1 of this client may repeat
    Killed,     // the server
    End,        // all is quiet: what was to come has come
  };
  Kind kind = Kind::Publish;
  std::string client = {};  // who published it; of Broken: whose connection
  std::uint64_t sequence = 0;
  std::string topic = {};     // or the filter
  std::string consumer = {};  // a session, a group, a task
  int qos = 0;
  std::uint64_t offset = 0;  // 0: not known
  bool is_group = false;     // many members share it: no order among them
};

[[nodiscard]] std::string to_json(const Event& event);
[[nodiscard]] Result<Event> event_of(std::string_view json);

// Judges a history as it goes on.
class HistoryChecker {
 public:
  using MessageId = std::pair<std::string, std::uint64_t>;
  struct Violation {
    std::string rule;  // lost, invented, twice, order, offset, cursor
    std::string what;
  };
  void add(const Event& event);
  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }

  // Is it acknowledged, the consumer's, and not delivered?
  [[nodiscard]] bool is_missing(const std::string& consumer, const MessageId& id) const;
  [[nodiscard]] bool is_all_delivered() const { return !find_missing(); }

 private:
  struct Sent {
    std::string topic;
    int qos = 0;
    std::uint64_t at = 0;
    std::uint64_t acknowledged_at = 0;  // 0: it is not
    bool was_refused = false;
  };
  struct Received {
    std::uint64_t times = 0;
    int qos = 0;
  };
  // Of a subscription, with QoS above 0: what was sent in it is the consumer's, and acknowledged
  // in it, if it has ended. Until then the server may have received it after the end.
  struct Period {
    std::uint64_t since = 0;
    std::uint64_t until = UINT64_MAX;
  };
  struct Consumer {
    bool is_group = false;
    std::map<std::string, std::vector<Period>> filters;
    std::map<std::string, std::pair<std::uint64_t, int>> changed;  // filters: when QoS became which
    std::map<MessageId, Received> received;
    std::map<std::pair<std::string, int>, std::uint64_t> last;  // of publisher and QoS
    std::map<std::uint64_t, MessageId> offsets;
    std::uint64_t highest_offset = 0;
    std::uint64_t cursor = 0;
    std::uint64_t broken_at = 0;
  };
  void subscribe(const Event& event);
  void ask(const Event& event);
  void note_qos(const Event& event, int qos);
  void deliver(const Event& event);
  void judge_repeat(const Event& event, const Sent& sent, const Received& received,
                    const Consumer& consumer);
  void judge_offset(const Event& event, Consumer& consumer, bool is_first);
  void judge_cursor(const Event& event);
  [[nodiscard]] static bool is_due(const Consumer& consumer, const Sent& sent);
  [[nodiscard]] static bool is_ordered(const Consumer& consumer, const Sent& sent);
  [[nodiscard]] std::optional<std::pair<std::string, MessageId>> find_missing() const;
  void accuse(std::string rule, std::string what);

  std::uint64_t now_ = 0;  // number of the event
  std::uint64_t killed_at_ = 0;
  std::map<std::string, std::uint64_t> broken_at_;  // by client
  std::map<MessageId, Sent> sent_;
  std::map<std::string, Consumer> consumers_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t delivered_ = 0;
  std::optional<Violation> violation_;
};

}  // namespace sluice::test
