#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include "mqtt/packet.hpp"

namespace sluice::broker {

class ClientConnection;

// PUBACKs and PUBRECs that wait for the disk, in the order of their publishes. The connections stay
// alive as long as they are named here; neighbours are mostly of one connection and share that.
class Answers {
 public:
  struct Answer {
    ClientConnection* connection = nullptr;
    mqtt::PacketType type = mqtt::PacketType::Puback;
    mqtt::ReasonCode reason = mqtt::ReasonCode::Success;
    std::uint16_t packet_id = 0;
  };

  void add(const Answer& answer);
  void append(Answers more) {
    list_.insert(list_.end(), more.list_.begin(), more.list_.end());
    kept_.insert(kept_.end(), std::make_move_iterator(more.kept_.begin()),
                 std::make_move_iterator(more.kept_.end()));
  }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  [[nodiscard]] std::size_t size() const { return list_.size(); }
  [[nodiscard]] auto begin() const { return list_.begin(); }
  [[nodiscard]] auto end() const { return list_.end(); }

 private:
  std::vector<Answer> list_;
  std::vector<std::shared_ptr<ClientConnection>> kept_;
};

}  // namespace sluice::broker
