#include "connect/envelope.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/base64.hpp"
#include "connect/text.hpp"
#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

using UserProperties = std::vector<std::pair<std::string_view, std::string_view>>;

UserProperties user_properties(const model::Message& message) {
  UserProperties found;
  const auto properties = mqtt::Properties::from_checked(message.properties);
  for (auto it = properties.begin(); it != properties.end(); ++it) {
    if (it->id == mqtt::PropertyId::UserProperty) found.emplace_back(it->name, it->text);
  }
  return found;
}

// One member per name: where the name came first, with the value that came last. A packet may hold
// thousands of them, so names are sorted instead of searched.
UserProperties last_of_each(const UserProperties& properties) {
  std::vector<std::size_t> by_name(properties.size());
  std::iota(by_name.begin(), by_name.end(), std::size_t{0});
  std::ranges::sort(by_name, {}, [&](std::size_t i) { return std::pair(properties[i].first, i); });

  std::vector<std::pair<std::size_t, std::size_t>> first_and_last;
  for (const auto i : by_name) {
    if (first_and_last.empty() ||
        properties[first_and_last.back().first].first != properties[i].first)
      first_and_last.emplace_back(i, i);
    first_and_last.back().second = i;
  }
  std::ranges::sort(first_and_last);

  UserProperties unique;
  for (const auto& [first, last] : first_and_last)
    unique.emplace_back(properties[first].first, properties[last].second);
  return unique;
}

template <class Pairs>
void append_object(std::string& out, const Pairs& members) {
  out += '{';
  bool first = true;
  for (const auto& [name, value] : members) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
  }
  out += '}';
}

void append_list(std::string& out, const UserProperties& properties) {
  out += '[';
  bool first = true;
  for (const auto& [name, value] : properties) {
    if (!first) out += ',';
    first = false;
    out += R"({"name":)";
    append_json_string(out, name);
    out += R"(,"value":)";
    append_json_string(out, value);
    out += '}';
  }
  out += ']';
}

}  // namespace

void append_envelope(std::string& out, const model::Message& message,
                     const EnvelopeContext& context) {
  out += R"({"payload":")";
  append_base64(out, message.payload);
  out += R"(","topicName":)";
  append_json_string(out, message.topic);
  out += R"(,"clientId":)";
  append_json_string(out, message.client_id);
  out += R"(,"eventType":"PUBLISH_MSG","qos":)";
  append_number(out, int{message.qos});
  out += R"(,"retain":)";
  out += message.retain ? "true" : "false";
  out += R"(,"tbmqIeNode":)";
  append_json_string(out, context.worker);
  out += R"(,"tbmqNode":)";
  append_json_string(out, context.node);
  out += R"(,"ts":)";
  append_number(out, message.timestamp_ms);

  const auto properties = message.properties.empty() ? UserProperties() : user_properties(message);
  out += R"(,"props":)";
  append_object(out, last_of_each(properties));
  out += R"(,"metadata":)";
  append_object(out, context.metadata);
  out += R"(,"props_all":)";
  append_list(out, properties);
  out += '}';
}

}  // namespace sluice::connect
