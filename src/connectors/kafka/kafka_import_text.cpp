#include "connectors/kafka/kafka_import_text.hpp"

#include "connect/documents.hpp"

namespace sluice::connectors::kafka {
namespace {

constexpr std::size_t kLongestEntityName = 64;

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
}

}  // namespace

std::string imported_name(std::string_view title) {
  std::string name;
  for (const char c : title) {
    if (!begins_character(c) || name.size() == kLongestEntityName) continue;
    name += connect::is_entity_name(std::string("a") + c) ? c : '-';
  }
  return connect::is_entity_name(name) ? name : "imported";
}

std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && !begins_character(text[most])) --most;
  text.resize(most);
  return text;
}

}  // namespace sluice::connectors::kafka
