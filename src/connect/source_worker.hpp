#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/threads.hpp"
#include "broker/intake.hpp"
#include "connect/dead_letters.hpp"
#include "connect/downstream.hpp"
#include "connect/inbound_mapper.hpp"
#include "connect/processing/processor.hpp"
#include "connect/reporting_runner.hpp"
#include "connect/source.hpp"
#include "connect/task_counters.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connect {

// Runs one task from a source into the log: receives, maps, publishes in order, and tells the
// source once all of it is durable, a dead letter, or passed over by a rule. One batch at a time:
// while it is on its way to the disk the other side sends the next one, and whatever of it has to
// be tried again is tried before anything newer. docs/adr/0047-sources.md
//
// Owns:    its thread and its source.
// Threads: as Runner says.
// Fails:   never by itself, as Worker.
class SourceWorker final : public ReportingRunner {
 public:
  using MakeSource = std::function<Result<std::unique_ptr<Source>>(Source::Callbacks)>;
  struct Context {
    broker::Intake& intake;
    DeadLetters& dead_letters;
    const Clock& clock;
    TaskCounters counters;
    std::string task_id;
    std::string node_name;
    std::string worker_name;
    std::size_t maximum_hops = 0;
    Progress before;  // counters go on from here
    // Keeps them for the next run; not durable when it returns.
    std::function<void(const Progress&)> keep_totals = {};
    TaskListener on_change = {};
    RejectionListener on_rejection = {};
    std::unique_ptr<ValueDecoder> decoder = nullptr;  // null: values are taken as they come
    AskRights ask_rights = {};
    // The other side is told once these have delivered; nothing: once it is durable here.
    std::optional<Downstream> downstream = std::nullopt;
    Threads* threads = &system_threads();         // outlive the worker
    std::uint64_t seed = std::random_device()();  // of the times between two tries
  };

  SourceWorker(Context context, const TaskSpec& spec, MakeSource make_source);
  ~SourceWorker() override;
  SourceWorker(const SourceWorker&) = delete;
  SourceWorker& operator=(const SourceWorker&) = delete;

  void start() override;
  void request_stop() override;
  void rights_changed() override;
  void log_deleted(std::uint64_t /*lost*/) override {}  // it reads nothing there
  void stop() override;

 private:
  // What other threads leave for the worker; outlives it, for answers that come late.
  struct Mail {
    std::mutex mutex;  // guards the rest
    std::condition_variable wake;
    bool has_news = false;  // from the source
    bool stopping = false;
    std::optional<broker::Intake::Answers> answers;  // to what was published last
  };
  // One arrival of the batch: Ready -> Publishing -> Done, or back to Ready; or Held -> Done.
  // Stopped: it is what the task failed of.
  enum class State : std::uint8_t { Ready, Publishing, Held, Done, Stopped };
  struct Item {
    State state = State::Ready;
    unsigned attempts = 0;
    std::string topic;       // here; empty: it could not be mapped
    std::string reason;      // why it is Held
    bool is_denied = false;  // the account may not publish there
  };

  void run();
  void turn();
  void take_mail();
  [[nodiscard]] bool open_source();
  void receive();
  [[nodiscard]] bool map_all();
  void map_one(std::size_t index, std::optional<std::string_view> payload);
  [[nodiscard]] bool is_wanted(std::size_t index);
  [[nodiscard]] bool process();
  [[nodiscard]] bool decode_values();
  bool postpone(const Error& error);
  // As conditions, steps and templates see it.
  [[nodiscard]] const model::Message& seen(std::size_t index) const {
    return decoded_.empty() ? batch_->arrivals[index].message : decoded_[index];
  }
  void pass_over(std::size_t index);
  void reject(std::size_t index, std::string reason);
  void publish();
  void refuse_denied();
  void settle(const broker::Intake::Answers& answers);
  [[nodiscard]] static LetterClass class_of(const Item& item);
  void keep_dead_letters();
  void finish_batch();
  void acknowledge(std::uint64_t token);
  void acknowledge_delivered();
  void close_source();
  void await_delivery();
  void give_up();
  void leave_batch();
  void park();
  void wait();
  void note_lost();
  void publish_progress();
  void keep_totals(bool at_once);
  [[nodiscard]] bool may_try_now();
  [[nodiscard]] bool is_stopping() const;
  void make_letter_of(model::Message& message);

  Context context_;
  const TaskSpec& spec_;
  const MakeSource make_source_;
  const std::shared_ptr<Mail> mail_ = std::make_shared<Mail>();

  // All below: the worker's thread only.
  InboundMapper mapper_;
  std::optional<processing::Processor> processor_;  // nothing: payloads are taken as they are
  std::unique_ptr<Source> source_;
  std::unique_ptr<ArrivalBatch> batch_;  // what was received last, until it is done with
  std::vector<Item> items_;              // one per arrival
  std::vector<model::Message> decoded_;  // one per arrival, with its value decoded; else none
  // Those that are Ready or Publishing, in order, and which arrivals they are of.
  std::shared_ptr<std::vector<broker::OutsideMessage>> outgoing_;
  std::vector<std::size_t> outgoing_of_;
  bool is_mapped_ = false;
  bool is_publishing_ = false;
  // Durable, and not delivered yet: what the other side is told of it, in order.
  struct Undelivered {
    std::uint64_t token = 0;
    store::Position reached;
    std::size_t messages = 0;
  };
  std::deque<Undelivered> undelivered_;
  std::string undelivered_reason_;
  std::size_t held_ = 0;
  std::uint64_t last_letter_ = 0;
  std::optional<SteadyTime> letters_at_;  // not before: dead letters found no room
  SteadyTime tend_at_ = SteadyTime::max();
  bool stopping_ = false;
  std::optional<broker::Intake::Answers> answers_;
  Progress kept_;                // its totals are those that were kept last
  SteadyTime keep_totals_at_{};  // not before
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace sluice::connect
