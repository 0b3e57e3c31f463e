#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/entity_id.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "connect/documents.hpp"
#include "connect/service_state.hpp"
#include "connect/text.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using store::StateKind;

constexpr std::string_view kPrefix = "connection/";

tl::unexpected<Refusal> invalid(std::vector<schema::Problem> problems) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the connection's document is not valid",
                 .hint = "correct the fields that are named and send it again",
                 .fields = std::move(problems)});
}

std::vector<VerifyStep> verify(const Connection& connection, std::string_view topic) {
  if (connection.connector->verify == nullptr) return {};
  return connection.connector->verify(connection.settings, topic);
}

const VerifyStep* first_fault(const std::vector<VerifyStep>& steps) {
  for (const auto& step : steps) {
    if (!step.ok) return &step;
  }
  return nullptr;
}

json::object report(const std::vector<VerifyStep>& steps) {
  json::array list;
  for (const auto& step : steps)
    list.push_back(json::object{{"name", step.name},
                                {"ok", step.ok},
                                {"ms", step.ms},
                                {"detail", step.detail},
                                {"hint", step.hint}});
  return {{"ok", first_fault(steps) == nullptr}, {"steps", std::move(list)}};
}

void note(Connection& connection, const std::vector<VerifyStep>& steps) {
  const auto* fault = first_fault(steps);
  connection.verified = fault == nullptr ? Connection::Verified::Ok : Connection::Verified::Failed;
  connection.verified_detail = fault == nullptr ? "" : fault->name + ": " + fault->detail;
}

tl::unexpected<Refusal> not_verified(const VerifyStep& fault) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "verification_failed",
                 .detail = fault.name + ": " + fault.detail,
                 .hint = fault.hint,
                 .fields = {{"/settings", fault.detail}}});
}

tl::unexpected<Refusal> in_use(const std::vector<TaskPtr>& tasks) {
  constexpr std::size_t kNamed = 20;
  std::string names;
  for (std::size_t i = 0; i < std::min(tasks.size(), kNamed); ++i)
    names += (i == 0 ? "`" : ", `") + tasks[i]->name() + "`";
  if (tasks.size() > kNamed) names += " and " + std::to_string(tasks.size() - kNamed) + " more";
  return refuse({.errc = Errc::WrongState,
                 .code = "connection_in_use",
                 .detail = "the connection is used by the task" +
                           std::string(tasks.size() > 1 ? "s " : " ") + names,
                 .hint = "delete its tasks first, or give them another connection",
                 .fields = {}});
}

}  // namespace

Outcome<void> Service::State::verify_first(Connection& connection,
                                           const Verification& verification) {
  if (!verification.is_wanted) return {};
  const auto steps = verify(connection, verification.topic);
  note(connection, steps);
  if (const auto* fault = first_fault(steps)) return not_verified(*fault);
  return {};
}

json::object Connection::to_json() const {
  return {{"id", id}, {"created", created}, {"updated", updated}, {"document", document}};
}

Outcome<Connection> Service::State::parse_connection(const json::object& document) const {
  const auto type = text_at(document, "type");
  const auto* connector = around.registry.find(type);
  if (connector == nullptr || !connector->needs_connection) {
    std::string known;
    for (const auto& [name, entry] : around.registry.all())
      if (entry.needs_connection) known += (known.empty() ? "" : ", ") + name;
    return invalid({{"/type", "must be one of: " + known}});
  }
  auto checked = schema::check(connection_fields(*connector), document);
  auto problems = std::move(checked.problems);
  const auto* settings = checked.value.if_contains("settings");
  if (problems.empty() && connector->check_connection != nullptr)
    connector->check_connection(settings->as_object(), problems);
  if (!problems.empty()) return invalid(std::move(problems));

  Connection connection;
  connection.document = document;
  connection.settings = settings->as_object();
  connection.name = text_at(checked.value, "name");
  connection.connector = connector;
  return connection;
}

Result<void> Service::State::load_connections() {
  std::vector<json::object> found;
  SL_TRY_VOID(around.store.scan(StateKind::Document, kPrefix,
                                [&](std::string_view, std::string_view value) {
                                  json::error_code error;
                                  auto parsed = json::parse(value, error);
                                  if (!error && parsed.is_object())
                                    found.push_back(std::move(parsed.get_object()));
                                  return true;
                                }));
  for (const auto& entry : found) {
    const auto* document = entry.if_contains("document");
    if (document == nullptr || !document->is_object()) continue;
    auto parsed = parse_connection(document->get_object());
    if (!parsed) {
      // A connector that is gone, or rules that became stricter: its tasks say so.
      log::error("a saved connection is not valid any more",
                 {{"connection", text_at(entry, "id")}, {"detail", parsed.error().detail}});
      continue;
    }
    auto connection = std::make_shared<Connection>(std::move(*parsed));
    connection->id = text_at(entry, "id");
    connection->created = text_at(entry, "created");
    connection->updated = text_at(entry, "updated");
    const std::scoped_lock lock(mutex);
    connections[connection->id] = connection;
  }
  return {};
}

Result<void> Service::State::save(const Connection& connection) {
  const auto batch = around.store.new_batch();
  batch->put(StateKind::Document, std::string(kPrefix) + connection.id,
             json::serialize(connection.to_json()));
  SL_TRY(end, around.store.append(batch));
  return around.store.wait_durable(end);
}

json::object Service::State::connection_entity(const Connection& connection) const {
  const auto& connector = *connection.connector;
  const auto fields = connection_fields(connector);
  auto checked = schema::check(fields, connection.document).value;
  auto shown = readable(fields, schema::mask(fields, checked));
  if (connector.mask_settings != nullptr) {
    if (auto* settings = shown.if_contains("settings"); settings && settings->is_object())
      connector.mask_settings(settings->get_object());
  }
  json::object out;
  out["id"] = connection.id;
  for (auto& member : shown) out[member.key()] = std::move(member.value());

  const auto users = tasks_of(connection.id);
  std::size_t good = 0;
  std::size_t bad = 0;
  std::string reason;
  for (const auto& task : users) {
    if (task->copies_connection_id() == connection.id) {
      if (auto trouble = task->copies_trouble(); !trouble.empty()) {
        ++bad;
        reason = "dead letters of task " + task->name() + ": " + trouble;
      }
    }
    if (task->connection_id() != connection.id) continue;
    const auto progress = task->progress();
    if (progress.state == TaskState::Running) ++good;
    if (progress.state != TaskState::Waiting && progress.state != TaskState::Failed) continue;
    ++bad;
    reason = "task " + task->name() + ": " + progress.reason;
  }
  std::string_view status = "unknown";
  if (bad > 0) {
    status = good > 0 ? "degraded" : "failed";
  } else if (good > 0 || connection.verified == Connection::Verified::Ok) {
    status = "healthy";
  } else if (connection.verified == Connection::Verified::Failed) {
    status = "failed";
    reason = connection.verified_detail;
  }
  out["status"] = status;
  out["status_reason"] = reason;
  out["bound_resource"] =
      connector.bound_resource != nullptr ? connector.bound_resource(connection.settings) : "";
  out["tasks"] = users.size();
  out["created"] = connection.created;
  out["updated"] = connection.updated;
  return out;
}

Outcome<json::object> Service::create_connection(const json::object& document,
                                                 const Verification& verification) {
  if (auto open = state_->must_be_open(); !open) return tl::unexpected(open.error());
  auto parsed = state_->parse_connection(document);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  if (state_->find_connection(parsed->name)) return name_taken("connection", parsed->name);
  if (auto verified = State::verify_first(*parsed, verification); !verified)
    return tl::unexpected(std::move(verified.error()));

  const std::scoped_lock changing(state_->changing);
  if (state_->find_connection(parsed->name)) return name_taken("connection", parsed->name);
  auto connection = std::make_shared<Connection>(std::move(*parsed));
  connection->id = new_entity_id(state_->around.clock);
  connection->created = rfc3339(state_->around.clock.wall_ms());
  connection->updated = connection->created;
  if (auto saved = state_->save(*connection); !saved) return failed(saved.error());
  {
    const std::scoped_lock lock(state_->mutex);
    state_->connections[connection->id] = connection;
  }
  return state_->connection_entity(*connection);
}

std::vector<json::object> Service::connections() const {
  std::vector<ConnectionPtr> all;
  {
    const std::scoped_lock lock(state_->mutex);
    all.reserve(state_->connections.size());
    for (const auto& [id, connection] : state_->connections) all.push_back(connection);
  }
  std::vector<json::object> entities;
  entities.reserve(all.size());
  for (const auto& connection : all) entities.push_back(state_->connection_entity(*connection));
  return entities;
}

Outcome<json::object> Service::connection(std::string_view which) const {
  const auto connection = state_->find_connection(which);
  if (!connection) return not_found("connection", which);
  return state_->connection_entity(*connection);
}

Outcome<void> Service::remove_connection(std::string_view which) {
  const std::scoped_lock changing(state_->changing);
  const auto connection = state_->find_connection(which);
  if (!connection) return not_found("connection", which);
  if (const auto tasks = state_->tasks_of(connection->id); !tasks.empty()) return in_use(tasks);
  const auto batch = state_->around.store.new_batch();
  batch->erase(StateKind::Document, std::string(kPrefix) + connection->id);
  const auto end = state_->around.store.append(batch);
  if (!end) return failed(end.error());
  if (auto durable = state_->around.store.wait_durable(*end); !durable)
    return failed(durable.error());
  const std::scoped_lock lock(state_->mutex);
  state_->connections.erase(connection->id);
  return {};
}

Outcome<json::object> Service::verify_connection(const json::object& document,
                                                 std::string_view topic) {
  const auto parsed = state_->parse_connection(document);
  if (!parsed) return tl::unexpected(parsed.error());
  return report(verify(*parsed, topic));
}

Outcome<json::object> Service::verify_saved_connection(std::string_view which,
                                                       std::string_view topic) {
  const auto connection = state_->find_connection(which);
  if (!connection) return not_found("connection", which);
  const auto steps = verify(*connection, topic);
  auto noted = std::make_shared<Connection>(*connection);
  note(*noted, steps);
  const std::scoped_lock lock(state_->mutex);
  // Unless it was replaced or removed meanwhile.
  const auto it = state_->connections.find(connection->id);
  if (it != state_->connections.end() && it->second == connection) it->second = std::move(noted);
  return report(steps);
}

}  // namespace sluice::connect
