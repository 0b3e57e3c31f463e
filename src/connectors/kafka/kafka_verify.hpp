#pragma once
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "connect/sink.hpp"

namespace sluice::connectors::kafka {

// Goes the way a task will go, step by step, until one fails: resolve, connect, tls (where there is
// any), authenticate, metadata, and topic (where one is given): whether it is there and may be
// written to. Nothing is written and no topic is made. Blocks for at most half a minute.
[[nodiscard]] std::vector<connect::VerifyStep> verify(const boost::json::object& settings,
                                                      std::string_view topic);

}  // namespace sluice::connectors::kafka
