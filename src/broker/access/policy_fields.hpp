// The words of a policy document.
#pragma once
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::broker {

inline constexpr std::string_view kAllow = "allow";
inline constexpr std::string_view kDeny = "deny";
inline constexpr std::string_view kConnect = "connect";
inline constexpr std::string_view kPublish = "publish";
inline constexpr std::string_view kSubscribe = "subscribe";
inline constexpr std::string_view kRetained = "retained";
inline constexpr std::string_view kGeneral = "general";

// Of a document that was checked, now or by an older version: the list of this name.
[[nodiscard]] const boost::json::array& list_in(const boost::json::object& document,
                                                std::string_view name);
[[nodiscard]] bool contains_text(const boost::json::array& list, std::string_view text);

}  // namespace sluice::broker
