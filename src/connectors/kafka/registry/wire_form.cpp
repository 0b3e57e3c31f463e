#include "connectors/kafka/registry/wire_form.hpp"

#include <algorithm>

namespace sluice::connectors::kafka::registry {
namespace {

constexpr char kById = 0;
constexpr char kByGuid = 1;
constexpr std::size_t kGuidText = 36;
constexpr std::int64_t kDeepestMessage = 64;
constexpr std::int64_t kHighestIndex = 1'000'000;

std::optional<unsigned> hexadecimal(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<unsigned>(digit - 'a' + 10);
  if (digit >= 'A' && digit <= 'F') return static_cast<unsigned>(digit - 'A' + 10);
  return std::nullopt;
}

std::optional<std::int64_t> take_zigzag(std::string_view& bytes) {
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    bits |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80)
      return static_cast<std::int64_t>(bits >> 1U) ^ -static_cast<std::int64_t>(bits & 1U);
  }
  return std::nullopt;
}

bool is_hyphen_at(std::size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

}  // namespace

std::optional<Guid> parse_guid(std::string_view text) {
  if (text.size() != kGuidText) return std::nullopt;
  Guid guid{};
  std::size_t digits = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_hyphen_at(at)) {
      if (text[at] != '-') return std::nullopt;
      continue;
    }
    const auto digit = hexadecimal(text[at]);
    if (!digit) return std::nullopt;
    auto& byte = guid[digits / 2];
    byte = static_cast<char>((static_cast<unsigned>(byte) << 4U) | *digit);
    ++digits;
  }
  return guid;
}

std::string guid_text(const Guid& guid) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : guid) {
    if (is_hyphen_at(text.size())) text.push_back('-');
    const auto bits = static_cast<unsigned char>(byte);
    text.push_back(kDigits[bits >> 4U]);
    text.push_back(kDigits[bits & 0xFU]);
  }
  return text;
}

void append_zigzag(std::string& out, std::int64_t number) {
  auto rest = (static_cast<std::uint64_t>(number) << 1U) ^
              static_cast<std::uint64_t>(number >> 63);  // all ones below zero
  while (rest >= 0x80) {
    out.push_back(static_cast<char>(rest | 0x80U));
    rest >>= 7U;
  }
  out.push_back(static_cast<char>(rest));
}

std::string message_indexes(std::span<const int> path) {
  std::string out;
  if (path.size() == 1 && path.front() == 0) {
    out.push_back(0);
    return out;
  }
  append_zigzag(out, static_cast<std::int64_t>(path.size()));
  for (const int index : path) append_zigzag(out, index);
  return out;
}

std::string id_prefix(std::int32_t id, std::string_view indexes) {
  std::string out(1, kById);
  const auto bits = static_cast<std::uint32_t>(id);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(static_cast<char>(bits >> shift));
  out += indexes;
  return out;
}

std::optional<SchemaName> take_schema_name(std::string_view& bytes) {
  const bool is_guid = bytes.starts_with(kByGuid);
  const std::size_t size = 1 + (is_guid ? sizeof(Guid) : sizeof(std::int32_t));
  if (bytes.size() < size || (!is_guid && !bytes.starts_with(kById))) return std::nullopt;
  SchemaName name{.schema = 0, .bytes = bytes.substr(0, size)};
  const auto number = name.bytes.substr(1);
  bytes.remove_prefix(size);
  if (is_guid) {
    Guid guid{};
    std::ranges::copy(number, guid.begin());
    name.schema = guid;
    return name;
  }
  std::uint32_t id = 0;
  for (const char byte : number) id = (id << 8U) | static_cast<unsigned char>(byte);
  name.schema = static_cast<std::int32_t>(id);
  return name;
}

std::optional<std::vector<int>> take_message_indexes(std::string_view& bytes) {
  const auto count = take_zigzag(bytes);
  if (!count || *count < 0 || *count > kDeepestMessage) return std::nullopt;
  std::vector<int> path;
  for (std::int64_t i = 0; i < *count; ++i) {
    const auto index = take_zigzag(bytes);
    if (!index || *index < 0 || *index > kHighestIndex) return std::nullopt;
    path.push_back(static_cast<int>(*index));
  }
  if (path.empty()) path.push_back(0);
  return path;
}

std::string guid_header(const Guid& guid, std::string_view indexes) {
  std::string out(1, kByGuid);
  out.append(guid.data(), guid.size());
  out += indexes;
  return out;
}

}  // namespace sluice::connectors::kafka::registry
