// The settings of listeners: what belongs to which type, and what of TLS must be in the files.
#pragma once
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "app/settings.hpp"
#include "base/schema.hpp"

namespace sluice::app {

// `listeners`: by name, checked. Those that are enabled, by name.
[[nodiscard]] std::vector<ListenerSettings> listeners_of(const boost::json::object& listeners);

// Rules across the settings of one listener, if it is enabled.
void check_listener(const std::string& name, const boost::json::object& listener,
                    std::vector<schema::Problem>& problems);

// What the files of TLS that are named there, and for the administration, hold wrong; and those
// with the keys of logins.
[[nodiscard]] std::vector<schema::Problem> check_files(const Settings& settings);

}  // namespace sluice::app
