#include "broker/made_groups.hpp"

#include <algorithm>

#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

using schema::Type;

constexpr std::string_view kServersStrategy = "default";
constexpr std::string_view kLatency = "strategy_latency_seconds";
constexpr std::int64_t kLongestLatency = 600;

// What may stand as {ShareName} in $share/{ShareName}/{filter}. [MQTT-4.8.2-1] [MQTT-4.8.2-2]
bool is_group_name(std::string_view text) {
  return mqtt::is_valid_utf8(text) && text.find_first_of("/+#") == std::string_view::npos;
}

void check_latency(const boost::json::object& document, std::vector<schema::Problem>& problems) {
  const auto& latency = document.at(kLatency);
  const std::string_view name = document.at("strategy").get_string();
  const auto strategy = group_strategy(name);
  if (latency.to_number<std::int64_t>() == 0 || !strategy || is_hashed(*strategy)) return;
  problems.push_back({"/" + std::string(kLatency),
                      "must be 0 with " + std::string(name) +
                          ": only hash_client_id and hash_topic give members a share to keep"});
}

constexpr std::size_t kMostMadeGroups = 10'000;
const DocumentKind kGroupKind{.noun = "group",
                              .prefix = "group/",
                              .fields = MadeGroups::fields,
                              .check_new = check_latency,
                              .maximum = kMostMadeGroups};

}  // namespace

MadeGroups::MadeGroups(store::Store& store, const Clock& clock, std::function<void()> changed)
    : on_change_(std::move(changed)),
      strategies_(std::make_shared<const Strategies>()),
      documents_(store, clock, kGroupKind,
                 [this](const NamedDocuments::All& all) { compile(all); }) {}

void MadeGroups::compile(const NamedDocuments::All& all) {
  auto strategies = std::make_shared<Strategies>();
  for (const auto& document : all) {
    const auto* latency = document.if_contains(kLatency);  // not in one of an earlier version
    strategies->emplace(
        document.at("name").get_string(),
        Chosen{.strategy = group_strategy(std::string_view(document.at("strategy").get_string())),
               .latency = std::chrono::seconds(
                   latency == nullptr ? 0 : latency->to_number<std::int64_t>())});
  }
  strategies_.with([&](auto& current) { current = std::move(strategies); });
  if (on_change_) on_change_();
}

bool MadeGroups::contains(std::string_view name) const {
  const auto strategies = strategies_.with([](const auto& current) { return current; });
  return strategies->contains(name);
}

std::optional<GroupStrategy> MadeGroups::strategy_of(std::string_view name) const {
  const auto strategies = strategies_.with([](const auto& current) { return current; });
  const auto found = strategies->find(name);
  return found == strategies->end() ? std::nullopt : found->second.strategy;
}

std::chrono::seconds MadeGroups::latency_of(std::string_view name) const {
  const auto strategies = strategies_.with([](const auto& current) { return current; });
  const auto found = strategies->find(name);
  return found == strategies->end() ? std::chrono::seconds(0) : found->second.latency;
}

const schema::Fields& MadeGroups::fields() {
  static const schema::Fields kFields = [] {
    std::vector<std::string> strategies{std::string(kServersStrategy)};
    strategies.insert(strategies.end(), kGroupStrategies.begin(), kGroupStrategies.end());
    return schema::Fields{
        {.name = "name",
         .help = "Unique: clients subscribe to $share/{name}/{filter}. It does not change.",
         .required = true,
         .minimum = 1,
         .maximum = 128,
         .pattern_help = "UTF-8 without / + #",
         .allowed = is_group_name},
        rule_description_field(),
        {.name = "strategy",
         .type = Type::Choice,
         .help = "To which member a message goes; `default`: as mqtt.group_strategy says.",
         .fallback = kServersStrategy.data(),
         .choices = std::move(strategies)},
        {.name = kLatency.data(),
         .type = Type::Integer,
         .help = "With hash_client_id and hash_topic: so many seconds after a member has come or "
                 "gone the others leave it its share, which waits meanwhile if it has gone. 0: at "
                 "once.",
         .fallback = 0,
         .minimum = 0,
         .maximum = kLongestLatency}};
  }();
  return kFields;
}

}  // namespace sluice::broker
