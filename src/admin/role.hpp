#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::admin {

// What an account of the administration may do; each may do what those before it may.
enum class Role : std::uint8_t {
  Viewer,         // read everything but secrets
  Operator,       // and act on what there is: publish, start and pause, disconnect, redrive
  Administrator,  // and make, change and delete: tasks, connections, users, policies, accounts
};

inline constexpr std::array<std::string_view, 3> kRoleNames = {"viewer", "operator",
                                                               "administrator"};

[[nodiscard]] constexpr std::string_view name_of(Role role) {
  return kRoleNames.at(static_cast<std::size_t>(role));
}

[[nodiscard]] constexpr std::optional<Role> role_of(std::string_view name) {
  for (std::size_t i = 0; i < kRoleNames.size(); ++i) {
    if (kRoleNames.at(i) == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

}  // namespace sluice::admin
