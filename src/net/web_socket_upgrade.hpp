#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "broker/limits.hpp"

namespace sluice::net {

// What a listener says about WebSocket.
struct WebSocketServing {
  std::string path = "/mqtt";
  // Pages that may connect: `https://app.example.org`, or `*` for all.
  std::vector<std::string> origins = {};
  bool is_encrypted = false;  // a certificate vouches for the name under which a page came here
};

// The answer to the request with which a WebSocket begins. RFC 6455 4.2
struct UpgradeAnswer {
  bool is_accepted = false;
  std::string response;  // all of it, in HTTP
  std::string reason;    // of a refusal, for the log
};

using broker::kMaximumUpgrade;  // longer requests are refused

// `request`: up to and with the empty line.
[[nodiscard]] UpgradeAnswer answer_upgrade(std::string_view request,
                                           const WebSocketServing& serving);
// What is answered to a request that cannot become one: it has no end within kMaximumUpgrade, or is
// no HTTP at all.
[[nodiscard]] UpgradeAnswer refuse_long_upgrade();
[[nodiscard]] UpgradeAnswer refuse_other_protocol();

}  // namespace sluice::net
