// What the session of a source has at an outside server, as it is kept here: that server cannot be
// asked.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace sluice::connectors::bridge {

struct SessionNote {
  std::string server, client_id;
  std::vector<std::string> subscriptions;  // perhaps; never one less

  [[nodiscard]] std::string to_text() const;
  // Of a text that cannot be understood nothing is known.
  [[nodiscard]] static SessionNote from_text(std::string_view text);

  friend bool operator==(const SessionNote&, const SessionNote&) = default;
};

// The filter of a subscription, without the group before it.
[[nodiscard]] std::string_view filter_of(std::string_view subscription);

// Ends the session of a task that is no more, so that nothing gathers there. Blocks for some
// seconds at most; what came of it is in the log.
void end_session(const boost::json::object& connection, std::string_view note);

}  // namespace sluice::connectors::bridge
