#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "broker/accounts.hpp"
#include "mqtt/topic.hpp"

namespace sluice::test {

// Accounts without policies: what each may read and publish is told by the test, filter by filter.
//
// Threads: any.
class ScriptedAccounts final : public broker::Accounts {
 public:
  struct Rights {
    std::set<std::string, std::less<>> reads, publishes;  // exactly these; `#`: everything
    std::set<std::string, std::less<>> denied;            // topics that are not received
  };

  void allow(const std::string& user, Rights rights) {
    {
      const std::scoped_lock lock(mutex_);
      users_[user] = std::move(rights);
    }
    tell();
  }
  void remove(const std::string& user) {
    {
      const std::scoped_lock lock(mutex_);
      users_.erase(user);
    }
    tell();
  }
  [[nodiscard]] bool has(const std::string& user) const {
    const std::scoped_lock lock(mutex_);
    return users_.contains(user);
  }
  [[nodiscard]] std::vector<broker::AccountWish> wishes() const {
    const std::scoped_lock lock(mutex_);
    return wishes_;
  }

  void watch(std::function<void()> changed) override {
    const std::scoped_lock lock(mutex_);
    changed_ = std::move(changed);
  }
  [[nodiscard]] broker::AccountRightsPtr rights_of(const std::string& user,
                                                   const std::string&) const override {
    const std::scoped_lock lock(mutex_);
    const auto found = users_.find(user);
    if (found == users_.end()) return std::make_shared<Answer>(Rights{}, false);
    return std::make_shared<Answer>(found->second, true);
  }
  [[nodiscard]] Outcome<std::unique_ptr<broker::AccountChange>> prepare_account(
      const broker::AccountWish& wish) override {
    const std::scoped_lock lock(mutex_);
    wishes_.push_back(wish);
    Rights rights;
    auto& resources = wish.publishes ? rights.publishes : rights.reads;
    resources.insert(wish.resources.begin(), wish.resources.end());
    rights.publishes.insert(wish.published_besides.begin(), wish.published_besides.end());
    const auto user = wish.user.empty() ? "task-" + wish.owner : wish.user;
    return Outcome<std::unique_ptr<broker::AccountChange>>(
        std::make_unique<Change>(*this, user, std::move(rights), false));
  }
  [[nodiscard]] std::unique_ptr<broker::AccountChange> prepare_removal(
      const broker::MadeAccount& made) override {
    return std::make_unique<Change>(*this, made.user, Rights{}, true);
  }

 private:
  class Answer final : public broker::AccountRights {
   public:
    Answer(Rights rights, bool exists) : rights_(std::move(rights)), exists_(exists) {}
    bool exists() const override { return exists_; }
    std::string why_not_read(std::string_view filter) const override {
      return has(rights_.reads, filter) ? "" : "no policy allows it";
    }
    std::string why_not_publish(std::string_view topic, mqtt::Qos qos, bool retain) const override {
      return may_publish(topic, qos, retain) ? "" : "no policy allows it";
    }
    bool may_publish(std::string_view topic, mqtt::Qos, bool) const override {
      for (const auto& filter : rights_.publishes)
        if (mqtt::matches(filter, topic)) return true;
      return false;
    }
    bool may_publish_something() const override { return !rights_.publishes.empty(); }
    bool may_receive(std::string_view topic) const override {
      return !rights_.denied.contains(topic);
    }
    bool nothing_denied() const override { return rights_.denied.empty(); }

   private:
    static bool has(const std::set<std::string, std::less<>>& filters, std::string_view filter) {
      return filters.contains(filter) || filters.contains("#");
    }
    const Rights rights_;
    const bool exists_;
  };

  class Change final : public broker::AccountChange {
   public:
    Change(ScriptedAccounts& accounts, std::string user, Rights rights, bool removes)
        : accounts_(accounts), rights_(std::move(rights)), removes_(removes) {
      made_ = {.user = std::move(user), .user_id = "id", .policy_ids = {"p"}};
    }
    const broker::MadeAccount& account() const override { return made_; }
    broker::AccountRightsPtr rights(const std::string&) const override {
      return std::make_shared<Answer>(rights_, true);
    }
    void put(store::Batch& batch) const override {
      if (removes_)
        batch.erase(store::StateKind::Document, "test-account/" + made_.user);
      else
        batch.put(store::StateKind::Document, "test-account/" + made_.user, "{}");
    }
    void apply() override {
      if (removes_)
        accounts_.remove(made_.user);
      else
        accounts_.allow(made_.user, rights_);
    }

   private:
    ScriptedAccounts& accounts_;
    const Rights rights_;
    const bool removes_;
    broker::MadeAccount made_;
  };

  void tell() {
    std::function<void()> changed;
    {
      const std::scoped_lock lock(mutex_);
      changed = changed_;
    }
    if (changed) changed();
  }

  mutable std::mutex mutex_;  // guards the rest
  std::map<std::string, Rights> users_;
  std::vector<broker::AccountWish> wishes_;
  std::function<void()> changed_;
};

}  // namespace sluice::test
