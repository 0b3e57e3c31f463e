#include "broker/block_rules.hpp"

#include <algorithm>
#include <limits>

#include <boost/asio/ip/address.hpp>

#include "broker/access/policy.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/wildcard.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using schema::Type;

constexpr std::string_view kByAddress = "address";
constexpr std::string_view kByUser = "user";
constexpr std::string_view kByClientId = "client_id";
constexpr std::int64_t kBlockedForEver = std::numeric_limits<std::int64_t>::max();

bool is_utc_time(std::string_view text) {
  return parse_utc(text).has_value();
}

void check_block_rule(const json::object& document, std::vector<schema::Problem>& problems) {
  if (document.at("type").get_string() != kByAddress) return;
  const auto check = [&](const json::value& value, const std::string& pointer) {
    if (!Network::parse(value.get_string()))
      problems.push_back({pointer, "must be an address or a range such as 10.0.0.0/8"});
  };
  check(document.at("value"), "/value");
  std::size_t index = 0;
  for (const auto& value : document.at("except").get_array())
    check(value, "/except/" + std::to_string(index++));
}

const DocumentKind kBlockRuleKind{.noun = "block rule",
                                  .prefix = "block-rule/",
                                  .fields = BlockRules::fields,
                                  .check = check_block_rule,
                                  .maximum = 1000};

}  // namespace

// One value of a rule, as it is compared.
struct BlockRules::Rule {
  struct Pattern {
    std::string text;
    std::optional<Network> network;
  };
  enum class Of : std::uint8_t { ClientId, User, Address };

  [[nodiscard]] bool matches(const Pattern& pattern, const Client& client,
                             const std::optional<boost::asio::ip::address>& address) const {
    switch (of) {
      case Of::ClientId:
        return matches_wildcard(pattern.text, client.client_id);
      case Of::User:
        return client.has_username && matches_wildcard(pattern.text, client.username);
      case Of::Address:
        return address && pattern.network && pattern.network->contains(*address);
    }
    return false;
  }

  std::string name;
  Of of = Of::ClientId;
  Pattern blocked;
  std::vector<Pattern> except;
  std::int64_t until_ms = kBlockedForEver;
};

BlockRules::BlockRules(store::Store& store, const Clock& clock, std::function<void()> changed)
    : clock_(clock),
      on_change_(std::move(changed)),
      rules_(std::make_shared<const Rules>()),
      documents_(store, clock, kBlockRuleKind,
                 [this](const NamedDocuments::All& all) { compile(all); }) {}

BlockRules::~BlockRules() = default;

void BlockRules::compile(const NamedDocuments::All& all) {
  auto rules = std::make_shared<Rules>();
  for (const auto& document : all) {
    Rule rule;
    rule.name = document.at("name").get_string();
    const auto type = document.at("type").get_string();
    rule.of = type == kByAddress ? Rule::Of::Address
              : type == kByUser  ? Rule::Of::User
                                 : Rule::Of::ClientId;
    const auto pattern = [&](const json::value& value) {
      const std::string text(value.get_string());
      return Rule::Pattern{
          .text = text,
          .network = rule.of == Rule::Of::Address ? Network::parse(text) : std::nullopt};
    };
    rule.blocked = pattern(document.at("value"));
    for (const auto& value : document.at("except").get_array())
      rule.except.push_back(pattern(value));
    if (const auto* until = document.at("until").if_string())
      rule.until_ms = parse_utc(*until).value_or(kBlockedForEver);
    rules->push_back(std::move(rule));
  }
  refusals_.with([&](auto& known) {
    std::erase_if(known, [&](const auto& each) {
      return std::ranges::find(*rules, each.first, &Rule::name) == rules->end();
    });
  });
  some_.store(!rules->empty(), std::memory_order_relaxed);
  rules_.with([&](auto& current) { current = std::move(rules); });
  if (on_change_ && !loading_.load()) on_change_();
}

Result<void> BlockRules::load() {
  loading_.store(true);
  auto loaded = documents_.load();
  loading_.store(false);
  return loaded;
}

std::optional<std::string> BlockRules::blocking(const Client& client) const {
  if (!some_.load(std::memory_order_relaxed)) return std::nullopt;
  const auto rules = rules_.with([](const auto& current) { return current; });
  boost::system::error_code unreadable;
  std::optional<boost::asio::ip::address> address =
      boost::asio::ip::make_address(client.host, unreadable);
  if (unreadable) address = std::nullopt;
  const auto now = clock_.wall_ms();
  for (const auto& rule : *rules) {
    if (rule.until_ms <= now || !rule.matches(rule.blocked, client, address)) continue;
    const bool is_excepted = std::ranges::any_of(rule.except, [&](const Rule::Pattern& pattern) {
      return rule.matches(pattern, client, address);
    });
    if (!is_excepted) return rule.name;
  }
  return std::nullopt;
}

void BlockRules::note_refusal(const std::string& rule) {
  const auto now = clock_.wall_ms();
  refusals_.with([&](auto& known) {
    auto& refused = known[rule];
    ++refused.count;
    refused.last_ms = now;
  });
}

BlockRules::Refusals BlockRules::refusals(const std::string& rule) const {
  return refusals_.with([&](const auto& known) {
    const auto found = known.find(rule);
    return found == known.end() ? Refusals() : found->second;
  });
}

const schema::Fields& BlockRules::fields() {
  static const schema::Fields kFields = {
      rule_name_field(),
      rule_description_field(),
      {.name = "type",
       .type = Type::Choice,
       .help = "What of a client is looked at.",
       .required = true,
       .choices = {std::string(kByClientId), std::string(kByUser), std::string(kByAddress)}},
      {.name = "value",
       .help = "Who is kept out: a client id or user name, in which * stands for any characters "
               "and ? for one; or an address or range (CIDR).",
       .required = true,
       .minimum = 1,
       .maximum = 1024},
      {.name = "except",
       .type = Type::TextList,
       .help = "Who may come all the same, written like `value`.",
       .fallback = json::array(),
       .maximum = 100},
      {.name = "until",
       .help = "When it ends: RFC 3339 in UTC, 2026-03-01T12:00:00Z. null: it does not.",
       .nullable = true,
       .pattern_help = "a time in UTC such as 2026-03-01T12:00:00Z",
       .allowed = is_utc_time},
  };
  return kFields;
}

}  // namespace sluice::broker
