#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "base/entity_id.hpp"
#include "base/log.hpp"
#include "connect/documents.hpp"
#include "connect/service_state.hpp"
#include "connect/text.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

}  // namespace

std::string flow_name(const ConnectionPtr& connection, const TaskSpec& spec) {
  return connection ? connection->name : spec.outside_type();
}

tl::unexpected<Refusal> no_such_connection(const TaskSpec& spec) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the task's document is not valid",
                 .hint = "create the connection first",
                 .fields = {{"/" + std::string(spec.outside_part()) + "/connection",
                             "there is no connection `" + spec.connection + "` of type " +
                                 spec.outside_type()}}});
}

Outcome<std::unique_ptr<ValueEncoder>> encoder_for(const Registry& registry, const TaskSpec& spec,
                                                   const ConnectionPtr& connection) {
  if (!spec.encoding) return nullptr;
  const auto* connector = registry.find(spec.sink_type);
  auto made =
      connector->make_encoder(connection ? connection->settings : json::object(), *spec.encoding);
  if (!made) return invalid_task({{"/map/schema", made.error().detail}});
  return std::move(*made);
}

Outcome<std::unique_ptr<ValueDecoder>> decoder_for(const Registry& registry, const TaskSpec& spec,
                                                   const ConnectionPtr& connection) {
  if (!spec.decoding) return nullptr;
  const auto* connector = registry.find(spec.source_type);
  auto made =
      connector->make_decoder(connection ? connection->settings : json::object(), *spec.decoding);
  if (!made) return invalid_task({{"/map/schema", made.error().detail}});
  return std::move(*made);
}

tl::unexpected<Refusal> group_taken(std::string_view group) {
  return refuse({.errc = Errc::AlreadyExists,
                 .code = "group_name_taken",
                 .detail = "the group `" + std::string(group) + "` belongs to another task",
                 .hint = "choose another name",
                 .fields = {{"/name", "makes the group name of another task"}}});
}

// Where a range ends is known to the log alone.
tl::unexpected<Refusal> not_made(const Error& error) {
  if (error.code != Errc::InvalidArgument) return failed(error);
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the task's document is not valid",
                 .hint = "correct the fields that are named and send it again",
                 .fields = {{"/source/end", error.detail}}});
}

Result<void> Service::State::load_tasks() {
  std::vector<TaskRecord> records;
  SL_TRY_VOID(around.store.scan(
      store::StateKind::Document, "task/", [&](std::string_view key, std::string_view value) {
        json::error_code error;
        const auto parsed = json::parse(value, error);
        auto record = error || !parsed.is_object() ? fail(Errc::Corrupt, "not an object")
                                                   : TaskRecord::from_json(parsed.get_object());
        if (record) {
          records.push_back(std::move(*record));
        } else {
          log::error("a saved task cannot be understood",
                     {{"key", key}, {"detail", record.error().detail}});
        }
        return true;
      }));
  for (auto& record : records) {
    auto spec = parse_task(around.registry, record.document);
    std::string invalid;
    if (!spec) {
      const auto& refusal = spec.error();
      invalid = "its document is not valid any more";
      for (const auto& field : refusal.fields) invalid += "; " + field.pointer + " " + field.detail;
      log::error("a saved task is not valid any more and does not run",
                 {{"task", record.id}, {"detail", invalid}});
      spec = salvage_task(record.document);
    }
    const auto connection = find_connection(record.connection_id);
    auto flow = flow_name(connection, *spec);
    auto task =
        std::make_shared<Task>(around, std::move(record), std::move(*spec), std::move(flow));
    SL_TRY_VOID(task->acquire_queues());
    SL_TRY_VOID(task->resume());
    if (!invalid.empty()) {
      task->invalidate(invalid);
      task->fail(invalid);
    }
    task->watch(task);
    const std::scoped_lock lock(mutex);
    tasks[task->id()] = task;
  }
  return {};
}

Outcome<json::object> Service::create_task(const json::object& given, const TaskCreation& how) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  auto document = given;
  auto spec = parse_task(state_->around.registry, document);
  if (!spec) return tl::unexpected(std::move(spec.error()));
  if (auto checked = check_steps(spec->steps); !checked)
    return tl::unexpected(std::move(checked.error()));

  const std::scoped_lock changing(state_->changing);
  if (state_->find_task(spec->name)) return name_taken("task", spec->name);
  ConnectionPtr connection;
  if (!spec->connection.empty()) {
    connection = state_->find_connection(spec->connection);
    if (!connection || connection->connector->name != spec->outside_type())
      return no_such_connection(*spec);
  }
  if (auto encoder = encoder_for(state_->around.registry, *spec, connection); !encoder)
    return tl::unexpected(std::move(encoder.error()));
  if (auto decoder = decoder_for(state_->around.registry, *spec, connection); !decoder)
    return tl::unexpected(std::move(decoder.error()));
  auto copies_connection = state_->copies_connection_of(*spec);
  if (!copies_connection) return tl::unexpected(std::move(copies_connection.error()));
  const auto flow = flow_name(connection, *spec);
  const auto group = group_name(flow, spec->name);
  if (state_->find_group(group)) return group_taken(group);
  std::unique_ptr<broker::AccountChange> account;
  if (how.makes_account) {
    auto prepared = state_->prepare_account(*spec, document);
    if (!prepared) return tl::unexpected(std::move(prepared.error()));
    account = std::move(*prepared);
  }
  if (auto checked = state_->check_account(*spec, flow, account.get()); !checked)
    return tl::unexpected(std::move(checked.error()));

  const auto now = rfc3339(state_->around.clock.wall_ms());
  TaskRecord record{.id = new_entity_id(state_->around.clock),
                    .connection_id = connection ? connection->id : "",
                    .copies_connection_id = std::move(*copies_connection),
                    .created = now,
                    .updated = now,
                    .document = std::move(document)};
  if (account) record.made_account = account->account();
  auto task = std::make_shared<Task>(state_->around, std::move(record), std::move(*spec), flow);
  auto ready = task->acquire_queues();
  if (ready) ready = task->create(account.get());
  if (!ready) {
    task->release_queues();
    return not_made(ready.error());
  }
  if (account) account->apply();
  account.reset();
  task->watch(task);
  {
    const std::scoped_lock lock(state_->mutex);
    state_->tasks[task->id()] = task;
  }
  if (task->is_enabled()) state_->start(*task);
  return task->entity();
}

std::vector<json::object> Service::tasks() const {
  std::vector<json::object> entities;
  for (const auto& task : state_->all_tasks()) entities.push_back(task->entity());
  return entities;
}

Outcome<json::object> Service::task(std::string_view which) const {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  return task->entity();
}

Outcome<json::object> Service::start_task(std::string_view which) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (auto saved = task->set_enabled(true); !saved) return failed(saved.error());
  // What failed is started afresh.
  if (task->progress().state == TaskState::Failed) task->pause();
  state_->start(*task);
  return task->entity();
}

Outcome<json::object> Service::pause_task(std::string_view which) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (auto saved = task->set_enabled(false); !saved) return failed(saved.error());
  task->pause();
  return task->entity();
}

Outcome<json::object> Service::seek_task(std::string_view which, const json::object& to) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  const auto refused = [](std::string why) {
    return refuse({.errc = Errc::InvalidArgument,
                   .code = "invalid_document",
                   .detail = "this does not say where to go on",
                   .hint = R"(send {"start": "earliest"}, for example)",
                   .fields = {{"/start", std::move(why)}}});
  };
  const auto* given = to.if_contains("start");
  const auto where = given != nullptr ? *given : json::value();
  const std::scoped_lock changing(state_->changing);
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  Result<void> sought;
  if (task->spec().is_inbound()) {
    const auto* connector = state_->around.registry.find(task->spec().source_type);
    if (connector == nullptr || connector->seek_source == nullptr)
      return refuse({.errc = Errc::WrongState,
                     .code = "wrong_state",
                     .detail = "what such a source has brought in it cannot bring in again",
                     .hint = "only tasks from this server's log and from Kafka go back",
                     .fields = {}});
    const auto note = connector->seek_source(where);
    if (!note || to.size() != 1) return refused(note ? "must be the only member" : note.error());
    sought = task->seek_source(*note);
  } else {
    const auto start = parse_start(where);
    if (!start || to.size() != 1) return refused(start ? "must be the only member" : start.error());
    sought = task->seek(*start);
  }
  if (task->is_enabled()) state_->start(*task);
  if (!sought) return failed(sought.error());
  return task->entity();
}

Outcome<void> Service::remove_task(std::string_view which) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  const std::scoped_lock changing(state_->changing);
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  task->retire();
  const auto note = task->source_note();
  auto account = state_->prepare_account_removal(*task);
  if (auto erased = task->erase(account.get()); !erased) return failed(erased.error());
  if (account) account->apply();
  account.reset();
  task->release_queues();
  task->forget();
  {
    const std::scoped_lock lock(state_->mutex);
    state_->tasks.erase(task->id());
  }
  // Under `changing`: a task that is made next may want the same client id there.
  if (const auto connection = state_->find_connection(task->connection_id()))
    task->leave_source(connection->settings, note);
  return {};
}

}  // namespace sluice::connect
