// Connections and tasks that are changed while they work: what is in flight is settled, and the
// task goes on where it stopped.
#include <algorithm>

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "connect/documents.hpp"
#include "connect/merge_patch.hpp"
#include "connect/service_state.hpp"
#include "connect/task_account.hpp"
#include "connect/text.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using schema::Type;

tl::unexpected<Refusal> wrong(std::string_view what, std::vector<schema::Problem> fields) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the " + std::string(what) + "'s document is not valid",
                 .hint = "correct the fields that are named and send it again",
                 .fields = std::move(fields)});
}

tl::unexpected<Refusal> wrong(std::string_view what, std::string pointer, std::string detail) {
  return wrong(what, {{std::move(pointer), std::move(detail)}});
}

tl::unexpected<Refusal> changed_meanwhile(std::string_view what, std::string_view which) {
  return refuse({.errc = Errc::WrongState,
                 .code = "wrong_state",
                 .detail = "the " + std::string(what) + " `" + std::string(which) +
                           "` was changed or deleted meanwhile",
                 .hint = "read it again, and decide again",
                 .fields = {}});
}

tl::unexpected<Refusal> leaves_behind(std::string_view task, std::string_view what) {
  return refuse(
      {.errc = Errc::WrongState,
       .code = "session_left_behind",
       .detail = "the task `" + std::string(task) + "` would leave behind " + std::string(what),
       .hint = "let the task take in what waits there first, or delete it to end the "
               "session; `?force=true` (--force) changes it all the same",
       .fields = {}});
}

bool is_mask(const json::value& value) {
  return value.is_string() && std::string_view(value.get_string()) == "***";
}

// What was shown as "***" and comes back so keeps its value: declared secrets, and those among the
// names of a map, which the connector hides by itself.
json::object keep_secrets(const Connector& connector, const json::object& old, json::object fresh) {
  fresh = schema::unmask(connection_fields(connector), old, std::move(fresh));
  auto* settings = fresh.if_contains("settings");
  const auto* before = old.if_contains("settings");
  if (settings == nullptr || !settings->is_object() || before == nullptr) return fresh;
  for (const auto& field : connector.connection_fields) {
    if (field.type != Type::Map) continue;
    auto* members = settings->get_object().if_contains(field.name);
    const auto* kept = before->as_object().if_contains(field.name);
    if (members == nullptr || !members->is_object() || kept == nullptr || !kept->is_object())
      continue;
    for (auto& member : members->get_object()) {
      const auto* value = kept->get_object().if_contains(member.key());
      if (is_mask(member.value()) && value != nullptr) member.value() = *value;
    }
  }
  return fresh;
}

std::vector<schema::Problem> problems_of_change(const Connection& before, const Connection& after,
                                                const json::object& patch) {
  std::vector<schema::Problem> problems;
  const auto* given = patch.if_contains("settings");
  if (given == nullptr || !given->is_object() || before.connector->check_change == nullptr)
    return problems;
  before.connector->check_change(before.settings, after.settings, given->get_object(), problems);
  return problems;
}

// In the part of a document that stands there, if it does.
void name_connection(json::object& document, std::initializer_list<std::string_view> path,
                     const std::string& name) {
  auto* part = &document;
  for (const auto step : path) {
    auto* value = part->if_contains(step);
    if (value == nullptr || !value->is_object()) return;
    part = &value->get_object();
  }
  (*part)["connection"] = name;
}

std::string text_in(const json::object& object, std::string_view section, std::string_view name) {
  const auto* part = object.if_contains(section);
  return part != nullptr && part->is_object() ? text_at(part->get_object(), name) : std::string();
}

}  // namespace

std::string time_of_change(const Clock& clock, std::string_view before) {
  auto now_ms = clock.wall_ms();
  std::int64_t before_ms = 0;
  if (parse_rfc3339(before, before_ms)) now_ms = std::max(now_ms, before_ms + 1);
  return rfc3339(now_ms);
}

// The new one's queues are there before the old one lets go of its own: nothing that is published
// meanwhile is missed.
Result<TaskPtr> Service::State::replace_task(const TaskPtr& old, TaskRecord record, TaskSpec spec,
                                             std::string flow) {
  const bool is_renamed = spec.name != old->name();
  auto fresh = std::make_shared<Task>(around, std::move(record), std::move(spec), std::move(flow));
  auto done = fresh->acquire_queues();
  if (done) {
    old->retire();
    done = fresh->take_over(*old);
  }
  if (!done) {
    fresh->release_queues();
    old->revive();
    if (old->is_enabled()) start(*old);
    return tl::unexpected(std::move(done).error());
  }
  old->forget_workers();
  if (is_renamed) old->forget();
  fresh->watch(fresh);
  {
    const std::scoped_lock lock(mutex);
    tasks[fresh->id()] = fresh;
  }
  old->release_queues();
  return fresh;
}

void Service::State::restart_tasks(const std::vector<TaskPtr>& tasks_to_restart) {
  for (const auto& task : tasks_to_restart) task->request_pause();  // all drain at the same time
  for (const auto& task : tasks_to_restart) {
    if (!task->is_enabled()) continue;
    task->pause();
    start(*task);
  }
}

Result<void> Service::State::rename_tasks(const Connection& connection) {
  const auto users = tasks_of(connection.id);
  for (const auto& task : users) task->request_pause();
  for (const auto& task : users) {
    auto record = task->record();
    auto spec = task->spec();
    const bool is_for_it = task->connection_id() == connection.id;
    const bool copies_over_it = task->copies_connection_id() == connection.id;
    for (auto* document : {&record.document, &spec.shown}) {
      if (is_for_it) name_connection(*document, {spec.outside_part()}, connection.name);
      if (copies_over_it)
        name_connection(*document, {"delivery", "dead_letter_copy"}, connection.name);
    }
    if (copies_over_it && spec.letter_copy) spec.letter_copy->connection = connection.name;
    spec.enabled = task->is_enabled();
    const auto invalid = task->invalid();
    auto flow =
        is_for_it ? connection.name : flow_name(find_connection(record.connection_id), spec);
    SL_TRY(fresh, replace_task(task, std::move(record), std::move(spec), std::move(flow)));
    if (!invalid.empty()) {
      fresh->invalidate(invalid);
      fresh->fail(invalid);
    }
    if (fresh->is_enabled()) start(*fresh);
  }
  return {};
}

Outcome<json::object> Service::change_connection(std::string_view which, const json::object& patch,
                                                 const ConnectionChange& how) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  const auto before = state_->find_connection(which);
  if (!before) return not_found("connection", which);
  auto document =
      keep_secrets(*before->connector, before->document, merge_patch(before->document, patch));
  auto parsed = state_->parse_connection(document);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  if (parsed->connector != before->connector)
    return wrong("connection", "/type", "cannot be changed: make another connection");
  if (auto problems = problems_of_change(*before, *parsed, patch); !problems.empty())
    return wrong("connection", std::move(problems));
  for (const auto& task : state_->tasks_of(before->id)) {
    if (task->copies_connection_id() == before->id) {
      if (auto why = parsed->connector->why_no_letters(parsed->settings); !why.empty())
        return wrong("connection", "/settings",
                     "task " + task->name() + " copies its dead letters over it: " + why);
    }
    if (how.is_forced || task->connection_id() != before->id || !task->spec().is_inbound())
      continue;
    if (auto what = task->left_behind(parsed->settings, task->spec().source); !what.empty())
      return leaves_behind(task->name(), what);
  }
  const bool is_renamed = parsed->name != before->name;
  if (is_renamed && !how.restart_tasks)
    return wrong("connection", "/name",
                 "cannot be changed without restarting its tasks: they carry the name");
  if (auto verified = State::verify_first(*parsed, how.verification); !verified)
    return tl::unexpected(std::move(verified.error()));

  const std::scoped_lock changing(state_->changing);
  const auto current = state_->find_connection(before->id);
  if (!current || current->updated != before->updated)
    return changed_meanwhile("connection", which);
  if (is_renamed) {
    if (state_->find_connection(parsed->name)) return name_taken("connection", parsed->name);
    for (const auto& task : state_->tasks_of(before->id)) {
      if (task->connection_id() != before->id) continue;  // it has no part in its names
      const auto group = group_name(parsed->name, task->name());
      if (state_->find_group(group)) return group_taken(group);
    }
  }
  auto connection = std::make_shared<Connection>(std::move(*parsed));
  connection->id = before->id;
  connection->created = before->created;
  connection->updated = time_of_change(state_->around.clock, before->updated);
  if (auto saved = state_->save(*connection); !saved) return failed(saved.error());
  {
    const std::scoped_lock lock(state_->mutex);
    state_->connections[connection->id] = connection;
  }
  if (is_renamed) {
    if (auto renamed = state_->rename_tasks(*connection); !renamed) return failed(renamed.error());
  } else if (how.restart_tasks) {
    state_->restart_tasks(state_->tasks_of(connection->id));
  }
  return state_->connection_entity(*connection);
}

Outcome<json::object> Service::change_task(std::string_view which, const json::object& patch,
                                           bool is_forced) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  const std::scoped_lock changing(state_->changing);
  const auto old = state_->find_task(which);
  if (!old) return not_found("task", which);
  auto record = old->record();
  const auto named_before = text_in(record.document, old->spec().outside_part(), "connection");
  record.document["enabled"] = old->is_enabled();
  record.document = merge_patch(std::move(record.document), patch);
  auto spec = parse_task(state_->around.registry, record.document);
  if (!spec) return tl::unexpected(std::move(spec.error()));
  if (auto checked = check_steps(spec->steps); !checked)
    return tl::unexpected(std::move(checked.error()));

  if (spec->source_type != old->spec().source_type)
    return wrong("task", "/source/type", "cannot be changed: make another task");
  // Its own connection under another name is still its own.
  const bool is_same_connection = spec->outside_type() == old->spec().outside_type() &&
                                  spec->connection == named_before && !named_before.empty();
  ConnectionPtr connection;
  if (is_same_connection) {
    connection = state_->find_connection(record.connection_id);
  } else if (!spec->connection.empty()) {
    connection = state_->find_connection(spec->connection);
  }
  if (!spec->connection.empty() &&
      (!connection || connection->connector->name != spec->outside_type()))
    return no_such_connection(*spec);
  if (auto encoder = encoder_for(state_->around.registry, *spec, connection); !encoder)
    return tl::unexpected(std::move(encoder.error()));
  if (auto decoder = decoder_for(state_->around.registry, *spec, connection); !decoder)
    return tl::unexpected(std::move(decoder.error()));
  if (connection && !is_forced) {
    if (auto what = old->left_behind(connection->settings, spec->source); !what.empty())
      return leaves_behind(old->name(), what);
  }
  const auto taken = state_->find_task(spec->name);
  if (taken && taken != old) return name_taken("task", spec->name);
  auto flow = flow_name(connection, *spec);
  const auto group = group_name(flow, spec->name);
  const auto owner = state_->find_group(group);
  if (owner && owner != old) return group_taken(group);
  // Who mends something else need not wait for a policy that somebody has taken away.
  if (group != old->group() || !needs_same_rights(old->spec(), *spec)) {
    if (auto checked = state_->check_account(*spec, flow); !checked)
      return tl::unexpected(std::move(checked.error()));
  }

  auto copies_connection = state_->copies_connection_of(*spec);
  if (!copies_connection) return tl::unexpected(std::move(copies_connection.error()));
  record.copies_connection_id = std::move(*copies_connection);
  record.connection_id = connection ? connection->id : "";
  record.updated = time_of_change(state_->around.clock, record.updated);
  auto fresh = state_->replace_task(old, std::move(record), std::move(*spec), std::move(flow));
  if (!fresh) return not_made(fresh.error());
  if (!(*fresh)->spec().letter_copy) {
    if (auto forgotten = state_->dead_letters.forget_copies((*fresh)->id()); !forgotten)
      return failed(forgotten.error());
  }
  if ((*fresh)->is_enabled()) state_->start(**fresh);
  return (*fresh)->entity();
}

Outcome<json::object> Service::copy_task(std::string_view which, const json::object& changes) {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (!changes.contains("name"))
    return wrong("task", "/name", "is needed: a copy has a name of its own");
  auto document = task->record().document;
  document["enabled"] = false;
  return create_task(merge_patch(std::move(document), changes));
}

}  // namespace sluice::connect
