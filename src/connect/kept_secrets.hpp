#pragma once
#include <boost/json/value.hpp>

namespace sluice::connect {

// Whether a changed document holds a text that nobody gave with the change: one that stays as it
// was, or that `***` stands for. In a map: whether one of its members is such.
[[nodiscard]] bool is_kept(const boost::json::value* after, const boost::json::value* given);

}  // namespace sluice::connect
