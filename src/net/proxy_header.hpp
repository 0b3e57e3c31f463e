#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::net {

// What a proxy says, before all else, about the client whom it passes on: the PROXY protocol,
// versions 1 and 2. Only where the listener knows the proxy: anybody can write such a line.
//
// Fails: state() is Refused when the first bytes are no such header.
class ProxyHeader {
 public:
  enum class State : std::uint8_t { Waiting, Done, Refused };

  // Takes what belongs to the header from the front of `bytes`; returns how much that is.
  [[nodiscard]] std::size_t take(std::string_view bytes);

  [[nodiscard]] State state() const { return state_; }
  // Once Done: the client's address. Empty: the proxy speaks for itself, or does not know.
  [[nodiscard]] const std::string& client() const { return client_; }

 private:
  static constexpr std::size_t kHead = 16;           // of version 2
  static constexpr std::size_t kMostAddresses = 36;  // two of IPv6 with their ports
  static constexpr std::size_t kMostLine = 107;      // of version 1, with its end

  void look();
  void read_line();
  void read_head();
  void read_addresses();

  State state_ = State::Waiting;
  std::string text_;         // what there is of it
  std::size_t end_ = 0;      // of what is read of version 2; 0: not known yet
  std::size_t extras_ = 0;   // how much follows that end
  std::size_t skipped_ = 0;  // of that, what is still to come
  std::string client_;
};

}  // namespace sluice::net
