// A task whose source is outside: what runs it.
#include "connect/documents.hpp"
#include "connect/origins.hpp"
#include "connect/source_worker.hpp"
#include "connect/task.hpp"
#include "connect/totals.hpp"

namespace sluice::connect {
namespace {

Result<void> keep_document(store::Store& store, std::string_view key, std::string_view text) {
  const auto batch = store.new_batch();
  batch->put(store::StateKind::Document, key, text);
  SL_TRY(end, store.append(batch));
  return store.wait_durable(end);
}

}  // namespace

std::string Task::origin() const {
  const auto* connector = around_.registry.find(spec_.sink_type);
  const bool notes = connector != nullptr && connector->notes_origins && !spec_.is_inbound();
  return notes ? outward_origin(record_.id) : std::string();
}

std::string Task::guard() const {
  return spec_.letter_copy ? outward_origin(record_.id) : origin();
}

SourceConfig Task::source_config(const boost::json::object& settings,
                                 const boost::json::object& source) const {
  return {.connection = settings,
          .source = source,
          .start = spec_.start,
          .client_id = worker_client(),
          .group = group(),
          .member = "sluice-" + around_.options.node_name + "-" + record_.id};
}

std::string Task::left_behind(const boost::json::object& settings,
                              const boost::json::object& source) const {
  const auto* connector = around_.registry.find(spec_.source_type);
  if (connector == nullptr || connector->left_behind == nullptr) return {};
  return connector->left_behind(source_config(settings, source), source_note());
}

std::string Task::source_key(std::string_view id) {
  return "task_source/" + std::string(id);
}

std::string Task::source_note() const {
  const auto note = around_.store.get(store::StateKind::Document, source_key(record_.id));
  return note ? note->value_or("") : std::string();
}

Result<void> Task::seek_source(std::string_view note) {
  pause();
  const std::scoped_lock changing(changing_);
  return keep_document(around_.store, source_key(record_.id), note);
}

void Task::leave_source(const boost::json::object& settings, std::string_view note) const {
  const auto* connector = around_.registry.find(spec_.source_type);
  if (connector != nullptr && connector->leave_source != nullptr && !note.empty())
    connector->leave_source(settings, note);
}

// All of them: what one of them does not want it is done with at once.
Downstream Task::downstream() const {
  return {.reached = [&store = around_.store] { return store.head(); },
          .why_not = [this](store::Position position) -> std::optional<std::string> {
            for (const auto& name : spec_.delivered_by) {
              const auto task = around_.find_task(name);
              if (!task) return "there is no task `" + name + "`, which is to deliver what comes";
              if (auto why = task->why_not_delivered(position)) return why;
            }
            return std::nullopt;
          },
          .listen = [&moves = around_.moves, id = record_.id](
                        std::function<void()> listener) { moves.listen(id, std::move(listener)); }};
}

std::shared_ptr<Runner> Task::make_source_worker(const boost::json::object& settings) {
  const auto* connector = around_.registry.find(spec_.source_type);
  if (connector == nullptr || connector->make_source == nullptr)
    return cannot_start("there is no source `" + spec_.source_type + "`");
  if (around_.options.intake == nullptr) return cannot_start("nothing takes messages in here");
  auto make = [connector, config = source_config(settings, spec_.source), &store = around_.store,
               key = source_key(record_.id)](
                  Source::Callbacks callbacks) -> Result<std::unique_ptr<Source>> {
    SL_TRY(note, store.get(store::StateKind::Document, key));
    auto current = config;
    current.note = note.value_or("");
    callbacks.keep = [&store, key](const std::string& text) {
      return keep_document(store, key, text);
    };
    return connector->make_source(current, std::move(callbacks));
  };
  std::unique_ptr<ValueDecoder> decoder;
  if (spec_.decoding) {
    auto made = connector->make_decoder(settings, *spec_.decoding);
    if (!made) return cannot_start(made.error().detail);
    decoder = std::move(*made);
  }
  return std::make_shared<SourceWorker>(
      SourceWorker::Context{
          .intake = *around_.options.intake,
          .dead_letters = around_.dead_letters,
          .clock = around_.clock,
          .counters = counters(),
          .task_id = record_.id,
          .node_name = around_.options.node_name,
          .worker_name = worker_client(),
          .maximum_hops = around_.options.maximum_hops,
          .before = progress(),
          .keep_totals =
              [&store = around_.store, id = record_.id](const Progress& done) {
                const auto batch = store.new_batch();
                put_totals(*batch, id, done);
                // They are told, and decide nothing.
                static_cast<void>(store.append(batch));
              },
          .on_change = around_.options.on_task_change,
          .on_rejection = around_.options.on_task_rejection,
          .decoder = std::move(decoder),
          .ask_rights = ask_rights(0),
          .downstream = spec_.delivered_by.empty() ? std::nullopt : std::optional(downstream())},
      spec_, std::move(make));
}

}  // namespace sluice::connect
