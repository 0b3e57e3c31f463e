#include "broker/enrichment_rules.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "broker/access/policy.hpp"
#include "broker/wildcard.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using mqtt::PropertyId;
using schema::Type;

constexpr std::size_t kLongestText = 8192;    // of what one property becomes
constexpr std::size_t kMostAdded = 64 << 10;  // to one message, by all rules together
constexpr std::size_t kMostProperties = 10;
constexpr std::size_t kTopicLevels = 128;

// `${client_id}` and the like in a text.
class EnrichmentText {
 public:
  static std::optional<EnrichmentText> parse(std::string_view text) {
    EnrichmentText made;
    while (true) {
      const auto dollar = text.find("${");
      const bool is_literal = dollar != std::string_view::npos && dollar > 0 &&
                              text[dollar - 1] == '$';  // `$${` is `${`
      made.add_text(text.substr(0, is_literal ? dollar - 1 : dollar));
      if (dollar == std::string_view::npos) return made;
      text.remove_prefix(dollar + 2);
      if (is_literal) {
        made.add_text("${");
        continue;
      }
      const auto end = text.find('}');
      if (end == std::string_view::npos) return std::nullopt;
      const auto name = text.substr(0, end);
      const auto* known = std::ranges::find(kNames, name, &Named::name);
      if (known == kNames.end()) return std::nullopt;
      made.pieces_.push_back({known->what, {}});
      text.remove_prefix(end + 1);
    }
  }

  // Cut behind the last whole character that fits.
  [[nodiscard]] std::string filled(const Client& client, const mqtt::Publish& publish) const {
    std::string text;
    for (const auto& piece : pieces_) {
      text += value_of(piece, client, publish);
      if (text.size() <= kLongestText) continue;
      auto end = kLongestText;
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
      text.resize(end);
      break;
    }
    return text;
  }

 private:
  enum class What : std::uint8_t { Text, ClientId, Username, Host, Topic };
  struct Named {
    std::string_view name;
    What what;
  };
  static constexpr std::array<Named, 5> kNames = {{{"client_id", What::ClientId},
                                                   {"clientid", What::ClientId},
                                                   {"username", What::Username},
                                                   {"host", What::Host},
                                                   {"topic", What::Topic}}};
  struct Piece {
    What what = What::Text;
    std::string text;
  };
  void add_text(std::string_view text) {
    if (!text.empty()) pieces_.push_back({What::Text, std::string(text)});
  }
  static std::string_view value_of(const Piece& piece, const Client& client,
                                   const mqtt::Publish& publish) {
    switch (piece.what) {
      case What::Text:
        return piece.text;
      case What::ClientId:
        return client.client_id;
      case What::Username:
        return client.username;
      case What::Host:
        return client.host;
      case What::Topic:
        return publish.topic;
    }
    return {};
  }

  std::vector<Piece> pieces_;
};

bool is_enrichment_text(std::string_view text) {
  return EnrichmentText::parse(text).has_value();
}

bool is_response_topic(std::string_view text) {
  return is_enrichment_text(text) && text.find_first_of("+#") == std::string_view::npos;
}

void check_enrichment_rule(const json::object& document, std::vector<schema::Problem>& problems) {
  std::size_t index = 0;
  for (const auto& filter : document.at("topics").get_array()) {
    const auto pointer = "/topics/" + std::to_string(index++);
    if (mqtt::parse_shared_filter(filter.get_string()))
      problems.push_back({pointer,
                          "must be a topic filter without $share/{group}/: a rule is about the "
                          "topics of messages, whoever subscribes to them"});
    else if (!mqtt::is_valid_topic_filter(filter.get_string(), kTopicLevels))
      problems.push_back({pointer, "must be a topic filter, in which + and # may stand"});
  }
  const auto& properties = document.at("user_properties").get_object();
  if (properties.size() > kMostProperties)
    problems.push_back({"/user_properties", "must have at most 10 names"});
  for (const auto& [name, value] : properties) {
    const std::string_view text = value.get_string();
    if (name.size() > kLongestText || !mqtt::is_valid_utf8(name) || text.size() > kLongestText ||
        !mqtt::is_valid_utf8(text) || !is_enrichment_text(text))
      problems.push_back({schema::child_pointer("/user_properties", name),
                          "must be a text of at most 8192 bytes; ${client_id}, ${username}, "
                          "${host} and ${topic} may stand in it, and $${ for ${"});
  }
  if (document.at("message_expiry_interval").is_null() && properties.empty() &&
      document.at("response_topic").is_null() && document.at("correlation_data").is_null())
    problems.push_back({"",
                        "must add something: user_properties, message_expiry_interval, "
                        "response_topic or correlation_data"});
}

const DocumentKind kEnrichmentRuleKind{.noun = "enrichment rule",
                                       .prefix = "enrichment-rule/",
                                       .fields = EnrichmentRules::fields,
                                       .check = check_enrichment_rule,
                                       .maximum = 20};

std::optional<EnrichmentText> text_of(const json::value& value) {
  const auto* text = value.if_string();
  return text == nullptr ? std::nullopt : EnrichmentText::parse(*text);
}

// What rules add to one message. What the first one says stays.
struct Additions {
  std::optional<std::uint32_t> expiry;
  std::optional<std::string> response_topic;
  std::optional<std::string> correlation_data;
  std::vector<std::pair<std::string_view, std::string>> user_properties;
  std::size_t bytes = 0;
  // A rule names it, but what it became cannot be sent. The publisher's is taken away all the same:
  // who reads it takes it for the rule's.
  bool response_topic_is_none = false;
  std::vector<std::string_view> left_out;  // user properties

  void set(std::optional<std::string>& place, const std::optional<EnrichmentText>& text,
           const Client& client, const mqtt::Publish& publish) {
    if (!place && text) place = text->filled(client, publish);
  }
  void add_user_property(std::string_view name, const EnrichmentText& text, const Client& client,
                         const mqtt::Publish& publish) {
    const auto is_it = [name](const auto& known) { return known.first == name; };
    if (std::ranges::any_of(user_properties, is_it)) return;
    if (std::ranges::find(left_out, name) != left_out.end()) return;
    auto value = text.filled(client, publish);
    if (bytes + name.size() + value.size() > kMostAdded) {
      left_out.push_back(name);
      return;
    }
    bytes += name.size() + value.size();
    user_properties.emplace_back(name, std::move(value));
  }
  // Instead of one that the publisher gave it.
  [[nodiscard]] bool replaces(const mqtt::Property& property) const {
    switch (property.id) {
      case PropertyId::MessageExpiryInterval:
        return expiry.has_value();
      case PropertyId::ResponseTopic:
        return response_topic.has_value() || response_topic_is_none;
      case PropertyId::CorrelationData:
        return correlation_data.has_value();
      case PropertyId::UserProperty:
        return std::ranges::find(left_out, property.name) != left_out.end() ||
               std::ranges::any_of(user_properties,
                                   [&](const auto& added) { return added.first == property.name; });
      default:
        return false;
    }
  }
};

}  // namespace

struct EnrichmentRules::Rule {
  std::int64_t priority = 0;
  std::vector<std::string> topics;
  std::vector<std::string> users;
  std::vector<std::string> client_ids;
  std::optional<std::uint32_t> expiry;
  std::optional<EnrichmentText> response_topic;
  std::optional<EnrichmentText> correlation_data;
  std::vector<std::pair<std::string, EnrichmentText>> user_properties;

  [[nodiscard]] bool concerns(const Client& client, std::string_view topic) const {
    const auto matches = [topic](const std::string& filter) {
      return mqtt::matches(filter, topic);
    };
    return (topics.empty() || std::ranges::any_of(topics, matches)) &&
           any_wildcard_matches(users, client.username) &&
           any_wildcard_matches(client_ids, client.client_id);
  }
};

EnrichmentRules::EnrichmentRules(store::Store& store, const Clock& clock)
    : rules_(std::make_shared<const Rules>()),
      documents_(store, clock, kEnrichmentRuleKind,
                 [this](const NamedDocuments::All& all) { compile(all); }) {}

EnrichmentRules::~EnrichmentRules() = default;

void EnrichmentRules::compile(const NamedDocuments::All& all) {
  auto rules = std::make_shared<Rules>();
  for (const auto& document : all) {
    if (!document.at("enabled").get_bool()) continue;
    Rule rule{.priority = document.at("priority").to_number<std::int64_t>(),
              .topics = texts_in(document.at("topics")),
              .users = texts_in(document.at("users")),
              .client_ids = texts_in(document.at("client_ids")),
              .expiry = std::nullopt,
              .response_topic = text_of(document.at("response_topic")),
              .correlation_data = text_of(document.at("correlation_data")),
              .user_properties = {}};
    if (const auto& expiry = document.at("message_expiry_interval"); !expiry.is_null())
      rule.expiry = expiry.to_number<std::uint32_t>();
    for (const auto& [name, value] : document.at("user_properties").get_object())
      if (auto text = text_of(value)) rule.user_properties.emplace_back(name, std::move(*text));
    // Equals stay by name, as they come.
    const auto behind = std::ranges::upper_bound(*rules, rule.priority, {}, &Rule::priority);
    rules->insert(behind, std::move(rule));
  }
  some_.store(!rules->empty(), std::memory_order_relaxed);
  rules_.with([&](auto& current) { current = std::move(rules); });
}

mqtt::Publish EnrichmentRules::enriched(const Client& client, const mqtt::Publish& publish,
                                        std::string& properties) const {
  const auto rules = rules_.with([](const auto& current) { return current; });
  Additions added;
  for (const auto& rule : *rules) {
    if (!rule.concerns(client, publish.topic)) continue;
    if (!added.expiry) added.expiry = rule.expiry;
    added.set(added.response_topic, rule.response_topic, client, publish);
    added.set(added.correlation_data, rule.correlation_data, client, publish);
    for (const auto& [name, text] : rule.user_properties)
      added.add_user_property(name, text, client, publish);
  }
  // A client id with a wildcard in it makes no topic of it.
  if (added.response_topic && !mqtt::is_valid_topic_name(*added.response_topic, kTopicLevels)) {
    added.response_topic.reset();
    added.response_topic_is_none = true;
  }
  properties.clear();
  mqtt::PropertyWriter writer(properties);
  for (auto it = publish.properties.begin(); it != publish.properties.end(); ++it)
    if (!added.replaces(*it)) writer.raw(it->encoded);
  if (added.expiry) writer.number(PropertyId::MessageExpiryInterval, *added.expiry);
  if (added.response_topic) writer.text(PropertyId::ResponseTopic, *added.response_topic);
  if (added.correlation_data) writer.text(PropertyId::CorrelationData, *added.correlation_data);
  for (const auto& [name, value] : added.user_properties) writer.user(name, value);
  auto result = publish;
  result.properties = mqtt::Properties::from_checked(properties);
  return result;
}

const schema::Fields& EnrichmentRules::fields() {
  static const schema::Fields kFields = {
      rule_name_field(),
      rule_description_field(),
      {.name = "enabled", .type = Type::Boolean, .help = "Whether it is in use.", .fallback = true},
      {.name = "priority",
       .type = Type::Integer,
       .help = "Where several rules say the same of a message, the one with the lowest number "
               "counts.",
       .fallback = 100,
       .minimum = 1,
       .maximum = 1'000'000},
      {.name = "topics",
       .type = Type::TextList,
       .help = "Only messages on topics that one of these filters matches. Empty: any.",
       .fallback = json::array(),
       .maximum = 100},
      {.name = "users",
       .type = Type::TextList,
       .help = "Only messages of these users; * stands for any characters, ? for one. Empty: any.",
       .fallback = json::array(),
       .maximum = 100},
      {.name = "client_ids",
       .type = Type::TextList,
       .help = "Only messages of clients with these ids; * and ? as above. Empty: any.",
       .fallback = json::array(),
       .maximum = 100},
      {.name = "message_expiry_interval",
       .type = Type::Integer,
       .help = "Seconds until the message is not delivered any more. null: as published.",
       .nullable = true,
       .minimum = 1,
       .maximum = 259'200},
      {.name = "response_topic",
       .help = "The response topic; ${client_id}, ${username}, ${host} and ${topic} stand for the "
               "publisher's. null: as published.",
       .nullable = true,
       .minimum = 1,
       .maximum = 256,
       .pattern_help = "a topic without + and #, with variables that are known",
       .allowed = is_response_topic},
      {.name = "correlation_data",
       .help = "The correlation data, a text with the same variables. null: as published.",
       .nullable = true,
       .maximum = kLongestText,
       .pattern_help = "a text with variables that are known",
       .allowed = is_enrichment_text},
      {.name = "user_properties",
       .type = Type::Map,
       .help = "User properties, at most 10, each a text with the same variables. Those that the "
               "publisher gave by the same name are taken away.",
       .fallback = json::object()},
  };
  return kFields;
}

}  // namespace sluice::broker
