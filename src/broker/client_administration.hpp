// What administrators see of one client, by its id.
#pragma once
#include <string>

#include <boost/json/object.hpp>

#include "base/refusal.hpp"
#include "broker/session.hpp"

namespace sluice::broker {

// None: there is no client of that id, or nothing is left of it but its will. On the worker.
[[nodiscard]] SessionPtr session_of_client(Worker& worker, const std::string& client_id);
[[nodiscard]] Refusal no_such_session(const std::string& client_id);
// As lists show it.
[[nodiscard]] boost::json::object shown_client(Session& session);
[[nodiscard]] boost::json::object shown_subscription(const Session& session,
                                                     const Subscription& subscription);
}  // namespace sluice::broker
