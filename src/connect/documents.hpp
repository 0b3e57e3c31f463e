// The documents of interface.md §4, declared once: what a connection and a task may say.
#pragma once
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/schema.hpp"
#include "connect/registry.hpp"

namespace sluice::connect {

// Of the whole document; `settings` and `sink` hold the fields of the connector.
[[nodiscard]] schema::Fields connection_fields(const Connector& connector);
[[nodiscard]] schema::Fields task_fields(const Connector& connector);
[[nodiscard]] const schema::Fields& seek_fields();    // of `:seek`
[[nodiscard]] const schema::Fields& replay_fields();  // of `:replay`

// Letters, digits, `_ - .`, and not dots alone: a name stands in paths, group names and client ids.
[[nodiscard]] bool is_entity_name(std::string_view text);

// The checked document as people read it: durations with their unit again.
[[nodiscard]] boost::json::object readable(const schema::Fields& fields,
                                           boost::json::object checked);

[[nodiscard]] std::string group_name(std::string_view connection, std::string_view task);
[[nodiscard]] std::string worker_name(std::string_view connection, std::string_view task,
                                      unsigned number);

}  // namespace sluice::connect
