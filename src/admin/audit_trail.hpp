#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "admin/kept_records.hpp"
#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "store/store.hpp"

namespace sluice::admin {

// Who changed what by REST, from where, and what came of it: ADR 0049.
//
// Owns:    documents `audit/...`, at most as many as it was given; the oldest go first. Refusals
//          have a quarter of them, so that who may do nothing cannot push out what was done.
// Threads: any but an event loop.
class AuditTrail {
 public:
  static constexpr std::size_t kDefaultMaximum = 10'000;
  static constexpr int kRefusalsPerMinute = 60;  // the others are counted
  static constexpr std::string_view kUnknown = "unknown";

  AuditTrail(store::Store& store, const Clock& clock, std::size_t maximum = kDefaultMaximum);

  [[nodiscard]] Result<void> load();
  // Before the first record: who is told of each that has its outcome. Must not block.
  void set_listener(std::function<void(const boost::json::object&)> listener) {
    listener_ = std::move(listener);
  }

  // Before the change, with the outcome `unknown`: whatever of the change is durable after a crash,
  // the record is, too. Returns its number; 0: it could not be kept, which is logged.
  [[nodiscard]] std::uint64_t begin(boost::json::object& record);
  // Blocks until it is durable.
  void finish(std::uint64_t number, const boost::json::object& record);
  // Of what was not done. Nobody waits for it.
  void note_refusal(boost::json::object record);

  struct Query {
    std::string user = {}, operation = {}, subject = {}, outcome = {};  // empty: any
    std::optional<std::int64_t> from_ms = {}, to_ms = {};  // then or later; before then
    std::uint64_t before = UINT64_MAX;                     // its number
    std::size_t limit = 50;
  };
  [[nodiscard]] Result<KeptRecords::Page> find(const Query& query) const;
  // Nothing: it has made room, or never was.
  [[nodiscard]] Result<std::optional<boost::json::object>> one(std::uint64_t number) const {
    return records_.one(number);
  }

 private:
  struct State {
    std::chrono::steady_clock::time_point minute;
    int refusals_in_minute = 0;
    std::uint64_t untold = 0;
  };
  // 0: it could not be kept.
  std::uint64_t add(boost::json::object& record, bool is_refusal, bool can_wait);

  store::Store& store_;
  const Clock& clock_;
  KeptRecords records_;
  std::function<void(const boost::json::object&)> listener_;
  Guarded<State> state_;
};

}  // namespace sluice::admin
