// A stored message as the administration shows it, and one that it publishes.
#pragma once
#include <boost/json/object.hpp>

#include "admin/http.hpp"
#include "base/schema.hpp"
#include "broker/outside_message.hpp"
#include "model/message.hpp"

namespace sluice::admin {

// Of the payload at most so many bytes are shown.
inline constexpr std::size_t kListedPayload = 1024;
inline constexpr std::size_t kShownPayload = 64 * 1024;

[[nodiscard]] boost::json::object message_json(const model::Message& message,
                                               std::size_t most_payload);

// The body of POST /messages.
[[nodiscard]] const schema::Fields& message_fields();
[[nodiscard]] Outcome<broker::OutsideMessage> parse_message(const boost::json::object& document);

}  // namespace sluice::admin
