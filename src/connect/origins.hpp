#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "model/message.hpp"

namespace sluice::connect {

// The tasks that have carried a message, oldest first, with commas between: a user property here, a
// header there. A task that brought it in stands there by its id, one that published it at another
// server with `>` before it. docs/adr/0047-sources.md
inline constexpr std::string_view kOrigins = "sluice-origins";

// How a task stands there whose sink publishes where tasks bring messages from.
[[nodiscard]] std::string outward_origin(std::string_view task_id);

// What the message bears of it; empty: nothing.
[[nodiscard]] std::string_view origins_of(const model::Message& message);

// Whether `own` has carried it before, or it has come in `maximum_hops` times; 0: that does not
// matter.
[[nodiscard]] bool circles(std::string_view origins, std::string_view own,
                           std::size_t maximum_hops);

}  // namespace sluice::connect
