#pragma once
#include "connect/registry.hpp"

namespace sluice::connectors::kafka {

// A Kafka integration of TBMQ, as its REST API shows it: `{"name", "type": "KAFKA",
// "configuration": {"clientConfiguration", "topicFilters", "metadata"}}`. Its texts are constants
// and stay constants. What would lose messages there is not carried over, and noted.
[[nodiscard]] Outcome<connect::ImportedFlow> import_tbmq(const boost::json::object& foreign);

// A Kafka action of EMQX with what it needs, as its REST API shows them: `{"action", "connector",
// "rule"}`. What a task cannot say is refused by name: a flow that carries something else than
// before is worse than none.
[[nodiscard]] Outcome<connect::ImportedFlow> import_emqx(const boost::json::object& foreign);

}  // namespace sluice::connectors::kafka
