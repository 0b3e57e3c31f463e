#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mqtt/packet.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// The messages of a run as they go to many clients: encoded when the first of them wants a form,
// copied to all others.
//
// Threads: its worker's own.
class WireForms {
 public:
  // So much of a run stays in the processor's nearest caches while it is copied to each client.
  static constexpr std::size_t kMostMessages = 64;
  static constexpr std::size_t kMostBytes = 32 << 10;

  struct Form {
    std::string_view bytes;        // a whole PUBLISH; none: it is to be encoded for each client
    std::size_t packet_id_at = 0;  // where in it the packet id stands; 0 with QoS 0
  };

  // Forgets the last run; the next one has the messages from `first` to before `end`.
  void begin(const store::Batch& batch, std::size_t first, std::size_t end);
  // Of a message of the run. Views are good until the next call.
  [[nodiscard]] Form of(std::size_t index, mqtt::Version version, mqtt::Qos qos, bool retain) {
    const auto& variant = encoded(index + 1, version, qos, retain);
    const std::size_t at = index - first_;
    const std::size_t begin = at == 0 ? 0 : variant.places[at - 1].end;
    const auto& place = variant.places[at];
    return {std::string_view(variant.bytes).substr(begin, place.end - begin), place.packet_id_at};
  }
  // Of all messages of the run, one behind the other, with QoS 0 and without RETAIN; empty where
  // one is to be encoded for each client.
  [[nodiscard]] std::string_view whole_run(mqtt::Version version) {
    const auto& variant = encoded(end_, version, mqtt::Qos::AtMostOnce, false);
    return variant.is_complete ? std::string_view(variant.bytes) : std::string_view();
  }

 private:
  struct Variant {
    struct Place {
      std::size_t end = 0;  // of its bytes; they begin where those of the message before end
      std::size_t packet_id_at = 0;
    };
    std::string bytes;
    std::vector<Place> places;
    bool is_complete = true;  // none is left to be encoded for each client
  };
  // With all messages before `end`.
  [[nodiscard]] const Variant& encoded(std::size_t end, mqtt::Version version, mqtt::Qos qos,
                                       bool retain) {
    const std::size_t number = (version == mqtt::Version::V5 ? 6U : 0U) +
                               2 * static_cast<std::size_t>(qos) + (retain ? 1U : 0U);
    auto& variant = variants_[number];
    if (variant.places.size() < end - first_) {
      used_ |= 1U << number;
      while (variant.places.size() < end - first_)
        add(variant, batch_->message(first_ + variant.places.size()), version, qos, retain);
    }
    return variant;
  }
  static void add(Variant& variant, const model::Message& message, mqtt::Version version,
                  mqtt::Qos qos, bool retain);

  const store::Batch* batch_ = nullptr;
  std::size_t first_ = 0;
  std::size_t end_ = 0;
  std::array<Variant, 12> variants_;  // two kinds of version, three QoS, RETAIN or not
  std::uint32_t used_ = 0;            // bit i: variants_[i] has something
};

}  // namespace sluice::broker
