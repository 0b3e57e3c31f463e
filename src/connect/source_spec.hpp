// The document of a task whose source is outside: what it may say, and what it means.
#pragma once
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connect {

[[nodiscard]] schema::Fields source_task_fields(const Connector& connector);

// `local` where the document says nothing else.
[[nodiscard]] std::string source_type_of(const boost::json::object& document);

// For parse_task(). Refuses: invalid_document.
[[nodiscard]] Outcome<TaskSpec> parse_source_task(const Registry& registry,
                                                  const boost::json::object& document);

}  // namespace sluice::connect
