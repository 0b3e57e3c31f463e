#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/guarded.hpp"
#include "broker/group_strategy.hpp"
#include "broker/named_documents.hpp"

namespace sluice::broker {

// Shared subscription groups that an administrator has made: with a strategy of their own, and,
// with `mqtt.groups_must_exist`, the only ones that clients may subscribe in.
//
// Owns:    documents `group/...`.
// Threads: any.
class MadeGroups {
 public:
  // `changed` runs after each change; may not block.
  MadeGroups(store::Store& store, const Clock& clock, std::function<void()> changed);

  [[nodiscard]] NamedDocuments& documents() { return documents_; }
  [[nodiscard]] bool contains(std::string_view name) const;
  // None: it is not made, or leaves the choice to `mqtt.group_strategy`.
  [[nodiscard]] std::optional<GroupStrategy> strategy_of(std::string_view name) const;
  // How long its members keep their shares when one has come or gone.
  [[nodiscard]] std::chrono::seconds latency_of(std::string_view name) const;

  [[nodiscard]] static const schema::Fields& fields();

 private:
  struct Chosen {
    std::optional<GroupStrategy> strategy;
    std::chrono::seconds latency{0};
  };
  using Strategies = std::map<std::string, Chosen, std::less<>>;
  void compile(const NamedDocuments::All& all);

  const std::function<void()> on_change_;
  Guarded<std::shared_ptr<const Strategies>> strategies_;
  NamedDocuments documents_;
};

}  // namespace sluice::broker
