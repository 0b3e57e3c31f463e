// As whom tasks run: checked before anything is saved, and made and taken away together with them.
#include <algorithm>
#include <iterator>

#include "base/log.hpp"
#include "connect/documents.hpp"
#include "connect/service_state.hpp"
#include "connect/task_account.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

tl::unexpected<Refusal> lacks_right(std::vector<schema::Problem> problems) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "account_lacks_right",
                 .detail = "the account may not do what the task needs",
                 .hint =
                     "allow it by a policy (`sluice policy test` asks them), or leave `account` "
                     "out and have one made: `--create-account`, `?create_account=true`",
                 .fields = std::move(problems)});
}

}  // namespace

Outcome<void> Service::State::check_account(const TaskSpec& spec, std::string_view flow,
                                            const broker::AccountChange* made) const {
  if (spec.account.empty() || options.accounts == nullptr) return {};
  for (unsigned i = 0; i < spec.workers; ++i) {
    const auto client = worker_name(flow, spec.name, i);
    const auto rights =
        made != nullptr ? made->rights(client) : options.accounts->rights_of(spec.account, client);
    auto missing = missing_rights(spec, *rights);
    if (i == 0 && rights->exists())  // copies go out as the first worker
      std::ranges::move(missing_copy_rights(spec, *rights), std::back_inserter(missing));
    if (!missing.empty()) return lacks_right(std::move(missing));
  }
  return {};
}

std::vector<std::string> Service::tasks_held_up(const RightsOf& rights_of) const {
  std::vector<std::string> names;
  if (state_->options.accounts == nullptr) return names;
  for (const auto& task : state_->all_tasks()) {
    const auto& spec = task->spec();
    if (spec.account.empty() || !task->is_enabled()) continue;
    const auto lacks = [&](const broker::AccountRightsPtr& rights) {
      return !missing_rights(spec, *rights).empty();
    };
    const auto clients = task->worker_clients();
    if (std::ranges::any_of(clients, [&](const auto& client) {
          return lacks(rights_of(spec.account, client)) &&
                 !lacks(state_->options.accounts->rights_of(spec.account, client));
        }))
      names.push_back(task->name());
  }
  return names;
}

Outcome<std::unique_ptr<broker::AccountChange>> Service::State::prepare_account(
    TaskSpec& spec, json::object& document) const {
  if (options.accounts == nullptr)
    return refuse({.errc = Errc::WrongState,
                   .code = "wrong_state",
                   .detail = "there are no accounts here",
                   .hint = "",
                   .fields = {}});
  auto made = options.accounts->prepare_account({.user = spec.account,
                                                 .owner = spec.name,
                                                 .publishes = spec.is_inbound(),
                                                 .resources = needed_resources(spec),
                                                 .published_besides = copied_here(spec)});
  if (!made) {
    // The caller knows the places by other names.
    constexpr std::string_view kResources = "/resources/";
    for (auto& field : made.error().fields) {
      if (field.pointer.starts_with(kResources))
        field.pointer =
            place_of_resource(spec, std::stoul(field.pointer.substr(kResources.size())));
      if (field.pointer.starts_with("/published_besides/")) field.pointer = kCopyTopic;
    }
    return made;
  }
  spec.account = (*made)->account().user;
  for (auto* each : {&document, &spec.shown}) (*each)["account"] = spec.account;
  return made;
}

std::unique_ptr<broker::AccountChange> Service::State::prepare_account_removal(
    const Task& task) const {
  const auto made = task.record().made_account;
  if (!made || options.accounts == nullptr) return nullptr;
  for (const auto& other : all_tasks()) {
    if (other->id() == task.id() || other->spec().account != made->user) continue;
    log::warn("the account of a deleted task stays: another task runs as it",
              {{"account", made->user}, {"task", task.name()}, {"other", other->name()}});
    return nullptr;
  }
  return options.accounts->prepare_removal(*made);
}

void Service::State::tell_rights_changed() const {
  for (const auto& task : all_tasks()) {
    if (!task->spec().account.empty()) task->rights_changed();
  }
}

}  // namespace sluice::connect
