#pragma once
#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::admin {

// What is told while it happens; the first ones are events, which are kept.
enum class EventKind : std::uint8_t { Clients, Sessions, Messages, Tasks, Audit, Overview };

inline constexpr std::array<std::string_view, 6> kEventKindNames = {
    "clients", "sessions", "messages", "tasks", "audit", "overview"};
inline constexpr std::size_t kKindsOfEvents = 4;
// A choice of them.
using EventKinds = std::bitset<kEventKindNames.size()>;

[[nodiscard]] constexpr std::size_t index_of(EventKind kind) {
  return static_cast<std::size_t>(kind);
}
[[nodiscard]] constexpr std::string_view name_of(EventKind kind) {
  return kEventKindNames.at(index_of(kind));
}
[[nodiscard]] constexpr std::optional<EventKind> event_kind_of(std::string_view name) {
  for (std::size_t i = 0; i < kEventKindNames.size(); ++i) {
    if (kEventKindNames.at(i) == name) return static_cast<EventKind>(i);
  }
  return std::nullopt;
}
// The part of the API that shows the same, which a token's scope has to name.
[[nodiscard]] constexpr std::string_view resource_of(EventKind kind) {
  return kind == EventKind::Sessions ? name_of(EventKind::Clients) : name_of(kind);
}

}  // namespace sluice::admin
