#pragma once
#include <compare>
#include <string>
#include <string_view>

namespace sluice::broker {

// The name of a listener, as the settings have it: one pointer, because every client has one, also
// those that are away. Each text stands in memory once, for as long as the process. They come from
// the settings and from records of this server, never from a peer, so they are few.
//
// Threads: any.
class ListenerName {
 public:
  ListenerName() = default;  // it is not known through which one the client came
  explicit ListenerName(std::string_view text);

  [[nodiscard]] bool is_known() const { return text_ != nullptr; }
  [[nodiscard]] std::string_view text() const { return text_ ? *text_ : std::string_view(); }
  friend bool operator==(ListenerName, ListenerName) = default;

 private:
  const std::string* text_ = nullptr;
};

// Who publishes by REST comes through the administration. No listener of MQTT can have this name.
inline constexpr std::string_view kAdministration = "admin";

}  // namespace sluice::broker
