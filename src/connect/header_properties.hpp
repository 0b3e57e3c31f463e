#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "mqtt/properties.hpp"

namespace sluice::connect {

// The way back of interface.md §5: headers as the properties that they were made of. A header that
// can be no property is left out; of a property that stands in a packet once the first one counts.
//
// Threads: one at a time.
class HeaderProperties {
 public:
  // Appends to `out`; `payload` is that of the message.
  HeaderProperties(std::string& out, std::string_view payload) : writer_(out), payload_(payload) {}

  void add(std::string_view name, std::string_view value);

 private:
  void add_reserved(std::string_view name, std::string_view value);
  [[nodiscard]] bool is_first(mqtt::PropertyId id);

  mqtt::PropertyWriter writer_;
  std::string_view payload_;
  std::uint64_t seen_ = 0;
};

}  // namespace sluice::connect
