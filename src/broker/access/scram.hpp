// SCRAM-SHA-256, the server's side of it: RFC 5802 with the hash of RFC 7677, without channel
// binding. Pure: no users, no clock, no randomness but what is given.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "broker/access/secrets.hpp"
#include "broker/limits.hpp"

namespace sluice::broker {

// What is kept of a password. Who has it can test guesses, and can play the server towards the
// client; who has only seen logins can test guesses.
struct ScramVerifier {
  std::string salt;
  std::uint32_t iterations = 0;
  Digest stored_key{};
  Digest server_key{};

  friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;
};

// RFC 7677 asks for at least 4,096 and for about 15,000 where clients are not very weak. Both sides
// may keep what comes of it, so it is paid once for a password, not for each login.
inline constexpr std::uint32_t kScramIterations = 15'000;
inline constexpr std::size_t kScramSaltBytes = 16;

// About 10 ms of one core: never on a loop.
[[nodiscard]] ScramVerifier scram_verifier(std::string_view password, std::string_view salt,
                                           std::uint32_t iterations);
[[nodiscard]] ScramVerifier scram_verifier(std::string_view password);  // with a salt of its own

// `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`, in base64.
[[nodiscard]] std::string to_text(const ScramVerifier& verifier);
[[nodiscard]] std::optional<ScramVerifier> scram_from_text(std::string_view text);

// One exchange.
//
//   client-first   n,,n=user,r=<nonce>                    read_first()
//   server-first   r=<nonce><ours>,s=<salt>,i=<count>     challenge()
//   client-final   c=biws,r=<nonce><ours>,p=<proof>       check_final()
//   server-final   v=<signature>
class ScramExchange {
 public:
  static constexpr std::size_t kMaximumMessage = kMaximumScramBytes;

  explicit ScramExchange(std::string nonce) : nonce_(std::move(nonce)) {}

  enum class Fault : std::uint8_t { Malformed, ChannelBinding, Wrong };
  [[nodiscard]] Result<std::string, Fault> read_first(std::string_view message);  // the user's name
  [[nodiscard]] std::string challenge(const ScramVerifier& verifier);
  // The last message. Takes the same time whatever is wrong with the proof.
  [[nodiscard]] Result<std::string, Fault> check_final(const ScramVerifier& verifier,
                                                       std::string_view message);

 private:
  std::string nonce_;         // ours, later the client's with ours
  std::string gs2_header_;    // as it came
  std::string client_first_;  // without it
  std::string server_first_;
};

}  // namespace sluice::broker
