// Lists in pages that stay right while the list changes: `next` is the last name that was shown, or
// where the last item stood in the order that was asked for.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "admin/route.hpp"

namespace sluice::admin {

struct PageRequest {
  std::size_t limit = 50;  // 1 to 1000
  std::string after;       // decoded; empty: from the beginning
};
// What `limit` and `page` ask for, or the answer to a wrong one.
[[nodiscard]] tl::expected<PageRequest, Response> page_request(const Call& call);
// 503: this process has no broker.
[[nodiscard]] Response no_clients_here();
// 400: what the query says under this name breaks its rule ("must be 1 to 1000").
[[nodiscard]] Response wrong_parameter(std::string_view name, std::string_view rule);
// A query parameter that is `true` or `false`; 400: it is something else.
[[nodiscard]] tl::expected<bool, Response> switch_of(const Call& call, const std::string& name,
                                                     const std::string& fallback);
[[nodiscard]] std::string encode_page(std::string_view last);

// Filters of lists of what has a name.
inline constexpr Parameter kName{"name", "Only the one with this name."};
inline constexpr Parameter kNameContains{"name_contains",
                                         "Only those with this in their name, case counts."};
// `sort` of a list that goes by any of these.
[[nodiscard]] constexpr Parameter sort_by(std::span<const std::string_view> sorts) {
  return {
      "sort",
      "What the list goes by; with a `-` in front downwards. Where it is the same: by name. What "
      "moves between two pages may come twice, or on none.",
      sorts};
}

// Has the item what the query's filters (`?status=running`, `?name_contains=pump`) want?
[[nodiscard]] bool passes_filters(const Call& call, const boost::json::object& item);

// `items` that pass the filters, one page of them; `beside` stands beside them. They go by `name`,
// or by which of `sorts` the query names.
[[nodiscard]] Response list_response(const Call& call, std::vector<boost::json::object> items,
                                     boost::json::object beside = {},
                                     std::span<const std::string_view> sorts = {});

// The answer to an `If-Match` that names no current version; nothing when the call may go on. The
// version is that of the document: a status that moves does not change it. Without the header the
// last writer wins.
[[nodiscard]] std::optional<Response> refuse_stale(const Call& call,
                                                   const Outcome<boost::json::object>& current);

// An entity's answer, with its `ETag`.
[[nodiscard]] Response entity_response(const Outcome<boost::json::object>& outcome);
[[nodiscard]] Response created_response(const Outcome<boost::json::object>& outcome,
                                        std::string_view collection);
[[nodiscard]] Response deleted_response(const Outcome<void>& outcome);

}  // namespace sluice::admin
