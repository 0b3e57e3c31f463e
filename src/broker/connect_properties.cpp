#include "broker/connect_properties.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include "broker/limits.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using mqtt::PropertyId;

// None: it is not shown. Text in `authentication_method` alone.
std::string_view name_of(PropertyId id) {
  switch (id) {
    case PropertyId::SessionExpiryInterval:
      return "session_expiry_interval";
    case PropertyId::ReceiveMaximum:
      return "receive_maximum";
    case PropertyId::MaximumPacketSize:
      return "maximum_packet_size";
    case PropertyId::TopicAliasMaximum:
      return "topic_alias_maximum";
    case PropertyId::RequestResponseInformation:
      return "request_response_information";
    case PropertyId::RequestProblemInformation:
      return "request_problem_information";
    case PropertyId::AuthenticationMethod:
      return "authentication_method";
    default:
      return {};
  }
}

}  // namespace

std::unique_ptr<ConnectProperties> ConnectProperties::of(const mqtt::Properties& properties) {
  ConnectProperties kept;
  std::string user;
  for (const auto& property : properties) {
    if (property.id != PropertyId::UserProperty) {
      if (!name_of(property.id).empty()) kept.encoded_.append(property.encoded);
    } else if (!kept.lacks_user_properties_ &&
               user.size() + property.encoded.size() <= kConnectPropertyBytes) {
      user.append(property.encoded);
    } else {
      kept.lacks_user_properties_ = true;
    }
  }
  if (kept.encoded_.empty() && user.empty() && !kept.lacks_user_properties_) return nullptr;
  kept.others_bytes_ = static_cast<std::uint16_t>(kept.encoded_.size());
  kept.encoded_.append(user);
  kept.encoded_.shrink_to_fit();
  return std::make_unique<ConnectProperties>(std::move(kept));
}

void ConnectProperties::count_for(MemoryBound& bound, std::uint64_t most) {
  if (user_bytes() == 0) return;
  if (bound.has_room_for(user_bytes(), most)) {
    memory_ = bound.hold(user_bytes());
    return;
  }
  encoded_.resize(others_bytes_);
  encoded_.shrink_to_fit();
  lacks_user_properties_ = true;
}

json::object ConnectProperties::shown() const {
  json::object shown;
  const std::string_view encoded = encoded_;
  for (const auto& property : mqtt::Properties::from_checked(encoded.substr(0, others_bytes_))) {
    if (property.id == PropertyId::AuthenticationMethod)
      shown[name_of(property.id)] = property.text;
    else
      shown[name_of(property.id)] = property.number;
  }
  if (user_bytes() > 0)
    shown["user_properties"] = shown_user_properties(encoded.substr(others_bytes_));
  if (lacks_user_properties_) shown["user_properties_left_out"] = true;
  return shown;
}

json::array shown_user_properties(std::string_view encoded) {
  json::array shown;
  for (const auto& property : mqtt::Properties::from_checked(encoded))
    shown.push_back(json::object{{"name", property.name}, {"value", property.text}});
  return shown;
}

}  // namespace sluice::broker
