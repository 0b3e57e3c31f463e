#include <algorithm>
#include <array>

#include "broker/access/policy.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

struct Variable {
  std::string_view spelling;
  bool is_client_id;
};

constexpr std::array kVariables{
    Variable{"%c", true},  Variable{"${client_id}", true}, Variable{"${clientid}", true},
    Variable{"%u", false}, Variable{"${username}", false},
};

const Variable* variable_at(std::string_view text) {
  const auto found =
      std::find_if(kVariables.begin(), kVariables.end(),
                   [&](const Variable& variable) { return text.starts_with(variable.spelling); });
  return found == kVariables.end() ? nullptr : &*found;
}

}  // namespace

Result<ResourceTemplate> ResourceTemplate::parse(std::string_view text) {
  ResourceTemplate made;
  std::string sample;  // with something harmless in place of every variable
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) made.pieces_.push_back({.kind = Kind::Text, .text = literal});
    literal.clear();
  };
  while (!text.empty()) {
    if (const Variable* variable = variable_at(text)) {
      end_literal();
      made.pieces_.push_back(
          {.kind = variable->is_client_id ? Kind::ClientId : Kind::Username, .text = {}});
      sample.push_back('x');
      text.remove_prefix(variable->spelling.size());
      continue;
    }
    if (text.starts_with("${")) {
      return fail(Errc::InvalidArgument,
                  "the variables are ${client_id} (%c) and ${username} (%u)");
    }
    literal.push_back(text.front());
    sample.push_back(text.front());
    text.remove_prefix(1);
  }
  end_literal();
  if (sample.starts_with("$share/") || sample == "$share") {
    return fail(Errc::InvalidArgument,
                "shared subscriptions are checked without $share/{group}/: write the filter alone");
  }
  if (!mqtt::is_valid_utf8(sample) || !mqtt::is_valid_topic_filter(sample)) {
    return fail(Errc::InvalidArgument,
                "not a topic filter: + stands for a whole level, # for the last levels");
  }
  return made;
}

bool ResourceTemplate::has_variables() const {
  return std::ranges::any_of(pieces_, [](const Piece& piece) { return piece.kind != Kind::Text; });
}

std::string ResourceTemplate::widest() const {
  std::string filter;
  std::size_t level = 0;
  bool is_any = false;
  const auto end_level = [&] {
    if (is_any) filter.replace(level, std::string::npos, "+");
    is_any = false;
  };
  for (const auto& piece : pieces_) {
    is_any = is_any || piece.kind != Kind::Text;
    for (const char character : piece.text) {
      if (character == '/') end_level();
      filter.push_back(character);
      if (character == '/') level = filter.size();
    }
  }
  end_level();
  return filter;
}

std::string_view ResourceTemplate::value_of(const Piece& piece, const Client& client) {
  switch (piece.kind) {
    case Kind::Text:
      return piece.text;
    case Kind::ClientId:
      return client.client_id;
    case Kind::Username:
      return client.username;
  }
  return {};
}

bool ResourceTemplate::is_safe(const Piece& piece, const Client& client) {
  if (piece.kind == Kind::Text) return true;
  const auto value = value_of(piece, client);
  return !value.empty() && value.front() != '$' &&
         value.find_first_of("+#/") == std::string_view::npos;
}

std::optional<ResourceTemplate::Filled> ResourceTemplate::fill_for_allow(
    const Client& client) const {
  Filled filled;
  for (const auto& piece : pieces_) {
    if (!is_safe(piece, client)) return std::nullopt;
    filled.filter += value_of(piece, client);
  }
  return filled;
}

ResourceTemplate::Filled ResourceTemplate::fill_for_deny(const Client& client) const {
  Filled filled;
  for (const auto& piece : pieces_) {
    if (is_safe(piece, client)) {
      filled.filter += value_of(piece, client);
      continue;
    }
    // Everything below the level in which the value would have stood.
    const auto level = filled.filter.rfind('/');
    if (level == std::string::npos) return {.filter = "#", .everything = true};
    filled.filter.resize(level + 1);
    filled.filter += '#';
    return filled;
  }
  return filled;
}

}  // namespace sluice::broker
