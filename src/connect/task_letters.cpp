// Copies of a task's dead letters: who sends them, and what is told of them.
#include "connect/local_sink.hpp"
#include "connect/origins.hpp"
#include "connect/task.hpp"
#include "connect/text.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

const metrics::Declaration kCopied{"sluice_task_dead_letters_copied_total",
                                   "Copies of dead letters that the other side has acknowledged.",
                                   metrics::Kind::Counter,
                                   {"task", "task_id"}};
const metrics::Declaration kWaiting{"sluice_task_dead_letter_copies_waiting",
                                    "Dead letters whose copy has not arrived yet.",
                                    metrics::Kind::Gauge,
                                    {"task", "task_id"}};
const metrics::Declaration kRefused{
    "sluice_task_dead_letter_copies_refused",
    "Of those that wait: the ones that the other side has refused, which are tried again.",
    metrics::Kind::Gauge,
    {"task", "task_id"}};

LetterCopier::MakeSink fails_with(Errc code, std::string why) {
  return [code, why = std::move(why)](Sink::Callbacks) -> Result<std::unique_ptr<Sink>> {
    return fail(code, why);
  };
}

}  // namespace

void declare_copy_metrics(metrics::Registry& registry) {
  for (const auto* declaration : {&kCopied, &kWaiting, &kRefused}) registry.declare(*declaration);
}

LetterCopier::MakeSink Task::makes_copies(const json::object* settings) const {
  const auto& copy = *spec_.letter_copy;
  auto client_id = worker_client() + "-letters";
  if (copy.type == kLocal) {
    auto* intake = around_.options.intake;
    if (intake == nullptr) return fails_with(Errc::Unavailable, "nothing takes messages in here");
    LocalSink::From from{
        .client_id = std::move(client_id), .account = spec_.account, .ask_rights = ask_rights(0)};
    return [intake,
            from = std::move(from)](Sink::Callbacks callbacks) -> Result<std::unique_ptr<Sink>> {
      return std::make_unique<LocalSink>(*intake, from, std::move(callbacks));
    };
  }
  const auto* connector = around_.registry.find(copy.type);
  if (connector == nullptr || connector->why_no_letters == nullptr || settings == nullptr)
    return fails_with(Errc::Unavailable, "the connection for copies is not valid any more");
  if (auto why = connector->why_no_letters(*settings); !why.empty())
    return fails_with(Errc::Unavailable, std::move(why));
  SinkConfig config{.connection = *settings,
                    .sink = copy.sink,
                    .client_id = std::move(client_id),
                    .task_id = record_.id,
                    .files_directory = around_.options.files_directory};
  return [connector, config = std::move(config)](Sink::Callbacks callbacks) {
    return connector->make_sink(config, std::move(callbacks));
  };
}

void Task::start_copier(const json::object* settings) {
  if (!spec_.letter_copy || copier_) return;
  auto copier = std::make_shared<LetterCopier>(
      LetterCopier::Context{.letters = around_.dead_letters,
                            .clock = around_.clock,
                            .copied = around_.metrics.counter(kCopied, labels()),
                            .task_id = record_.id,
                            .names = {.task = spec_.name,
                                      .node = around_.options.node_name,
                                      .worker = worker_client(),
                                      .origin = outward_origin(record_.id)},
                            .has_records = spec_.is_inbound()},
      *spec_.letter_copy, makes_copies(settings));
  copier->start();
  const std::scoped_lock lock(mutex_);
  copier_ = std::move(copier);
  // Rights may have changed before it could be told.
  if (spec_.letter_copy->type == kLocal) copier_->try_refused_again();
}

// After the worker: what that gives up at the last moment goes at the next start.
void Task::stop_copier() {
  std::shared_ptr<LetterCopier> copier;
  {
    const std::scoped_lock lock(mutex_);
    copier = std::exchange(copier_, nullptr);
  }
  if (copier) copier->stop();
}

std::string Task::copies_trouble() const {
  const std::scoped_lock lock(mutex_);
  return copier_ ? copier_->status().trouble : std::string();
}

json::value Task::copies_entity() const {
  if (!spec_.letter_copy) return nullptr;
  LetterCopier::Status status;
  {
    const std::scoped_lock lock(mutex_);
    if (copier_) status = copier_->status();
  }
  const auto copies = around_.dead_letters.count_copies(record_.id);
  json::object out{{"copied", around_.metrics.counter(kCopied, labels()).value()},
                   {"waiting", copies.waiting},
                   {"refused", copies.refused},
                   {"status_reason", status.trouble},
                   {"last_error", nullptr},
                   {"last_error_at", nullptr},
                   {"last_success", nullptr}};
  if (status.last_error_ms != 0) {
    out["last_error"] = status.last_error;
    out["last_error_at"] = rfc3339(status.last_error_ms);
  }
  if (status.last_success_ms != 0) out["last_success"] = rfc3339(status.last_success_ms);
  return out;
}

void Task::watch_copies(const std::shared_ptr<Task>& self) {
  static_cast<void>(around_.metrics.counter(kCopied, labels()));  // shown from the beginning, at 0
  const auto observe = [&](const metrics::Declaration& declaration, auto value) {
    around_.metrics.observe(declaration, labels(), [weak = std::weak_ptr(self), value] {
      const auto task = weak.lock();
      if (!task) return 0.0;
      return static_cast<double>(value(task->around_.dead_letters.count_copies(task->record_.id)));
    });
  };
  observe(kWaiting, [](const DeadLetters::Copies& copies) { return copies.waiting; });
  observe(kRefused, [](const DeadLetters::Copies& copies) { return copies.refused; });
}

}  // namespace sluice::connect
