// An event as REST shows it.
#pragma once
#include <string>

#include <boost/json/object.hpp>

#include "admin/event_kind.hpp"
#include "broker/event_listener.hpp"

namespace sluice::admin {

[[nodiscard]] EventKind kind_of(broker::Event event);
// Of one as `$events/...` tells it: `time`, `kind`, `event`, `subject` (a client id, or a task's
// name), then what else it says, under the names that the API has for it.
[[nodiscard]] boost::json::object event_record(EventKind kind, const boost::json::object& shown);

// As a server-sent event, with its number where it is an event.
[[nodiscard]] std::string server_sent(EventKind kind, const boost::json::object& record);

}  // namespace sluice::admin
