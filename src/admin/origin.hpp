// Whether a browser was led here by somebody else's page.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "admin/http.hpp"

namespace sluice::admin {

// Against DNS rebinding: the Host header must be a loopback name, the address that was connected
// to, or one of `host_names`. A request without Host comes from no browser.
[[nodiscard]] bool is_known_host(const Request& request,
                                 const std::vector<std::string>& host_names);

// Does the request say that it comes from a page of this server?
[[nodiscard]] bool is_same_origin(const Request& request);
// Does it say that it comes from another one's?
[[nodiscard]] bool is_cross_origin(const Request& request);

}  // namespace sluice::admin
