#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "broker/filter_table.hpp"
#include "broker/named_documents.hpp"

namespace sluice::broker {

struct Client;

// What clients are subscribed to by the server when they connect.
//
// Owns:    documents `auto-subscription/...`.
// Threads: any.
class AutoSubscriptions {
 public:
  struct Wanted {
    std::string name;  // the filter, also `$share/{group}/{filter}`
    SubscriptionOptions options;
    std::string rule;
  };

  AutoSubscriptions(store::Store& store, const Clock& clock);
  ~AutoSubscriptions();

  [[nodiscard]] NamedDocuments& documents() { return documents_; }
  // For a client that connects: each filter once, of the rule whose name comes last.
  [[nodiscard]] std::vector<Wanted> wanted_by(const Client& client) const;

  [[nodiscard]] static const schema::Fields& fields();

 private:
  struct Rule;
  using Rules = std::vector<Rule>;
  void compile(const NamedDocuments::All& all);

  std::atomic<bool> some_{false};
  Guarded<std::shared_ptr<const Rules>> rules_;
  NamedDocuments documents_;
};

}  // namespace sluice::broker
