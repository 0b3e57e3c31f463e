// Whatever the bytes, a PROXY header ends with the same state, the same client and the same place
// however it is cut into reads; a client that it names is an address, and what follows the header
// stays where it is.
//
// The first byte of the input says how the rest is cut.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>

#include "base/check.hpp"
#include "net/proxy_header.hpp"

namespace sluice::net {
namespace {

struct Outcome {
  ProxyHeader::State state = ProxyHeader::State::Waiting;
  std::string client;
  std::size_t taken = 0;

  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view bytes, std::size_t piece) {
  ProxyHeader header;
  Outcome outcome;
  while (outcome.taken < bytes.size() && header.state() == ProxyHeader::State::Waiting) {
    const auto part = bytes.substr(outcome.taken, piece);
    // A copy of exactly this size: reading past it is seen.
    const std::unique_ptr<char[]> copy(new char[part.size()]);
    std::copy(part.begin(), part.end(), copy.get());
    const auto size = header.take({copy.get(), part.size()});
    SL_CHECK(size <= part.size());
    SL_CHECK(size == part.size() || header.state() != ProxyHeader::State::Waiting);
    outcome.taken += size;
  }
  SL_CHECK(header.take({}) == 0);
  outcome.state = header.state();
  outcome.client = header.client();
  return outcome;
}

}  // namespace
}  // namespace sluice::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::net;
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(bytes, bytes.size());
  SL_CHECK(whole == read(bytes, 1 + data[0] % 64));
  if (whole.state == ProxyHeader::State::Done && !whole.client.empty()) {
    boost::system::error_code error;
    (void)boost::asio::ip::make_address(whole.client, error);
    SL_CHECK(!error);
  }
  return 0;
}
