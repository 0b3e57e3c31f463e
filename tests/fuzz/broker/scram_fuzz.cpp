// Whatever a client says in a SCRAM exchange: nobody comes in who does not know the password, a
// name that is taken is text, and what is stored reads back as it was written.
//
// The input is what the client says first, a zero byte, and what it says last; or, where it begins
// as one, what is stored of a password.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "broker/access/scram.hpp"
#include "mqtt/topic.hpp"

namespace {

using namespace sluice::broker;  // a fuzzer has no other names

constexpr std::string_view kStored = "SCRAM-SHA-256$";

const ScramVerifier& verifier() {
  static const ScramVerifier kMade = scram_verifier("a password of nobody", "0123456789abcdef", 1);
  return kMade;
}

void check_stored(std::string_view text) {
  const auto found = scram_from_text(text);
  if (!found) return;
  const auto again = scram_from_text(to_text(*found));
  SL_CHECK(again && *again == *found);
}

void check_exchange(std::string_view first, std::string_view last) {
  ScramExchange exchange("ours");
  const auto name = exchange.read_first(first);
  if (!name) return;
  SL_CHECK(!name->empty() && sluice::mqtt::is_valid_utf8(*name));
  const auto challenge = exchange.challenge(verifier());
  SL_CHECK(challenge.starts_with("r=") && challenge.find("ours,s=") != std::string::npos);
  SL_CHECK(!exchange.check_final(verifier(), last));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with(kStored)) {
    check_stored(input);
    return 0;
  }
  const auto zero = input.find('\0');
  check_exchange(input.substr(0, zero),
                 zero == std::string_view::npos ? "" : input.substr(zero + 1));
  return 0;
}
