// What of each subscription of a client waits and what is on the way, for administrators.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/filter_table.hpp"
#include "broker/uncounted_lag.hpp"

namespace sluice::broker {

class Broker;

// `lag_messages`, and `lag_at_least` where it was not counted to the end.
void add_lag(boost::json::object& shown, std::uint64_t lag);

// The session's subscriptions with `in_flight`, and what waits for each; nothing of the shared
// ones.
struct ShownSubscriptions {
  boost::json::array shown;
  std::vector<UncountedLag> lags;  // one for each
};
// On the worker; `done` runs there, later when the log has to be read.
void show_subscriptions(const SessionPtr& session, std::function<void(ShownSubscriptions)> done);
// With `lag_messages`; of those that are shared what waits for all members of the group. Not from a
// worker's thread.
[[nodiscard]] boost::json::array with_lags(Broker& broker, ShownSubscriptions subscriptions);

}  // namespace sluice::broker
