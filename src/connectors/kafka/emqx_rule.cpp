#include "connectors/kafka/emqx_rule.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/ascii.hpp"
#include "where/condition.hpp"

namespace sluice::connectors::kafka {
namespace {

struct Translated {
  std::string_view theirs, ours;
};
// The longest first, where one begins another.
constexpr std::array kEmqxNames = {Translated{"flags.retain", "$retain"},
                                   Translated{"flags.dup", "$dup"},
                                   Translated{"clientid", "$client_id"},
                                   Translated{"username", "$username"},
                                   Translated{"peerhost", "$host"},
                                   Translated{"timestamp", "$timestamp"},
                                   Translated{"publish_received_at", "$timestamp"},
                                   Translated{"topic", "$topic"},
                                   Translated{"qos", "$qos"},
                                   Translated{"id", "$message_id"}};

// Words that mean here what they mean there.
constexpr std::array<std::string_view, 20> kSameWords = {
    "and",  "or",   "not", "in",   "between", "like",  "is",    "null", "case",     "when",
    "then", "else", "end", "true", "false",   "upper", "lower", "abs",  "coalesce", "payload"};

bool is_sql_word_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Takes a word off the front, in any case of letters.
bool take_sql_word(std::string_view& text, std::string_view lower) {
  text = trimmed(text);
  if (ascii_lower(text.substr(0, lower.size())) != lower) return false;
  if (text.size() > lower.size() && is_sql_word_part(text[lower.size()])) return false;
  text = trimmed(text.substr(lower.size()));
  return true;
}

// A word of a condition, with what follows it by dots: `payload.a.b`, `flags.retain`.
Result<std::string, std::string> translated(std::string_view name) {
  const auto root = name.substr(0, name.find_first_of(".["));
  if (root == "payload") return std::string(name);
  for (const auto& [theirs, ours] : kEmqxNames)
    if (name == theirs) return std::string(ours);
  const auto lower = ascii_lower(name);
  if (std::ranges::find(kSameWords, lower) != kSameWords.end()) return std::string(name);
  return tl::unexpected("`" + std::string(name) + "` in WHERE cannot be carried over");
}

Result<std::string, std::string> condition_of(std::string_view theirs) {
  std::string ours;
  for (std::size_t at = 0; at < theirs.size();) {
    const char c = theirs[at];
    if (c == '\'' || c == '"') {
      const auto end = theirs.find(c, at + 1);
      if (end == std::string_view::npos)
        return tl::unexpected(std::string("a quote is not closed"));
      ours += '\'';  // text there, whichever quote
      for (const char inner : theirs.substr(at + 1, end - at - 1))
        ours += inner == '\'' ? std::string("''") : std::string(1, inner);
      ours += '\'';
      at = end + 1;
    } else if (c >= '0' && c <= '9') {
      while (at < theirs.size() && (is_sql_word_part(theirs[at]) || theirs[at] == '.'))
        ours += theirs[at++];
    } else if (is_sql_word_part(c)) {
      const auto begin = at;
      while (at < theirs.size() && (is_sql_word_part(theirs[at]) || theirs[at] == '.')) ++at;
      auto name = translated(theirs.substr(begin, at - begin));
      if (!name) return name;
      ours += *name;
    } else {
      ours += c;
      ++at;
    }
  }
  return ours;
}

}  // namespace

Result<EmqxRule, std::string> read_emqx_rule(std::string_view sql) {
  auto rest = trimmed(sql);
  while (rest.ends_with(';')) rest = trimmed(rest.substr(0, rest.size() - 1));
  if (!take_sql_word(rest, "select") || !rest.starts_with('*'))
    return tl::unexpected(std::string(
        "only SELECT * can be carried over: what else it selects, say in templates of /map"));
  rest.remove_prefix(1);
  if (!take_sql_word(rest, "from")) return tl::unexpected(std::string("FROM is missing behind *"));
  EmqxRule rule;
  for (;;) {
    const char quote = rest.empty() ? ' ' : rest.front();
    const auto end = quote == '"' || quote == '\'' ? rest.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos)
      return tl::unexpected(std::string("FROM must name topic filters in quotes"));
    const auto filter = rest.substr(1, end - 1);
    if (filter.starts_with('$'))
      return tl::unexpected("`" + std::string(filter) + "` in FROM cannot be carried over");
    rule.filters.emplace_back(filter);
    rest = trimmed(rest.substr(end + 1));
    if (!rest.starts_with(',')) break;
    rest = trimmed(rest.substr(1));
  }
  if (rest.empty()) return rule;
  if (!take_sql_word(rest, "where"))
    return tl::unexpected("`" + std::string(rest.substr(0, 32)) + "` cannot be carried over");
  auto condition = condition_of(rest);
  if (!condition) return tl::unexpected(std::move(condition.error()));
  if (const auto compiled = where::Condition::compile(*condition); !compiled)
    return tl::unexpected("WHERE cannot be carried over: as `" + *condition + "`, " +
                          compiled.error().text());
  rule.where = std::move(*condition);
  return rule;
}

std::string emqx_template(std::string_view text) {
  std::string ours;
  while (!text.empty()) {
    const auto at = text.find("${.");
    ours += text.substr(0, at);
    if (at == std::string_view::npos) break;
    ours += "${";
    text.remove_prefix(at + 3);
  }
  return ours;
}

}  // namespace sluice::connectors::kafka
