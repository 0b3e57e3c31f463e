#include "connect/service.hpp"

#include <boost/json/parse.hpp>

#include "base/log.hpp"
#include "connect/service_state.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

// The last of a name or an id.
template <class Map, class NameOf>
auto find_in(const Map& map, std::string_view which, NameOf name_of) -> typename Map::mapped_type {
  if (const auto it = map.find(which); it != map.end()) return it->second;
  for (const auto& [id, entry] : map) {
    if (name_of(*entry) == which) return entry;
  }
  return nullptr;
}

}  // namespace

tl::unexpected<Refusal> not_found(std::string_view what, std::string_view which) {
  return refuse({.errc = Errc::NotFound,
                 .code = "not_found",
                 .detail = "there is no " + std::string(what) + " `" + std::string(which) + "`",
                 .hint = "",
                 .fields = {}});
}

tl::unexpected<Refusal> name_taken(std::string_view what, std::string_view name) {
  return refuse(
      {.errc = Errc::AlreadyExists,
       .code = "name_taken",
       .detail = "there is a " + std::string(what) + " `" + std::string(name) + "` already",
       .hint = "choose another name",
       .fields = {{"/name", "is taken"}}});
}

tl::unexpected<Refusal> failed(const Error& error) {
  return refuse({.errc = error.code,
                 .code = std::string(name_of(error.code)),
                 .detail = error.detail,
                 .hint = "",
                 .fields = {}});
}

ConnectionPtr Service::State::find_connection(std::string_view which) const {
  const std::scoped_lock lock(mutex);
  return find_in(connections, which, [](const Connection& entry) { return entry.name; });
}

TaskPtr Service::State::find_task(std::string_view which) const {
  const std::scoped_lock lock(mutex);
  return find_in(tasks, which, [](const Task& entry) { return entry.name(); });
}

std::vector<TaskPtr> Service::State::all_tasks() const {
  const std::scoped_lock lock(mutex);
  std::vector<TaskPtr> all;
  all.reserve(tasks.size());
  for (const auto& [id, task] : tasks) all.push_back(task);
  return all;
}

std::vector<TaskPtr> Service::State::tasks_of(std::string_view connection_id) const {
  auto found = all_tasks();
  std::erase_if(found, [&](const TaskPtr& task) {
    return task->connection_id() != connection_id && task->copies_connection_id() != connection_id;
  });
  return found;
}

TaskPtr Service::State::find_group(std::string_view group) const {
  for (const auto& task : all_tasks()) {
    if (task->group() == group) return task;
  }
  return nullptr;
}

Outcome<void> Service::State::must_be_open() const {
  const std::scoped_lock lock(mutex);
  if (is_open) return {};
  return refuse({.errc = Errc::WrongState,
                 .code = "wrong_state",
                 .detail = "the server is starting or stopping",
                 .hint = "try again in a moment",
                 .fields = {}});
}

void Service::State::start(Task& task) {
  const auto connection = find_connection(task.connection_id());
  if (!connection && !task.connection_id().empty())
    return task.fail("its connection is not valid any more");
  const auto copies = find_connection(task.copies_connection_id());
  task.start(connection ? connection->settings : json::object(),
             copies ? &copies->settings : nullptr);
}

Service::Service(store::Store& store, broker::Queues& queues, const Registry& registry,
                 const Clock& clock, metrics::Registry& metrics, Options options)
    : state_(std::make_unique<State>(store, queues, registry, clock, metrics, std::move(options))) {
}

Service::~Service() {
  stop();
}

Result<void> Service::start() {
  SL_TRY_VOID(state_->dead_letters.load());
  SL_TRY_VOID(state_->load_connections());
  SL_TRY_VOID(state_->load_tasks());
  {
    const std::scoped_lock lock(state_->mutex);
    state_->is_open = true;
  }
  if (auto* accounts = state_->options.accounts; accounts != nullptr)
    accounts->watch([state = state_.get()] { state->tell_rights_changed(); });
  for (const auto& task : state_->all_tasks()) {
    if (task->is_enabled()) state_->start(*task);
  }
  return {};
}

void Service::close() {
  const std::scoped_lock lock(state_->mutex);
  state_->is_open = false;
}

void Service::stop() {
  close();
  const std::scoped_lock changing(state_->changing);
  const auto tasks = state_->all_tasks();
  for (const auto& task : tasks) task->request_pause();  // all drain at the same time
  for (const auto& task : tasks) task->pause();
  if (auto* accounts = state_->options.accounts; accounts != nullptr) accounts->watch(nullptr);
}

std::vector<store::Hold> Service::holds() const {
  std::vector<store::Hold> holds;
  for (const auto& task : state_->all_tasks()) task->add_holds(holds);
  return holds;
}

void Service::log_deleted(store::Position begin, const std::map<std::string, std::uint64_t>& lost) {
  for (const auto& task : state_->all_tasks()) {
    const auto found = lost.find(task->id());
    task->log_deleted(begin, found == lost.end() ? 0 : found->second);
  }
}

bool Service::owns_group(std::string_view group) const {
  return state_->find_group(group) != nullptr;
}

}  // namespace sluice::connect
