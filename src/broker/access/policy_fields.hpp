// The words of a policy document.
#pragma once
#include <string_view>

namespace sluice::broker {

inline constexpr std::string_view kAllow = "allow";
inline constexpr std::string_view kDeny = "deny";
inline constexpr std::string_view kConnect = "connect";
inline constexpr std::string_view kPublish = "publish";
inline constexpr std::string_view kSubscribe = "subscribe";
inline constexpr std::string_view kRetained = "retained";
inline constexpr std::string_view kGeneral = "general";

}  // namespace sluice::broker
