#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/intake.hpp"
#include "connect/reporting_runner.hpp"
#include "connect/sink.hpp"

namespace sluice::connect {

// Records as messages of this server, with QoS 1: delivered once they are durable. One batch at a
// time, for what has to be tried again goes before anything newer. With the rights of the moment:
// what the account may not publish is rejected.
//
// Threads: as Sink says.
class LocalSink final : public Sink {
 public:
  static constexpr auto kQos = mqtt::Qos::AtLeastOnce;
  struct From {
    std::string client_id;
    std::string account;  // for error texts
    AskRights ask_rights;
  };

  // `from`: whom the messages are from. `intake` outlives it.
  LocalSink(broker::Intake& intake, From from, Callbacks callbacks);
  ~LocalSink() override;
  LocalSink(const LocalSink&) = delete;
  LocalSink& operator=(const LocalSink&) = delete;

  [[nodiscard]] Result<std::size_t> write(std::span<const Record> records) override;
  [[nodiscard]] Milliseconds collect(std::vector<Delivery>& outcomes) override;
  [[nodiscard]] std::string_view away() const override { return {}; }
  void flush() override {}
  void abandon() override {}  // the log answers, or is closed

 private:
  // For answers that come late.
  struct Mail {
    std::mutex mutex;                // guards the rest
    std::function<void()> on_ready;  // none: nobody waits any more
    std::optional<broker::Intake::Answers> answers;
  };
  [[nodiscard]] std::string why_not(const Record& record,
                                    const broker::AccountRightsPtr& rights) const;

  broker::Intake& intake_;
  const From from_;
  const std::shared_ptr<Mail> mail_ = std::make_shared<Mail>();
  std::vector<std::uint64_t> on_their_way_;  // tokens
  std::vector<Delivery> rejected_;           // without asking
};

}  // namespace sluice::connect
