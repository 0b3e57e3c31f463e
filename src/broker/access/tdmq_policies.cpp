#include "broker/access/tdmq_policies.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>

#include "broker/access/policy.hpp"
#include "broker/access/policy_fields.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using Texts = std::vector<std::string>;

constexpr std::size_t kLongestBase = 48;  // of a name, before what makes it unique
constexpr std::size_t kLongestDescription = 128;
constexpr std::size_t kLongestPattern = 256;

std::string marked(std::string_view text) {
  return '`' + std::string(text) + '`';
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

// --- topics

enum class Use : std::uint8_t { AllowPublish, AllowSubscribe, Deny };

struct Said {
  std::optional<std::string> filter;  // none: it is left out
  std::string difference = {};        // empty: it is the same
};

std::string with_our_variables(std::string text) {
  replace_all(text, "${Username}", "${username}");
  replace_all(text, "${ClientId}", "${client_id}");
  replace_all(text, "${clientId}", "${client_id}");
  return text;
}

// A level that no filter of ours can say: a part that stands for anything, a variable that we have
// not, a text that would be one here.
bool is_unsayable(std::string level, bool is_last) {
  if (level == "+" || (level == "#" && is_last)) return false;
  for (const auto* ours : {"${username}", "${client_id}", "${clientid}"})
    replace_all(level, ours, "");
  return level.find_first_of("*+#") != std::string::npos || level.find("${") != std::string::npos ||
         level.find("%c") != std::string::npos || level.find("%u") != std::string::npos;
}

// Everything below `before`, which is empty or ends in `/`: there `*` at the end does not match the
// level above, and `+/#` does not, either.
std::string all_below(const std::string& before) {
  return before.empty() ? "#" : before + "+/#";
}

// `*` stands there for any characters, `/` among them.
Said said(const std::string& theirs, Use use) {
  std::string_view text = theirs;
  std::string note;
  if (const auto shared = mqtt::parse_shared_filter(text)) {
    if (use != Use::Deny)
      return {std::nullopt,
              marked(theirs) + " is left out: write the filter without $share/{group}/"};
    text = shared->filter;
    note = marked(theirs) + ": here it is denied to all groups, and without one";
  }
  const auto ours = with_our_variables(std::string(text));
  std::string filter;
  for (std::size_t begin = 0; begin <= ours.size();) {
    const auto slash = ours.find('/', begin);
    const bool is_last = slash == std::string::npos;
    const auto level = ours.substr(begin, is_last ? slash : slash - begin);
    begin = is_last ? ours.size() + 1 : slash + 1;
    if (level == "*" && is_last) {
      // Who may subscribe to `a/#` there is sent `a`, too.
      filter = use == Use::AllowSubscribe ? filter + '#' : all_below(filter);
    } else if (level == "*" && use != Use::Deny) {
      filter += "+/";
      note =
          marked(theirs) + ": here `*` in the middle stands for one level, there for several, too";
    } else if (level == "*" || is_unsayable(level, is_last)) {
      if (use != Use::Deny)
        return {std::nullopt, marked(theirs) + " is left out: no filter says this"};
      filter = all_below(filter);
      note =
          marked(theirs) + ": no filter says this, so all of " + marked(filter) + " is denied here";
      break;
    } else {
      filter += level + (is_last ? "" : "/");
    }
  }
  if (ResourceTemplate::parse(filter)) return {std::move(filter), std::move(note)};
  if (use != Use::Deny)
    return {std::nullopt, marked(theirs) + " is left out: it is no topic filter"};
  return {"#", marked(theirs) + " is no topic filter, so all topics are denied here"};
}

Texts filters_for(const Texts& topics, Use use, Texts& differences) {
  Texts filters;
  for (const auto& topic : topics) {
    auto one = said(topic, use);
    if (one.filter && std::ranges::find(filters, *one.filter) == filters.end())
      filters.push_back(*std::move(one.filter));
    if (!one.difference.empty() &&
        std::ranges::find(differences, one.difference) == differences.end())
      differences.push_back(std::move(one.difference));
  }
  return filters;
}

// --- conditions

bool is_pattern(std::string_view text) {
  const auto star = text.find('*');
  return text.size() <= kLongestPattern &&
         (star == std::string_view::npos || star + 1 == text.size()) &&
         text.find_first_of("^$[](){}|\\+?") == std::string_view::npos;
}

// Nothing: an allow that nobody could have. An empty list: any name.
std::optional<json::array> names_for(const Texts& theirs, std::string_view what, bool allow,
                                     Texts& differences) {
  json::array names;
  for (const auto& text : theirs) {
    if (text == "*") return json::array();
    if (is_pattern(text)) {
      names.emplace_back(text);
    } else if (allow) {
      differences.push_back("the " + std::string(what) + " " + marked(text) +
                            " is left out: here a name is written whole, or as a beginning and *");
    } else {
      differences.push_back("the " + std::string(what) + " " + marked(text) +
                            " cannot be said here, so it is denied whatever the " +
                            std::string(what));
      return json::array();
    }
  }
  if (names.empty() && !theirs.empty()) return std::nullopt;
  return names;
}

json::array sources_for(const Texts& addresses) {
  json::array sources;
  for (const auto& address : addresses) {
    if (address == "0.0.0.0/0" || address == "::/0") return {};
    sources.emplace_back(address);
  }
  return sources;
}

// --- names

class NewNames {
 public:
  std::string make(std::string_view theirs, std::string_view suffix) {
    std::string base;
    for (const char character : theirs) {
      const auto byte = static_cast<unsigned char>(character);
      const bool is_kept = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' ||
                           byte == '.';
      if (is_kept)
        base.push_back(character);
      else if ((byte & 0xC0) != 0x80)  // once for each character of UTF-8
        base.push_back('-');
    }
    base.resize(std::min(base.size(), kLongestBase));
    while (base.size() < 3) base.push_back('-');
    base += suffix;
    auto name = base;
    for (int number = 2; !used_.insert(name).second; ++number)
      name = base + "-" + std::to_string(number);
    return name;
  }

 private:
  std::set<std::string> used_;
};

std::string cut(std::string text) {
  auto end = std::min(text.size(), kLongestDescription);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  text.resize(end);
  return text;
}

// --- one policy

class Translation {
 public:
  Translation(const TdmqPolicy& theirs, NewNames& names)
      : theirs_(theirs),
        names_(names),
        made_{.name = theirs.name, .priority = theirs.priority, .made = {}, .differences = {}} {}

  TranslatedPolicy make() {
    auto& differences = made_.differences;
    auto users = names_for(theirs_.users, "user name", theirs_.allow, differences);
    auto client_ids = names_for(theirs_.client_ids, "client id", theirs_.allow, differences);
    if (!users || !client_ids) return std::move(made_);
    common_ = {{"effect", theirs_.allow ? kAllow : kDeny},
               {"users", *std::move(users)},
               {"client_ids", *std::move(client_ids)},
               {"sources", sources_for(theirs_.addresses)},
               {"qos", json::array(theirs_.qos.begin(), theirs_.qos.end())}};
    const auto publish = topics_of(theirs_.publish, Use::AllowPublish, "publishing");
    auto subscribe = topics_of(theirs_.subscribe, Use::AllowSubscribe, "subscribing");
    if (has_limit() && !subscribe.empty()) {
      differences.emplace_back(
          theirs_.allow ? "subscribing is left out: here it is not limited to some message types"
                        : "here subscribing is denied for all message types");
      if (theirs_.allow) subscribe.clear();
    }
    if (!has_limit() && (publish.empty() || subscribe.empty() || publish == subscribe)) {
      add(theirs_.connect, publish, subscribe, {});
    } else {
      add(theirs_.connect, publish, {}, {});
      add(false, {}, subscribe, "-subscribe");
    }
    return std::move(made_);
  }

 private:
  [[nodiscard]] bool has_limit() const { return !theirs_.retained || !theirs_.general; }

  Texts topics_of(bool is_wanted, Use use, std::string_view what) {
    if (!is_wanted) return {};
    const auto missing = [&] {
      made_.differences.push_back(std::string(what) + " is left out: no topic is left");
      return Texts();
    };
    if (theirs_.allow) {
      auto filters = filters_for(theirs_.topics, use, made_.differences);
      return filters.empty() ? missing() : filters;
    }
    if (theirs_.topics.empty()) {
      made_.differences.push_back("it names no topics, so " + std::string(what) +
                                  " is denied here for all");
      return {"#"};
    }
    return filters_for(theirs_.topics, Use::Deny, made_.differences);
  }

  void add(bool connect, const Texts& publish, const Texts& subscribe, std::string_view suffix) {
    json::array operations;
    if (connect) operations.emplace_back(kConnect);
    if (!publish.empty()) operations.emplace_back(kPublish);
    if (!subscribe.empty()) operations.emplace_back(kSubscribe);
    if (operations.empty()) return;
    const auto& filters = publish.empty() ? subscribe : publish;
    const auto name = names_.make(theirs_.name, suffix);
    const auto description =
        theirs_.remark.empty() && name != theirs_.name ? theirs_.name : theirs_.remark;
    auto document = common_;
    document["name"] = name;
    document["description"] = cut(description);
    document["operations"] = std::move(operations);
    document["resources"] = json::array(filters.begin(), filters.end());
    if (has_limit() && !publish.empty())
      document["message_types"] = json::array{json::value(theirs_.retained ? kRetained : kGeneral)};
    made_.made.push_back(std::move(document));
  }

  const TdmqPolicy& theirs_;
  NewNames& names_;
  TranslatedPolicy made_;
  json::object common_;
};

}  // namespace

std::vector<TranslatedPolicy> translate(const std::vector<TdmqPolicy>& policies) {
  NewNames names;
  std::vector<TranslatedPolicy> translated;
  for (const auto& policy : policies) translated.push_back(Translation(policy, names).make());
  return translated;
}

}  // namespace sluice::broker
