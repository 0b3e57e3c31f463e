// Dead letters: looked at, sent again, deleted.
#include <boost/json/array.hpp>

#include "connect/documents.hpp"
#include "connect/redrive.hpp"
#include "connect/service_state.hpp"
#include "connect/source_redrive.hpp"
#include "connect/task_account.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

tl::unexpected<Refusal> no_letter(model::MessageId id) {
  return not_found("dead letter", model::to_hex(id));
}

tl::unexpected<Refusal> wrong_state(std::string detail, std::string hint) {
  return refuse({.errc = Errc::WrongState,
                 .code = "wrong_state",
                 .detail = std::move(detail),
                 .hint = std::move(hint),
                 .fields = {}});
}

json::object report_of(const Redrive::Report& report, std::string stopped, std::uint64_t left) {
  if (!report.stopped.empty()) stopped = report.stopped;
  json::array letters;
  for (const auto& refused : report.some_refused)
    letters.push_back(
        json::object{{"message_id", model::to_hex(refused.id)}, {"reason", refused.reason}});
  return {{"ok", report.refused == 0 && stopped.empty()},
          {"redriven", report.redriven},
          {"refused", report.refused},
          {"left", left},
          {"stopped", stopped.empty() ? json::value(nullptr) : json::value(stopped)},
          {"letters", std::move(letters)}};
}

}  // namespace

Outcome<std::string> Service::State::copies_connection_of(const TaskSpec& spec) const {
  if (!spec.letter_copy || spec.letter_copy->connection.empty()) return std::string();
  const auto& copy = *spec.letter_copy;
  static constexpr std::string_view kPointer = "/delivery/dead_letter_copy/connection";
  const auto connection = find_connection(copy.connection);
  if (!connection || connection->connector->name != copy.type)
    return invalid_task(
        {{std::string(kPointer), "there is no connection `" + copy.connection + "` of type " +
                                     copy.type + ": create it first"}});
  if (auto why = connection->connector->why_no_letters(connection->settings); !why.empty())
    return invalid_task({{std::string(kPointer), std::move(why)}});
  return connection->id;
}

Outcome<json::object> Service::dead_letter(std::string_view which, model::MessageId id) const {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  auto letter = state_->dead_letters.find(task->id(), model::Position(id.position));
  if (!letter) return failed(letter.error());
  if (!*letter) return no_letter(id);
  return std::move(**letter);
}

Outcome<void> Service::remove_dead_letter(std::string_view which, model::MessageId id) {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  const model::Position position(id.position);
  const auto erased = state_->dead_letters.erase(task->id(), std::span(&position, 1));
  if (!erased) return failed(erased.error());
  if (*erased == 0) return no_letter(id);
  return {};
}

Outcome<void> Service::remove_dead_letters(std::string_view which) {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (auto erased = state_->dead_letters.erase_all(task->id()); !erased)
    return failed(erased.error());
  return {};
}

template <class Sender>
Outcome<json::object> Service::State::send_letters(Sender& sender, const Task& task,
                                                   std::span<const model::MessageId> ids,
                                                   const LetterFilter& filter) {
  std::string stopped;
  if (!ids.empty()) {
    std::vector<model::Position> positions;
    for (const auto& id : ids) positions.emplace_back(id.position);
    if (const auto sent = sender.send(positions); !sent) return failed(sent.error());
  } else {
    auto walked =
        walk_letters(task.id(), filter, kActOnLettersFor,
                     [&](const DeadLetters::Found& part) { return sender.send(part.positions); });
    if (!walked) return failed(walked.error());
    stopped = std::move(*walked);
  }
  return report_of(sender.report(), std::move(stopped), dead_letters.count(task.id()));
}

// Published here, as what the task brings in.
Outcome<json::object> Service::redrive_source(const Task& task,
                                              std::span<const model::MessageId> ids,
                                              const LetterFilter& filter) {
  const auto& options = state_->options;
  if (options.intake == nullptr) return wrong_state("nothing takes messages in here", "");
  const auto connection = state_->find_connection(task.connection_id());
  auto decoder = decoder_for(state_->around.registry, task.spec(), connection);
  if (!decoder) return tl::unexpected(std::move(decoder.error()));
  SourceRedrive redrive(
      {.intake = *options.intake,
       .letters = state_->dead_letters,
       .clock = state_->around.clock,
       .task_id = task.id(),
       .names = {.node = options.node_name,
                 .client_id = worker_name(flow_name(connection, task.spec()), task.name(), 0),
                 .task_id = task.id(),
                 .maximum_hops = options.maximum_hops,
                 .account = task.spec().account},
       .until = std::chrono::steady_clock::now() + kActOnLettersFor,
       .is_stopping = [this] { return !state_->must_be_open().has_value(); },
       .decoder = std::move(*decoder),
       .rights = task.rights()},
      task.spec());
  return state_->send_letters(redrive, task, ids, filter);
}

// One redrive of a task at a time: two would send the same letters.
class Service::RedriveClaim {
 public:
  RedriveClaim(State& state, const std::string& task_id) : state_(state) {
    const std::scoped_lock lock(state_.mutex);
    const auto [at, is_new] = state_.redriving.insert(task_id);
    if (is_new) task_id_ = task_id;
  }
  ~RedriveClaim() {
    const std::scoped_lock lock(state_.mutex);
    state_.redriving.erase(task_id_);
  }
  RedriveClaim(const RedriveClaim&) = delete;
  RedriveClaim& operator=(const RedriveClaim&) = delete;
  [[nodiscard]] bool is_ours() const { return !task_id_.empty(); }

 private:
  State& state_;
  std::string task_id_;
};

Outcome<json::object> Service::redrive(std::string_view which,
                                       std::span<const model::MessageId> ids,
                                       const LetterFilter& filter) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (!task->invalid().empty())
    return wrong_state("the task's document is not valid any more", "change the task first");
  if (const auto rights = task->rights(); rights) {
    if (auto missing = missing_rights(task->spec(), *rights); !missing.empty())
      return wrong_state(missing.front().detail, "allow it by a policy");
  }
  const RedriveClaim claim(*state_, task->id());
  if (!claim.is_ours())
    return wrong_state("its dead letters are being sent again already", "wait until that is done");
  if (task->spec().is_inbound()) return redrive_source(*task, ids, filter);
  const auto* connector = state_->around.registry.find(task->sink_type());
  const auto connection = state_->find_connection(task->connection_id());
  if (connector == nullptr || (connector->needs_connection && !connection))
    return wrong_state("its connection is not valid any more", "change the connection first");

  auto worker = worker_name(flow_name(connection, task->spec()), task->name(), 0);
  SinkConfig config{.connection = connection ? connection->settings : json::object(),
                    .sink = task->spec().sink,
                    .client_id = worker + "-redrive",
                    .task_id = task->id(),
                    .files_directory = state_->options.files_directory};
  auto encoder = encoder_for(state_->around.registry, task->spec(), connection);
  if (!encoder) return tl::unexpected(std::move(encoder.error()));
  auto& letters = state_->dead_letters;
  Redrive redrive({.letters = letters,
                   .clock = state_->around.clock,
                   .task_id = task->id(),
                   .node_name = state_->options.node_name,
                   .worker_name = std::move(worker),
                   .origin = task->origin(),
                   .until = std::chrono::steady_clock::now() + kActOnLettersFor,
                   .is_stopping = [this] { return !state_->must_be_open().has_value(); },
                   .encoder = std::move(*encoder),
                   .rights = task->rights()},
                  task->spec());
  if (auto opened = redrive.open([&](Sink::Callbacks callbacks) {
        return connector->make_sink(config, std::move(callbacks));
      });
      !opened)
    return failed(opened.error());

  return state_->send_letters(redrive, *task, ids, filter);
}

}  // namespace sluice::connect
