#pragma once
#include <boost/json/object.hpp>

namespace sluice::connect {

// RFC 7396: `patch` laid over `target`, member by member; null takes a member away.
[[nodiscard]] boost::json::object merge_patch(boost::json::object target,
                                              const boost::json::object& patch);

}  // namespace sluice::connect
