#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/memory_bounds.hpp"
#include "mqtt/properties.hpp"

namespace sluice::broker {

// What CONNECT said of its client beside what the server acts on, kept with the connection for
// whoever looks at it. MQTT 5.0 §3.1.2.11. Without what proves who the client is: that is a secret.
//
// Owns:    its part of the bound on sessions.
// Threads: its worker's own.
class ConnectProperties {
 public:
  // Null: there are none. Of user properties the first ones, as many as kConnectPropertyBytes have
  // room for.
  [[nodiscard]] static std::unique_ptr<ConnectProperties> of(const mqtt::Properties& properties);

  // The client is one of ours: from now on what is kept counts for `bound`. Where that has no room,
  // user properties are left out.
  void count_for(MemoryBound& bound, std::uint64_t most);

  // By the standard's names; `user_properties_left_out` where not all were kept.
  [[nodiscard]] boost::json::object shown() const;

 private:
  [[nodiscard]] std::size_t user_bytes() const { return encoded_.size() - others_bytes_; }

  // As they stood in the packet, user properties last. The others are numbers: usual ones fit into
  // the string itself, and a connection that says nothing has to stay small.
  std::string encoded_;
  std::uint16_t others_bytes_ = 0;
  bool lacks_user_properties_ = false;
  std::shared_ptr<const void> memory_;  // of user properties
};

// `[{"name", "value"}]`, in their order. Contract: `encoded` is of a checked section.
[[nodiscard]] boost::json::array shown_user_properties(std::string_view encoded);

}  // namespace sluice::broker
