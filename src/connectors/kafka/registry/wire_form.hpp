// How a record names the schema of its value: the forms of Confluent's serializers.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::connectors::kafka::registry {

inline constexpr std::string_view kValueSchemaHeader = "__value_schema_id";
// What it says is no text: as a user property it is this and base 64.
inline constexpr std::string_view kEncodedHeader = "base64:";

using Guid = std::array<char, 16>;
// 8-4-4-4-12 hexadecimal digits; nothing: it is none.
[[nodiscard]] std::optional<Guid> parse_guid(std::string_view text);

// Zigzag, then seven bits a byte, the lowest first: Avro's numbers, and Protobuf's sint64.
void append_zigzag(std::string& out, std::int64_t number);

// Where a message stands in a Protobuf schema: its number among the messages of the file, then
// among those of the message around it. The first one, by far the most frequent, is one zero byte.
[[nodiscard]] std::string message_indexes(std::span<const int> path);

// 8-4-4-4-12 hexadecimal digits.
[[nodiscard]] std::string guid_text(const Guid& guid);

// Before the value.
[[nodiscard]] std::string id_prefix(std::int32_t id, std::string_view indexes);
// The way back, of the header, too: the id or the GUID, taken off; nothing: it does not begin so.
struct SchemaName {
  std::variant<std::int32_t, Guid> schema;
  std::string_view bytes;  // that said it
};
[[nodiscard]] std::optional<SchemaName> take_schema_name(std::string_view& bytes);
// The path of message_indexes(), taken off; nothing: it does not begin so.
[[nodiscard]] std::optional<std::vector<int>> take_message_indexes(std::string_view& bytes);
// In the header.
[[nodiscard]] std::string guid_header(const Guid& guid, std::string_view indexes);

}  // namespace sluice::connectors::kafka::registry
