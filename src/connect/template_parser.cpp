#include "connect/template_parser.hpp"

#include <algorithm>
#include <array>

#include "base/schema.hpp"

namespace sluice::connect {
namespace {

constexpr std::size_t kMaximumParts = 128;
constexpr std::size_t kMaximumPath = 32;
constexpr std::size_t kMaximumLevel = 127;  // topics have at most 128 levels
constexpr std::size_t kMaximumElement = 1'000'000;

constexpr unsigned in(TemplateScope scope) {
  return 1U << static_cast<unsigned>(scope);
}
constexpr unsigned kMessages = in(TemplateScope::Message);
constexpr unsigned kRecords = in(TemplateScope::Record);
constexpr unsigned kPublishes = kMessages | in(TemplateScope::Received);
constexpr unsigned kAll = kPublishes | kRecords;

struct Simple {
  std::string_view spelling;
  TemplateName name;
  unsigned scopes;  // where it is known
};
// Names that stand alone: ours, then EMQX's.
constexpr std::array kSimple = {
    Simple{"client_id", TemplateName::ClientId, kMessages},
    Simple{"username", TemplateName::Username, kMessages},
    Simple{"host", TemplateName::Host, kMessages},
    Simple{"qos", TemplateName::Qos, kPublishes},
    Simple{"retain", TemplateName::Retain, kPublishes},
    Simple{"dup", TemplateName::Dup, kMessages},
    Simple{"message_id", TemplateName::MessageId, kMessages},
    Simple{"timestamp", TemplateName::Timestamp, kAll},
    Simple{"key", TemplateName::Key, kRecords},
    Simple{"clientid", TemplateName::ClientId, kMessages},
    Simple{"peerhost", TemplateName::Host, kMessages},
    Simple{"id", TemplateName::MessageId, kMessages},
    Simple{"publish_received_at", TemplateName::Timestamp, kAll},
    Simple{"node", TemplateName::Node, kAll},
};

bool is_known(const Simple& simple, TemplateScope scope) {
  return (simple.scopes & in(scope)) != 0;
}

bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view names_in(TemplateScope scope) {
  switch (scope) {
    case TemplateScope::Message:
      break;
    case TemplateScope::Record:
      return "topic, key, timestamp, payload, header.NAME, env.node";
    case TemplateScope::Received:
      return "topic, qos, retain, timestamp, payload, user.NAME, env.node";
  }
  return "topic, client_id, username, host, qos, retain, dup, message_id, timestamp, payload, "
         "user.NAME, env.node";
}

std::string unknown_name(std::string_view given, TemplateScope scope) {
  std::vector<std::string> known = {"topic", "payload", "env"};
  known.emplace_back(scope == TemplateScope::Record ? "header" : "user");
  for (const auto& simple : kSimple) {
    if (is_known(simple, scope)) known.emplace_back(simple.spelling);
  }
  std::string text = "one of " + std::string(names_in(scope));
  if (const auto near = schema::nearest(given, known)) text += " (did you mean " + *near + "?)";
  return text;
}

}  // namespace

Result<std::vector<Template::Part>, TemplateError> TemplateParser::parse() {
  while (at_ < text_.size()) {
    const auto dollar = rest().find('$');
    literal(rest().substr(0, dollar));
    if (dollar == std::string_view::npos) break;
    at_ += dollar;
    if (take("$${")) {
      literal("${");
    } else if (at("${")) {
      if (auto step = reference(); !step) return tl::unexpected(std::move(step.error()));
    } else {
      literal("$");
      ++at_;
    }
    if (parts_.size() > kMaximumParts) return expected("a shorter template: at most 64 names");
  }
  return std::move(parts_);
}

// Neighbouring literals are one part.
void TemplateParser::literal(std::string_view text) {
  if (text.empty()) return;
  if (parts_.empty() || parts_.back().name) parts_.emplace_back();
  parts_.back().literal += text;
}

TemplateParser::Step TemplateParser::reference() {
  Part part;
  at_ += 2;
  const auto begin = at_;
  if (auto step = root(part); !step) return step;
  part.spelling = text_.substr(begin, at_ - begin);
  if (take(":-")) {
    if (auto step = fallback(part); !step) return step;
  }
  if (!take("}")) return expected("} or :-");
  parts_.push_back(std::move(part));
  return {};
}

TemplateParser::Step TemplateParser::root(Part& part) {
  const auto begin = at_;
  const auto name = identifier();
  if (name == "topic") return topic(part);
  if (name == "payload") return payload(part);
  const bool has_headers = scope_ == TemplateScope::Record;
  if (name == (has_headers ? "header" : "user")) return user_property(part);
  if (name == "env") return member(part, "node", TemplateName::Node);
  if (name == "flags" && scope_ == TemplateScope::Message) return flag(part);
  if (name == "pub_props" && !has_headers) return publish_property(part);
  return simple(part, name, begin);
}

TemplateParser::Step TemplateParser::simple(Part& part, std::string_view name, std::size_t begin) {
  const auto* found = std::ranges::find(kSimple, name, &Simple::spelling);
  if (found == kSimple.end() || !is_known(*found, scope_)) {
    at_ = begin;
    return expected(unknown_name(name, scope_));
  }
  part.name = found->name;
  return {};
}

TemplateParser::Step TemplateParser::topic(Part& part) {
  part.name = TemplateName::Topic;
  if (!at("[")) return {};
  part.name = TemplateName::TopicLevel;
  return element(kMaximumLevel, part.level);
}

TemplateParser::Step TemplateParser::payload(Part& part) {
  part.name = TemplateName::Payload;
  while (at(".") || at("[")) {
    part.name = TemplateName::PayloadPath;
    if (part.path.size() == kMaximumPath) return expected("at most 32 steps into the payload");
    if (at("[")) {
      std::size_t index = 0;
      if (auto step = element(kMaximumElement, index); !step) return step;
      part.path.emplace_back(index);
      continue;
    }
    ++at_;
    std::string name;
    if (auto step = path_name(name); !step) return step;
    part.path.emplace_back(std::move(name));
  }
  return {};
}

// The name of a user property or a header may hold dots: it reaches to the end of the reference.
TemplateParser::Step TemplateParser::user_property(Part& part) {
  if (!take("."))
    return expected(scope_ == TemplateScope::Record ? ". and the name of a header"
                                                    : ". and the name of a user property");
  part.name = TemplateName::UserProperty;
  return name_to_end(part.property);
}

// EMQX: ${pub_props.'User-Property'.name}, ${pub_props.'Content-Type'}.
TemplateParser::Step TemplateParser::publish_property(Part& part) {
  if (!take(".")) return expected(".'User-Property'");
  const auto begin = at_;
  std::string name;
  if (auto step = path_name(name); !step) return step;
  if (name == "User-Property") {
    if (!take(".")) return expected(". and the name of a user property");
    part.name = TemplateName::UserProperty;
    return name_to_end(part.property);
  }
  if (name == "Content-Type") {
    part.name = TemplateName::ContentType;
  } else if (name == "Response-Topic") {
    part.name = TemplateName::ResponseTopic;
  } else {
    at_ = begin;
    return expected("'User-Property', 'Content-Type' or 'Response-Topic'");
  }
  return {};
}

TemplateParser::Step TemplateParser::member(Part& part, std::string_view known, TemplateName name) {
  if (!take(".") || identifier() != known) return expected("." + std::string(known));
  part.name = name;
  return {};
}

TemplateParser::Step TemplateParser::flag(Part& part) {
  if (!take(".")) return expected(".retain or .dup");
  const auto name = identifier();
  if (name != "retain" && name != "dup") return expected(".retain or .dup");
  part.name = name == "dup" ? TemplateName::Dup : TemplateName::Retain;
  return {};
}

// `[n]`
TemplateParser::Step TemplateParser::element(std::size_t maximum, std::size_t& index) {
  ++at_;
  const auto begin = at_;
  index = 0;
  while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && index <= maximum)
    index = index * 10 + static_cast<std::size_t>(text_[at_++] - '0');
  if (at_ == begin || index > maximum) {
    at_ = begin;
    return expected("a number from 0 to " + std::to_string(maximum));
  }
  if (!take("]")) return expected("]");
  return {};
}

TemplateParser::Step TemplateParser::name_to_end(std::string& name) {
  if (at("'")) return quoted(name);
  const auto begin = at_;
  while (at_ < text_.size() && text_[at_] != '}' && !at(":-")) ++at_;
  name = text_.substr(begin, at_ - begin);
  if (name.empty()) return expected("the name of a user property");
  return {};
}

TemplateParser::Step TemplateParser::path_name(std::string& name) {
  if (at("'")) return quoted(name);
  static constexpr std::string_view kEnds = ".[]{}'\"";
  const auto begin = at_;
  while (at_ < text_.size() && kEnds.find(text_[at_]) == std::string_view::npos && !at(":-")) ++at_;
  name = text_.substr(begin, at_ - begin);
  if (name.empty()) return expected("a name");
  return {};
}

TemplateParser::Step TemplateParser::quoted(std::string& name) {
  ++at_;
  const auto end = text_.find('\'', at_);
  if (end == std::string_view::npos) {
    at_ = text_.size();
    return expected("'");
  }
  name = text_.substr(at_, end - at_);
  if (name.empty()) return expected("a name");
  at_ = end + 1;
  return {};
}

TemplateParser::Step TemplateParser::fallback(Part& part) {
  const auto end = text_.find('}', at_);
  if (end == std::string_view::npos) {
    at_ = text_.size();
    return expected("}");
  }
  part.fallback = text_.substr(at_, end - at_);
  at_ = end;
  return {};
}

bool TemplateParser::take(std::string_view token) {
  if (!at(token)) return false;
  at_ += token.size();
  return true;
}

std::string_view TemplateParser::identifier() {
  const auto begin = at_;
  while (at_ < text_.size() && is_identifier(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

tl::unexpected<TemplateError> TemplateParser::expected(std::string what) const {
  TemplateError error{.expected = std::move(what)};
  for (const char c : text_.substr(0, at_)) {
    if (c == '\n') {
      ++error.line;
      error.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) {
      ++error.column;
    }
  }
  return tl::unexpected(std::move(error));
}

}  // namespace sluice::connect
