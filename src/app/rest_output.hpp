// Answers of the administration as text. Nothing in them can move the terminal.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::app {

// A header, then a line per item, in columns. What is wider than `most_width` is cut, where it is
// widest; a column keeps some characters all the same.
[[nodiscard]] std::string table_text(const boost::json::array& items,
                                     std::span<const std::string_view> columns,
                                     bool with_header = true, std::size_t most_width = SIZE_MAX);
// Of the terminal that standard output is; SIZE_MAX: it is none.
[[nodiscard]] std::size_t terminal_width();
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
// What an import made of each policy, and where its result is another one here.
[[nodiscard]] std::string import_text(const boost::json::object& report);
// An answer that is not a success: `title: detail`, the hint, a line per field.
[[nodiscard]] std::string problem_text(unsigned status, std::string_view body);

}  // namespace sluice::app
