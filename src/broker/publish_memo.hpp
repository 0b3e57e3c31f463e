#pragma once
#include <string>
#include <string_view>

#include "broker/access_control.hpp"
#include "mqtt/packet.hpp"

namespace sluice::broker {

// The last decision on a PUBLISH: one read mostly brings several of one client on one topic. Rights
// are immutable, and these are held, so that others can never be taken for them.
//
// Threads: the worker's own only.
class PublishMemo {
 public:
  [[nodiscard]] bool may_publish(const PermissionsPtr& permissions, std::string_view topic,
                                 mqtt::Qos qos, bool retain) {
    if (permissions == permissions_ && qos == qos_ && retain == retain_ && topic == topic_)
      return allowed_;
    const bool allowed = permissions->may_publish(topic, qos, retain);
    if (topic.size() > kLongestTopic) return allowed;
    permissions_ = permissions;
    topic_ = topic;
    qos_ = qos;
    retain_ = retain;
    allowed_ = allowed;
    return allowed;
  }

 private:
  static constexpr std::size_t kLongestTopic = 256;

  PermissionsPtr permissions_;
  std::string topic_;
  mqtt::Qos qos_ = mqtt::Qos::AtMostOnce;
  bool retain_ = false;
  bool allowed_ = false;
};

}  // namespace sluice::broker
