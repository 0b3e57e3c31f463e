#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect/sink.hpp"
#include "connectors/kafka/kafka_accumulator.hpp"
#include "connectors/kafka/kafka_client.hpp"
#include "connectors/kafka/kafka_topics.hpp"

namespace sluice::connectors::kafka {

// What was refused in the company of others, so that it is not known whose fault it was.
struct Refusals {
  std::vector<std::uint64_t> tokens;  // to be handed over again, each alone
  // The smallest batch of several records that was refused for its size; 0: none.
  std::size_t too_large_bytes = 0;
};

// One producer of the client library: gathers records for each partition, hands them to it round by
// round, and makes outcomes of its reports. The reports are taken on the thread that hands over:
// what the library made for a record is then freed where it was made, which costs a third of
// freeing it elsewhere.
//
// Owns:    the library's handle with its threads.
// Threads: one at a time; `on_ready` is called on the library's, and on the caller's.
// Fails:   a fatal error of the library ends it: `is_broken()`; every record it holds still gets
//          its outcome. The sink then makes another.
class Producer {
 public:
  using Milliseconds = std::chrono::milliseconds;
  [[nodiscard]] static Result<std::unique_ptr<Producer>> make(const Properties& properties,
                                                              std::optional<TokenEndpoint> tokens,
                                                              std::optional<CreateTopic> create,
                                                              std::function<void()> on_ready);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Takes one record; the library points at its value until the outcome. `alone`: it has nothing
  // else, so that an error is this record's own. It may wait here, taken, for others and for its
  // partition's next round (RecordAccumulator). Errors: QUEUE_FULL also where `buffer_bytes` of
  // values are without an outcome.
  [[nodiscard]] rd_kafka_resp_err_t produce(Topic& topic, const connect::Record& record,
                                            bool alone);
  // As Sink::collect().
  [[nodiscard]] Milliseconds collect(std::vector<connect::Delivery>& outcomes);
  // As soon as their partitions take them.
  void send_what_lingers();
  void purge();         // every record comes back soon, and may have arrived
  void purge_queued();  // those do that are not on their way

  [[nodiscard]] rd_kafka_t* client() const { return client_.get(); }
  [[nodiscard]] Topics& topics() { return topics_; }
  [[nodiscard]] const std::string& away() const { return away_; }
  [[nodiscard]] std::uint64_t outstanding() const { return outstanding_; }  // without an outcome
  [[nodiscard]] bool is_alone() const { return alone_ && outstanding_ > 0; }
  [[nodiscard]] bool is_broken() const { return broken_; }
  [[nodiscard]] Refusals take_refusals() { return std::exchange(refusals_, {}); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  // What the library is told to do otherwise than its properties say, because it is done here.
  struct Settings {
    Partitioner::Options partitioning;
    std::chrono::milliseconds linger{0};
    std::size_t buffer_bytes = 0;
  };
  // What the library has; its number there is the record's opaque.
  struct OnItsWay {
    std::uint64_t token = 0;
    Topic* topic = nullptr;
    int partition = Partitioner::kNone;  // as the Partitioner counts it
  };

  Producer(Client client, Queue events, std::optional<CreateTopic> create, const Settings& settings,
           std::function<void()> on_ready);
  [[nodiscard]] static Settings take_over(rd_kafka_conf_t* conf, const Properties& properties);
  [[nodiscard]] rd_kafka_resp_err_t hand_over(Topic& topic, const connect::Record& record,
                                              int partition, std::size_t bytes);
  [[nodiscard]] std::size_t new_number();
  [[nodiscard]] bool may_hand_over_waiting() const {
    return !broken_ && !is_abandoned_ && !gives_back_waiting_;
  }
  [[nodiscard]] bool drain(bool all);
  void settle_waiting(std::vector<connect::Delivery>& outcomes);
  void give_back_waiting(std::vector<connect::Delivery>& outcomes, std::string_view reason);
  void on_deliveries(rd_kafka_event_t* event, std::vector<connect::Delivery>& outcomes);
  void on_error(rd_kafka_event_t* event);
  [[nodiscard]] connect::Delivery judge(const rd_kafka_message_t& message,
                                        std::uint64_t token) const;
  [[nodiscard]] Milliseconds again_after() const;
  void look_for_brokers(Time now);

  const std::function<void()> on_ready_;
  Client client_;
  Queue events_;
  Topics topics_;
  RecordAccumulator waiting_;  // outstanding, too
  const std::size_t buffer_bytes_;
  std::uint64_t outstanding_ = 0;
  std::size_t outstanding_bytes_ = 0;            // of values
  Time now_ = std::chrono::steady_clock::now();  // of the last collect()
  std::vector<OnItsWay> on_their_way_;
  std::vector<std::size_t> free_numbers_;
  bool gives_back_waiting_ = false;
  std::optional<connect::Delivery> refused_;  // of one that waits, and that the library refused
  Refusals refusals_;
  bool alone_ = false;  // the one record that is outstanding went alone
  bool broken_ = false;
  std::string broken_because_;
  bool is_abandoned_ = false;  // what comes back may have arrived
  std::string last_trouble_;   // what the library last told of a broker
  std::string away_;           // why no broker can be reached; empty: they can
  bool is_refused_ = false;  // `away_` is an address the rule refuses: other brokers prove nothing
  std::optional<Time> look_at_;  // when to look whether they can
};

}  // namespace sluice::connectors::kafka
