#pragma once
#include <chrono>
#include <string>

#include <boost/json/object.hpp>

#include "connect/sink.hpp"
#include "connectors/kafka/kafka_client.hpp"

namespace sluice::connectors::kafka {

using SteadyTime = std::chrono::steady_clock::time_point;

// Whether the topic is there and these credentials may write to it. `client` is one that has been
// answered already. Fills detail, hint and ok.
void check_topic(rd_kafka_t* client, const boost::json::object& settings, const std::string& topic,
                 SteadyTime until, connect::VerifyStep& step);

[[nodiscard]] int milliseconds_until(SteadyTime until);

}  // namespace sluice::connectors::kafka
