// Answers of the administration as text. Nothing in them can move the terminal.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::app {

// A header, then a line per item, in columns.
[[nodiscard]] std::string table_text(const boost::json::array& items,
                                     std::span<const std::string_view> columns,
                                     bool with_header = true);
// A line of JSON per item.
[[nodiscard]] std::string lines_text(const boost::json::array& items);
// A line per member: name, value; objects inside with dotted names.
[[nodiscard]] std::string entity_text(const boost::json::object& entity);
// What happened to a message: a line per member, then a table of who is to get it.
[[nodiscard]] std::string trace_text(const boost::json::object& trace);
// How a connection was tried: a line per step, and what to do about the one that failed.
[[nodiscard]] std::string steps_text(const boost::json::array& steps);
// What policies say: allowed or denied and why, then those that speak on it.
[[nodiscard]] std::string verdict_text(const boost::json::object& answer);
// An answer that is not a success: `title: detail`, the hint, a line per field.
[[nodiscard]] std::string problem_text(unsigned status, std::string_view body);

}  // namespace sluice::app
