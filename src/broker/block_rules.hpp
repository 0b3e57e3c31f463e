#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "broker/named_documents.hpp"

namespace sluice::broker {

struct Client;

// Who is kept out, by client id, user name or address, for ever or until a time. Holds with access
// control switched off, too.
//
// Owns:    documents `block-rule/...`.
// Threads: any.
class BlockRules {
 public:
  // `changed` runs after each change; may not block.
  BlockRules(store::Store& store, const Clock& clock, std::function<void()> changed);
  ~BlockRules();

  // At the start: nobody is connected whom a rule could concern, so nothing has changed.
  [[nodiscard]] Result<void> load();
  [[nodiscard]] NamedDocuments& documents() { return documents_; }
  // The name of a rule that keeps this client out now; none: it may come.
  [[nodiscard]] std::optional<std::string> blocking(const Client& client) const;

  // How often a rule has refused a connect, since the server started or the rule got its name.
  struct Refusals {
    std::uint64_t count = 0;
    std::int64_t last_ms = 0;
  };
  void note_refusal(const std::string& rule);
  [[nodiscard]] Refusals refusals(const std::string& rule) const;

  [[nodiscard]] static const schema::Fields& fields();

 private:
  struct Rule;
  using Rules = std::vector<Rule>;
  void compile(const NamedDocuments::All& all);

  const Clock& clock_;
  const std::function<void()> on_change_;
  std::atomic<bool> loading_{false};
  std::atomic<bool> some_{false};  // most servers have none, and CONNECT is not to pay for that
  Guarded<std::shared_ptr<const Rules>> rules_;
  Guarded<std::map<std::string, Refusals>> refusals_;  // of rules that there are
  NamedDocuments documents_;
};

}  // namespace sluice::broker
