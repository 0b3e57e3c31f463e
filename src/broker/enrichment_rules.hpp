#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "broker/named_documents.hpp"
#include "mqtt/packet.hpp"

namespace sluice::broker {

struct Client;

// What the server adds to messages that it receives, before they have their place in the log: every
// reader sees the same.
//
// Owns:    documents `enrichment-rule/...`.
// Threads: any.
class EnrichmentRules {
 public:
  EnrichmentRules(store::Store& store, const Clock& clock);
  ~EnrichmentRules();

  [[nodiscard]] NamedDocuments& documents() { return documents_; }
  // Whether there is a rule that is in use: one load.
  [[nodiscard]] bool some() const { return some_.load(std::memory_order_relaxed); }
  // The message with what rules add to it; its properties then stand in `properties`.
  [[nodiscard]] mqtt::Publish enriched(const Client& client, const mqtt::Publish& publish,
                                       std::string& properties) const;

  [[nodiscard]] static const schema::Fields& fields();

 private:
  struct Rule;
  using Rules = std::vector<Rule>;  // the one that overrides the others first
  void compile(const NamedDocuments::All& all);

  std::atomic<bool> some_{false};
  Guarded<std::shared_ptr<const Rules>> rules_;
  NamedDocuments documents_;
};

}  // namespace sluice::broker
