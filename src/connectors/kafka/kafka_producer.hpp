#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connect/sink.hpp"
#include "connectors/kafka/kafka_client.hpp"
#include "connectors/kafka/kafka_topics.hpp"

namespace sluice::connectors::kafka {

// What was refused in the company of others, so that it is not known whose fault it was.
struct Refusals {
  std::vector<std::uint64_t> tokens;  // to be handed over again, each alone
  // The smallest batch of several records that was refused for its size; 0: none.
  std::size_t too_large_bytes = 0;
};

// One producer of the client library: hands records to it and makes outcomes of its reports. The
// reports are taken on the thread that hands over: what the library made for a record is then freed
// where it was made, which costs a third of freeing it elsewhere.
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

  // Hands one record to the library, which points at its value until the outcome. `alone`: nothing
  // else is with the library, so that an error is this record's own. It may wait here, taken, until
  // its partition has acknowledged another (Partitioner).
  [[nodiscard]] rd_kafka_resp_err_t produce(Topic& topic, const connect::Record& record,
                                            bool alone);
  // As Sink::collect().
  [[nodiscard]] Milliseconds collect(std::vector<connect::Delivery>& outcomes);
  void flush();
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

  Producer(Client client, Queue events, std::optional<CreateTopic> create,
           std::function<void()> on_ready);
  [[nodiscard]] rd_kafka_resp_err_t hand_over(Topic& topic, const connect::Record& record,
                                              int partition);
  void settle_held(std::vector<connect::Delivery>& outcomes);
  void hand_over_held(std::vector<connect::Delivery>& outcomes);
  void give_back_held(std::vector<connect::Delivery>& outcomes);
  void on_deliveries(rd_kafka_event_t* event, std::vector<connect::Delivery>& outcomes);
  void on_error(rd_kafka_event_t* event);
  [[nodiscard]] connect::Delivery judge(const rd_kafka_message_t& message) const;
  void look_for_brokers(Time now);

  const std::function<void()> on_ready_;
  Client client_;
  Queue events_;
  Topics topics_;
  std::uint64_t outstanding_ = 0;
  Time now_ = Time::min();  // of the last collect()
  // What waits for its partition, in order; outstanding, too.
  std::map<std::pair<Topic*, int>, std::deque<connect::Record>> held_;
  std::uint64_t held_records_ = 0;
  bool gives_back_held_ = false;
  Refusals refusals_;
  bool alone_ = false;  // the one record that is outstanding went alone
  bool broken_ = false;
  bool is_abandoned_ = false;  // what comes back may have arrived
  std::string last_trouble_;   // what the library last told of a broker
  std::string away_;           // why no broker can be reached; empty: they can
  bool is_refused_ = false;  // `away_` is an address the rule refuses: other brokers prove nothing
  std::optional<Time> look_at_;  // when to look whether they can
};

}  // namespace sluice::connectors::kafka
