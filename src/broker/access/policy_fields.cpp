#include "broker/access/policy_fields.hpp"

#include <algorithm>
#include <string>

#include <boost/json/array.hpp>

#include "broker/access/policy.hpp"

namespace sluice::broker {

const boost::json::array& list_in(const boost::json::object& document, std::string_view name) {
  // A document that was stored before there was this field.
  static const boost::json::array kNone;
  const auto* list = document.if_contains(name);
  return list == nullptr ? kNone : list->get_array();
}

bool contains_text(const boost::json::array& list, std::string_view text) {
  return std::any_of(list.begin(), list.end(), [&](const boost::json::value& value) {
    return value.is_string() && value.get_string() == text;
  });
}

namespace {

namespace json = boost::json;
using Problems = std::vector<schema::Problem>;

bool is_visible(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte <= ' ' || byte == 127;
  });
}

bool is_policy_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' || character == '-' ||
           character == '.';
  });
}

bool is_user_name(std::string_view text) {
  return is_visible(text) && text.find('*') == std::string_view::npos;
}

std::string place(std::string_view list, std::size_t index) {
  return "/" + std::string(list) + "/" + std::to_string(index);
}

void check_names(const json::object& document, std::string_view name, Problems& problems) {
  const auto& list = list_in(document, name);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string_view text = list[i].get_string();
    const auto star = text.find('*');
    if (text.empty() || text.size() > 256) {
      problems.push_back({place(name, i), "must have 1 to 256 characters"});
    } else if (star != std::string_view::npos && star + 1 != text.size()) {
      problems.push_back({place(name, i), "* may stand at the end only"});
    }
  }
}

void check_resources(const json::object& document, Problems& problems) {
  const auto& resources = list_in(document, "resources");
  const auto& operations = list_in(document, "operations");
  const bool needed = contains_text(operations, kPublish) || contains_text(operations, kSubscribe);
  if (needed && resources.empty()) {
    problems.push_back({"/resources", "is required: 1 to 10 topic filters"});
  }
  for (std::size_t i = 0; i < resources.size(); ++i) {
    const auto parsed = ResourceTemplate::parse(resources[i].get_string());
    if (!parsed) problems.push_back({place("resources", i), parsed.error().detail});
  }
}

void check_sources(const json::object& document, Problems& problems) {
  const auto& sources = list_in(document, "sources");
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (Network::parse(sources[i].get_string())) continue;
    problems.push_back(
        {place("sources", i), "must be an address or a range such as 10.0.0.0/8 or fd00::/8"});
  }
}

void check_qos(const json::object& document, Problems& problems) {
  const auto& levels = list_in(document, "qos");
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto level = levels[i].to_number<std::int64_t>();
    if (level < 0 || level > 2) problems.push_back({place("qos", i), "must be 0, 1 or 2"});
  }
}

// Whether a subscription will bring retained messages is not known when it is asked for.
void check_message_types(const json::object& document, Problems& problems) {
  const auto& types = list_in(document, "message_types");
  const bool all = contains_text(types, kRetained) && contains_text(types, kGeneral);
  if (all || types.empty() || !contains_text(list_in(document, "operations"), kSubscribe)) return;
  problems.push_back({"/message_types",
                      "only publishing can be limited to some message types: make one policy for "
                      "publish and another for subscribe"});
}

}  // namespace

void check_policy(const json::object& document, Problems& problems) {
  check_resources(document, problems);
  check_names(document, "users", problems);
  check_names(document, "client_ids", problems);
  check_names(document, "listeners", problems);
  check_sources(document, problems);
  check_qos(document, problems);
  check_message_types(document, problems);
}

const schema::Fields& AccessControl::user_fields() {
  static const schema::Fields kFields = {
      {.name = "name",
       .help = "The MQTT user name. Unique.",
       .required = true,
       .minimum = 1,
       .maximum = 32,
       .pattern_help = "text without spaces, control characters and *,",
       .allowed = is_user_name},
      {.name = "password",
       .help = "Made and shown once when there is none.",
       .secret = true,
       .minimum = 1,
       .maximum = 256},
      {.name = "description", .help = "For people.", .fallback = "", .maximum = 128},
  };
  return kFields;
}

const schema::Fields& AccessControl::policy_fields() {
  using schema::Type;
  static const schema::Fields kFields = {
      {.name = "name",
       .help = "Unique.",
       .required = true,
       .minimum = 3,
       .maximum = 64,
       .pattern_help = "letters, digits, _ - .",
       .allowed = is_policy_name},
      {.name = "description", .help = "For people.", .fallback = "", .maximum = 128},
      {.name = "effect",
       .type = Type::Choice,
       .help = "Any matching deny wins over any allow; nothing matching is denied.",
       .required = true,
       .choices = {std::string(kAllow), std::string(kDeny)}},
      {.name = "operations",
       .type = Type::TextList,
       .help = "What it is about.",
       .required = true,
       .choices = {std::string(kConnect), std::string(kPublish), std::string(kSubscribe)},
       .minimum = 1,
       .maximum = 3},
      {.name = "resources",
       .type = Type::TextList,
       .help = "Topic filters; ${client_id} (%c) and ${username} (%u) stand for the client's own. "
               "Not needed when the only operation is connect.",
       .fallback = json::array(),
       .maximum = 10},
      {.name = "users",
       .type = Type::TextList,
       .help = "User names it concerns; may end in *. Empty: any.",
       .fallback = json::array(),
       .maximum = 1000},
      {.name = "client_ids",
       .type = Type::TextList,
       .help = "Client ids it concerns; may end in *. Empty: any.",
       .fallback = json::array(),
       .maximum = 1000},
      {.name = "sources",
       .type = Type::TextList,
       .help = "Addresses or ranges (CIDR) of the client. Empty: any.",
       .fallback = json::array(),
       .maximum = 1000},
      {.name = "listeners",
       .type = Type::TextList,
       .help = "Names of the listeners through which the client comes, as the settings have them; "
               "may end in *. `admin`: publishing by REST. Empty: any.",
       .fallback = json::array(),
       .maximum = 100},
      {.name = "qos",
       .type = Type::IntegerList,
       .help = "QoS levels of a publish or a subscription.",
       .fallback = json::array{0, 1, 2},
       .minimum = 1,
       .maximum = 3},
      {.name = "message_types",
       .type = Type::TextList,
       .help = "Of a publish: with the retain flag, without it.",
       .fallback = json::array{json::value(kRetained), json::value(kGeneral)},
       .choices = {std::string(kRetained), std::string(kGeneral)},
       .minimum = 1,
       .maximum = 2},
  };
  return kFields;
}

}  // namespace sluice::broker
