#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/refusal.hpp"
#include "connect/encoding.hpp"
#include "connect/inbound_mapper.hpp"
#include "connect/letter_copy.hpp"
#include "connect/processing/processor.hpp"
#include "connect/record_mapper.hpp"
#include "connect/registry.hpp"
#include "connect/source.hpp"

namespace sluice::connect {

enum class Order : std::uint8_t { PerPublisher, PerTopic, PerKey, None };
enum class RejectedPolicy : std::uint8_t { DeadLetter, Drop, Stop };
enum class ExpiredPolicy : std::uint8_t { Deliver, Drop, DeadLetter };
// What happens when it grows beyond its bound.
enum class Backpressure : std::uint8_t { Buffer, Block, ShedOldest, ShedQos0 };
// How a back-log goes out.
enum class Drain : std::uint8_t { InOrder, Rate, FreshFirst };

// The source that is this server's log, and the sink that is.
inline constexpr std::string_view kLocal = "local";

// A task's document, understood: what a worker needs to run it.
struct TaskSpec {
  std::string name;
  bool enabled = true;
  std::string account;  // the user that it runs as; empty: policies are not asked
  std::string source_type = std::string(kLocal);
  std::vector<std::string> filters;  // of the source `local`
  boost::json::object source;        // of any other: checked and complete
  // Of one whose other side is told only once these tasks have delivered what it brought in.
  std::vector<std::string> delivered_by;
  Start start;
  struct End {
    Start where;
    std::string text;  // as the document has it
  };
  std::optional<End> end;                    // nothing: it goes on for ever
  std::optional<where::Condition> where;     // nothing: every message
  processing::Steps steps;                   // before the mapping
  Mapping mapping;                           // of the source `local`
  std::optional<Encoding> encoding;          // of mapped values, by a schema registry
  std::optional<Encoding::Format> decoding;  // of values that come, by one
  InboundMapping inbound;                    // of any other
  std::string sink_type;
  // Name or id, as given: of the sink; of the source, where that is outside. Empty: none is needed.
  std::string connection;
  boost::json::object sink;  // checked and complete
  bool exactly_once = false;
  Order order = Order::PerPublisher;
  unsigned workers = 1;  // that share it
  std::string key_text;  // of `map.key`
  std::chrono::milliseconds retry_initial{200};
  std::chrono::milliseconds retry_maximum{30'000};
  std::optional<std::chrono::milliseconds> give_up_after;
  RejectedPolicy rejected = RejectedPolicy::DeadLetter;
  ExpiredPolicy expired = ExpiredPolicy::Deliver;
  std::optional<std::chrono::milliseconds> maximum_age;
  bool drop_oldest_dead_letter = false;
  std::optional<LetterCopy> letter_copy;  // where dead letters go besides
  Backpressure backpressure = Backpressure::Buffer;
  // How much log may lie between a message of the back-log and the newest one; not with Buffer.
  std::uint64_t backlog_bytes = std::uint64_t{1} << 30;
  // Of log that retention would have deleted otherwise.
  std::uint64_t hold_bytes = UINT64_MAX;
  Drain drain = Drain::InOrder;
  std::uint32_t drain_rate = 1;  // messages a second, with Drain::Rate
  std::chrono::milliseconds drain_timeout{30'000};
  // At most so many records are handed over that no durable cursor covers: what a killed process
  // may send twice.
  std::size_t in_flight = 16'384;
  std::size_t window_bytes = std::size_t{32} << 20;  // of messages read and not yet done with
  boost::json::object shown;                         // the document with all that was left out

  [[nodiscard]] bool is_inbound() const { return source_type != kLocal; }
  // The kind of outside system at the other end: its connector's name.
  [[nodiscard]] const std::string& outside_type() const {
    return is_inbound() ? source_type : sink_type;
  }
  // The part of the document that names it and its connection.
  [[nodiscard]] std::string_view outside_part() const { return is_inbound() ? "source" : "sink"; }
};

// Everything that is wrong is told at once. What interface.md §4 promises and this version does not
// do is refused by name: nothing is silently ignored.
// Refuses: invalid_document, order_needs_key, order_needs_in_order.
[[nodiscard]] Outcome<TaskSpec> parse_task(const Registry& registry,
                                           const boost::json::object& document);

// `verify` and `map.jq` of a checked document.
void read_steps(const boost::json::object& checked, processing::Steps& steps,
                std::vector<schema::Problem>& problems);

// Whether its steps can be run: what parse_task() leaves to the process that runs them. Blocks, for
// some 30 ms.
// Refuses: invalid_document, unavailable.
[[nodiscard]] Outcome<void> check_steps(const processing::Steps& steps);

// A place in the log as `source.start` and `:seek` name it; otherwise what is allowed.
[[nodiscard]] tl::expected<Start, std::string> parse_start(const boost::json::value& start);
// The same as a person writes it: `now`, `earliest`, a time, a position.
[[nodiscard]] tl::expected<Start, std::string> parse_place(std::string_view text);

// What can be made of a saved document that is not valid any more: its name and its filters, so
// that the task can be shown and its messages are kept while a person mends it.
[[nodiscard]] TaskSpec salvage_task(const boost::json::object& document);

// For readers of task documents, this one and source_spec.cpp's.

[[nodiscard]] tl::unexpected<Refusal> invalid_task(std::vector<schema::Problem> problems);
// What every kind of task says in a checked `delivery`: what becomes of what is rejected, and the
// pauses between two tries.
void read_failures(const boost::json::object& delivery, TaskSpec& spec,
                   std::vector<schema::Problem>& problems);

}  // namespace sluice::connect
