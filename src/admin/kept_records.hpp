#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/function_ref.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"
#include "store/store.hpp"

namespace sluice::admin {

// Numbered records, so many of them: the oldest go first. They are of several parts, each with a
// share of the room: one takes what others leave free, and gives it back when they need it, so that
// very many of one part push out none of another's share.
//
// Owns:    documents `PREFIX...` of the store.
// Threads: any but an event loop.
class KeptRecords {
 public:
  static constexpr std::size_t kLooked = 10'000;  // records that one query looks at

  // `prefix` and what it stands for outlive this. `shares`: of each part, 1 in all.
  KeptRecords(store::Store& store, std::string_view prefix, std::size_t maximum,
              std::vector<double> shares);

  using PartOf = FunctionRef<std::size_t(const boost::json::object&)>;
  // Before all else. Errors: which document is damaged.
  [[nodiscard]] Result<void> load(PartOf part_of);
  // Numbers from now on are at least this one.
  void skip_to(std::uint64_t number);
  [[nodiscard]] std::uint64_t last() const;  // that was given, or skipped

  struct New {
    boost::json::object* record = nullptr;  // `id` is set
    std::size_t part = 0;
  };
  // All of them in one batch, in this order. `can_wait`: nobody waits for it. Returns the first
  // number; the records are not kept on error.
  [[nodiscard]] Result<std::uint64_t> add(std::span<const New> records, bool can_wait);
  // In place of the one with this number, unless that has gone. Returns what to wait for.
  [[nodiscard]] Result<store::Position> replace(std::uint64_t number,
                                                const boost::json::object& record);

  using Fits = FunctionRef<bool(const boost::json::object&)>;
  struct Query {
    std::optional<std::size_t> part = {};
    std::uint64_t after = 0;            // only behind this number
    std::uint64_t before = UINT64_MAX;  // only before this one
    std::size_t limit = 50;
  };
  struct Page {
    std::vector<boost::json::object> records;  // newest first
    std::optional<std::uint64_t> next;         // to go on before this one
  };
  [[nodiscard]] Result<Page> find(const Query& query, Fits fits) const;
  [[nodiscard]] Result<std::optional<boost::json::object>> one(std::uint64_t number) const;
  // Whether nothing that came behind this number has had to make room.
  [[nodiscard]] bool has_all_since(std::uint64_t after) const;

 private:
  using Numbers = std::deque<std::uint64_t>;  // ascending
  struct State {
    std::vector<Numbers> parts;
    std::uint64_t next = 1;
    std::uint64_t dropped = 0;  // the last number that had to make room
  };
  // How many of each part have to go.
  [[nodiscard]] std::vector<std::size_t> too_many(const State& state,
                                                  std::span<const New> records) const;
  [[nodiscard]] std::string key_of(std::uint64_t number) const;

  store::Store& store_;
  const std::string_view prefix_;
  const std::size_t maximum_;
  const std::vector<double> shares_;
  Guarded<State> state_;
};

}  // namespace sluice::admin
