// What was appended, and the judgement of what a restart found.
#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "store_fixture.hpp"

namespace sluice::store {

// Appends random batches and remembers them, in order and with what was reported durable.
//
// Three queues: the first holds every message, the others some. Small state is of kind Session.
class Ledger {
 public:
  explicit Ledger(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  // Opens the queues; before the first message.
  void open_queues(Store& store) {
    for (const char* filter : {"all", "half", "few"}) {
      const auto opened = store.open_queue(filter, true);
      if (!opened) return;
      // Found again after a restart, unless its record was never durable.
      queues_[static_cast<std::size_t>(filter[0] == 'a'   ? 0
                                       : filter[0] == 'h' ? 1
                                                          : 2)] = opened->id;
      if (!store.wait_durable(opened->durable_at)) return;
    }
    has_queues_ = true;
  }
  [[nodiscard]] bool has_queues() const { return has_queues_; }

  // One batch of a few records, some joined in groups. False: refused.
  bool append(Store& store) {
    const BatchPtr batch = store.new_batch();
    std::vector<Record> added;
    const std::uint64_t parts = 1 + draw(4);
    for (std::uint64_t part = 0; part < parts; ++part) {
      const std::uint64_t size = draw(3) == 0 ? 2 + draw(3) : 1;
      if (size > 1) batch->begin_atomic();
      for (std::uint64_t i = 0; i < size; ++i) {
        add_record(*batch, added);
        added.back().continues = i + 1 < size;
      }
      if (size > 1) batch->end_atomic();
    }
    if (!store.append(batch)) return false;
    for (Record& record : added) {
      record.end = batch->end();
      records_.push_back(std::move(record));
    }
    return true;
  }

  void note_durable(const Store& store) {
    const Position durable = store.durable();
    while (durable_ < records_.size() && records_[durable_].end <= durable) ++durable_;
  }
  void forget_durable() { durable_ = 0; }
  [[nodiscard]] Position end() const { return records_.empty() ? Position() : records_.back().end; }

  // Compares what the store holds now with what it may hold: a prefix of what was appended, no
  // group of it cut, nothing durable missing. Goes on from there.
  void check(Store& store) {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
      static constexpr const char* kFilters[] = {"all", "half", "few"};
      const auto opened = store.open_queue(kFilters[i], true);
      ASSERT_TRUE(opened) << opened.error().detail;
      ASSERT_EQ(opened->id, queues_[i]);
    }
    const auto everything = payloads(store, queues_[0]);
    const auto state = scan(store);
    std::optional<std::size_t> kept;
    for (std::size_t length = records_.size() + 1; length-- > durable_ && !kept;) {
      if (length > 0 && records_[length - 1].continues) continue;
      if (messages(length, 0) == everything && state_after(length) == state) kept = length;
    }
    ASSERT_TRUE(kept) << "found " << everything.size() << " messages and " << state.size()
                      << " keys, durable were " << durable_ << " of " << records_.size()
                      << " records";
    EXPECT_EQ(payloads(store, queues_[1]), messages(*kept, 1));
    EXPECT_EQ(payloads(store, queues_[2]), messages(*kept, 2));
    EXPECT_EQ(store.count_after({{queues_[0]}}, Position(), UINT64_MAX), everything.size());
    records_.resize(*kept);
    durable_ = *kept;
  }

 private:
  using State = std::map<std::string, std::string>;
  struct Record {
    std::optional<std::string> payload;  // of a message
    std::array<bool, 3> in{};            // which queues
    std::string key;                     // of a change of state
    std::optional<std::string> value;
    bool continues = false;  // goes together with the next
    Position end;            // of its batch
  };

  void add_record(Batch& batch, std::vector<Record>& added) {
    Record record;
    const std::uint64_t kind = draw(6);
    if (kind < 3) {
      record.payload =
          std::to_string(++last_) + std::string(draw(4) == 0 ? draw(3000) : draw(50), 'x');
      record.in = {true, draw(2) == 0, draw(8) == 0};
      NewMessage message;
      message.topic = "t";
      message.payload = *record.payload;
      std::vector<QueueId> queues;
      for (std::size_t i = 0; i < 3; ++i) {
        if (record.in[i]) queues.push_back(queues_[i]);
      }
      batch.add_message(message, queues);
    } else {
      record.key = std::to_string(draw(12));
      if (kind < 5) record.value = std::to_string(++last_);
      if (record.value) {
        batch.put(StateKind::Session, record.key, *record.value);
      } else {
        batch.erase(StateKind::Session, record.key);
      }
    }
    added.push_back(std::move(record));
  }

  [[nodiscard]] std::vector<std::string> messages(std::size_t length, std::size_t queue) const {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < length; ++i) {
      if (records_[i].payload && records_[i].in[queue]) texts.push_back(*records_[i].payload);
    }
    return texts;
  }

  [[nodiscard]] State state_after(std::size_t length) const {
    State state;
    for (std::size_t i = 0; i < length; ++i) {
      const Record& record = records_[i];
      if (record.payload) continue;
      if (record.value) {
        state[record.key] = *record.value;
      } else {
        state.erase(record.key);
      }
    }
    return state;
  }

  [[nodiscard]] std::vector<std::string> payloads(Store& store, QueueId queue) {
    std::vector<std::string> texts;
    Position after;
    while (true) {
      ReadRequest request;
      request.queues = {&queue, 1};
      request.after = after;
      request.maximum_messages = 1 + draw(50);
      const auto result = store.read(request);
      EXPECT_TRUE(result) << result.error().detail;
      if (!result) return texts;
      for (const ReadEntry& entry : result->entries) texts.emplace_back(entry.message->payload);
      after = result->next;
      if (result->at_end) return texts;
    }
  }

  [[nodiscard]] static State scan(Store& store) {
    State state;
    const auto scanned =
        store.scan(StateKind::Session, "", [&](std::string_view key, std::string_view value) {
          state.emplace(key, value);
          return true;
        });
    EXPECT_TRUE(scanned) << scanned.error().detail;
    return state;
  }

  std::mt19937_64 random_;
  std::array<QueueId, 3> queues_;
  bool has_queues_ = false;
  std::vector<Record> records_;
  std::size_t durable_ = 0;  // so many of them must be there
  std::uint64_t last_ = 0;
};

}  // namespace sluice::store
