#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sluice::broker {

// Point to point: `{first}/p2p/{clientId}` is for that client alone. A session has a subscription
// of the server's own to `+/p2p/{clientId}`, and what is published to such a topic goes to that
// filter and no other. docs/adr/0032-point-to-point.md

// For whom a topic is; nothing: it is an ordinary one.
[[nodiscard]] std::optional<std::string_view> addressee_of(std::string_view topic);
// The filter of a client's mail; nothing: nobody can write its id into a topic.
[[nodiscard]] std::optional<std::string> mail_filter_of(std::string_view client_id);
// Whose mail a filter is.
[[nodiscard]] std::optional<std::string_view> owner_of_mail_filter(std::string_view filter);

}  // namespace sluice::broker
