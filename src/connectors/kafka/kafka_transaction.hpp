#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/kafka_producer.hpp"

namespace sluice::connectors::kafka {

// The transactions of one sink, one after the other: keeps the outcomes of a transaction's records
// until its end is known, and finds out what became of one whose producer was lost at its end.
//
// Which producer it works with is the sink's: one that `is_spent()` has to be replaced before
// another record is written. Threads: the sink's.
class Transaction {
 public:
  using Milliseconds = connect::Sink::Milliseconds;
  struct Reader {  // how to read the place: the connection's properties
    Properties client;
    std::optional<TokenEndpoint> tokens;
  };
  Transaction(std::string transactional_id, Reader reader);

  // The sink has another one now, which has not been prepared.
  void producer_was_replaced();
  // Once for each producer: what is open of this id is undone, and who had the id is shut out.
  // Blocks for some seconds. Errors: Unavailable with what to do about it.
  [[nodiscard]] Result<void> prepare(Producer& producer);
  // After prepare(): the place of the last transaction that was committed. Errors: Unavailable.
  [[nodiscard]] Result<std::string> last_place(Producer& producer);
  // Before each record. Errors: Unavailable.
  [[nodiscard]] Result<void> begin(Producer& producer);
  void end(std::string place);
  // Takes what the producer reported; gives the outcomes that are known with it, and after how long
  // it wants to be called again.
  [[nodiscard]] Milliseconds go_on(Producer& producer, std::vector<connect::Delivery>& reports,
                                   std::vector<connect::Delivery>& outcomes);
  // The records come back soon, whether or not the brokers answer. What became of them the next run
  // finds out.
  void abandon(Producer& producer);

  [[nodiscard]] bool is_open() const { return phase_ != Phase::None; }
  [[nodiscard]] bool takes_records() const {
    return phase_ == Phase::None || phase_ == Phase::Open;
  }
  // It has no more use for the producer it was prepared with.
  [[nodiscard]] bool is_spent() const { return is_spent_; }
  // Nobody knows yet whether it was committed: another producer has to be made to find out.
  [[nodiscard]] bool is_in_doubt() const { return phase_ == Phase::InDoubt; }
  // And nobody will find out here any more: it was abandoned in doubt.
  [[nodiscard]] bool was_left_in_doubt() const { return was_left_in_doubt_; }
  // With a producer that was prepared since. Errors: Unavailable, then it stays in doubt.
  [[nodiscard]] Result<void> resolve(Producer& producer, std::vector<connect::Delivery>& outcomes);
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  enum class Phase : std::uint8_t {
    None,
    Open,        // takes records
    Ending,      // waits for the outcome of each of them, and of the place
    Committing,  // asked for
    Undoing,     // a record came back, or the brokers want it so
    InDoubt,
  };
  void take(std::vector<connect::Delivery>& reports);
  [[nodiscard]] bool write_place(Producer& producer);
  [[nodiscard]] Milliseconds commit(Producer& producer, std::vector<connect::Delivery>& outcomes);
  [[nodiscard]] Milliseconds undo(Producer& producer, std::vector<connect::Delivery>& outcomes);
  void undo_because(std::string reason);
  void give_delivered(std::vector<connect::Delivery>& outcomes);
  void leave_in_doubt(std::vector<connect::Delivery>& outcomes);
  void give_back(std::vector<connect::Delivery>& outcomes);

  const std::string id_;
  const Reader reader_;
  bool is_prepared_ = false;  // with the producer that the sink has
  Phase phase_ = Phase::None;
  bool is_spent_ = false;
  bool is_abandoned_ = false;
  bool was_left_in_doubt_ = false;
  bool is_place_written_ = false;
  std::string place_;                         // to be written, or written, with this transaction
  std::vector<std::uint64_t> arrived_;        // tokens: the brokers have them
  std::vector<connect::Delivery> came_back_;  // why it has to be undone
  std::string reason_;                        // likewise, in words
  bool at_once_ = false;
  std::string trouble_;  // why the brokers do not end it; empty: they do
};

}  // namespace sluice::connectors::kafka
