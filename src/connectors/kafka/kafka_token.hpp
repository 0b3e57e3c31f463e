#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "io/tls_probe.hpp"

namespace sluice::connectors::kafka {

// Where a client asks for the tokens of SASL OAUTHBEARER, and as whom: client credentials, RFC 6749
// §4.4.
struct TokenEndpoint {
  std::string url;
  std::string client_id;
  std::string secret;
  std::string scope;  // empty: whatever the endpoint gives
  io::TlsIdentity identity;
};

struct Token {
  std::string value;
  std::int64_t expires_ms = 0;  // since 1970
};

// Asks for one; blocks for some seconds at most. Under the address rule of HTTP.
// Errors: a sentence for whoever looks after the connection, without the secret.
[[nodiscard]] Result<Token> fetch_token(const TokenEndpoint& endpoint, std::int64_t now_ms);

// The token in an answer; how long it is good for says `expires_in`, else the token itself when it
// is a JWT, else five minutes are assumed.
[[nodiscard]] Result<Token> token_in(std::string_view answer, std::int64_t now_ms);

}  // namespace sluice::connectors::kafka
