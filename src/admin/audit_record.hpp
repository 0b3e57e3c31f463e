// What a record of the audit says: who, from where, what; before and after without secrets.
#pragma once
#include <optional>

#include <boost/json/object.hpp>

#include "admin/route.hpp"

namespace sluice::admin {

inline constexpr std::size_t kAuditedBytes = 16 * 1024;  // of before, and of after

// Is it kept whether it was done? What may not be done is, whatever it is.
[[nodiscard]] bool is_audited(const Route& route);

// Who wants what.
[[nodiscard]] boost::json::object audit_record(const Route& route, const Call& call);

// What the call is about, as its GET shows it; nothing where there is none.
[[nodiscard]] std::optional<boost::json::object> audited_entity(Context& context,
                                                                const Route& route,
                                                                const Call& call);

// What came of it. Of an entity that was changed, `before` and `after` hold what differs.
void add_outcome(boost::json::object& record, const Route& route,
                 std::optional<boost::json::object> before, const Response& response);

}  // namespace sluice::admin
