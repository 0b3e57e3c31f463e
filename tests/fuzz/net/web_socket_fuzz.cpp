// Whatever the bytes, a WebSocket ends with the same state, the same stream for MQTT and the same
// answers however they are cut into reads; it carries no more than it was given, and answers no
// more than one response and a pong for each ping.
//
// The first byte of the input says whether the request stands in it or a good one went before; the
// second how the rest is cut.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "net/web_socket.hpp"

namespace sluice::net {
namespace {

constexpr std::string_view kRequest =
    "GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
constexpr std::size_t kMostResponse = 512;

struct Outcome {
  WebSocket::State state = WebSocket::State::Upgrade;
  std::string carried;
  std::string answer;

  bool operator==(const Outcome&) const = default;
};

Outcome run(std::string_view bytes, bool is_open, std::size_t piece) {
  static const auto kServing = std::make_shared<const WebSocketServing>();
  WebSocket socket(kServing);
  Outcome outcome;
  const auto take = [&](std::string_view part) {
    // A copy of exactly this size: reading past it is seen.
    const std::unique_ptr<char[]> copy(new char[part.size()]);
    std::copy(part.begin(), part.end(), copy.get());
    const auto size = socket.take({copy.get(), part.size()}, outcome.answer);
    SL_CHECK(size <= part.size());
    outcome.carried.append(copy.get(), size);
  };
  if (is_open) take(kRequest);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    take(bytes.substr(0, piece));
  socket.finish(outcome.answer);
  outcome.state = socket.state();
  return outcome;
}

}  // namespace
}  // namespace sluice::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::net;
  if (size < 2) return 0;
  const bool is_open = (data[0] & 1) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto whole = run(bytes, is_open, std::max<std::size_t>(bytes.size(), 1));
  SL_CHECK(whole == run(bytes, is_open, 1 + data[1]));
  SL_CHECK(whole.carried.size() <= bytes.size());
  SL_CHECK(whole.answer.size() <= kMostResponse + bytes.size());
  return 0;
}
