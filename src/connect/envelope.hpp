#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "model/message.hpp"

namespace sluice::connect {

struct EnvelopeContext {
  std::string_view worker;  // tbmqIeNode
  std::string_view node;    // tbmqNode
  std::span<const std::pair<std::string, std::string>> metadata;
};

// The message as TBMQ's integrations write it: its fields, in its order, so that what reads TBMQ's
// topics reads ours. `props` holds the last of a repeated user property, as there; `props_all`, our
// addition at the end, every one in order.
void append_envelope(std::string& out, const model::Message& message,
                     const EnvelopeContext& context);

}  // namespace sluice::connect
