#pragma once
#include <vector>

#include <boost/json/object.hpp>

#include "connect/sink.hpp"

namespace sluice::connectors::kafka {

// Goes the way a task will go, step by step, until one fails: resolve, connect, authenticate,
// metadata. Blocks for some seconds.
[[nodiscard]] std::vector<connect::VerifyStep> verify(const boost::json::object& settings);

}  // namespace sluice::connectors::kafka
