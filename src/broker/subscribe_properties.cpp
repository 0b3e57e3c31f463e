// User properties of SUBSCRIBE: kept with the session for whoever wants to know why a client is
// subscribed to something. Nothing else comes of them.
#include "broker/subscribe_properties.hpp"

#include <utility>

#include "broker/broker.hpp"
#include "broker/limits.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

using mqtt::PropertyId;

SubscribeProperties properties_of(const mqtt::Properties& properties) {
  SubscribeProperties kept;
  kept.identifier = properties.number(PropertyId::SubscriptionIdentifier).value_or(0);
  std::string user;
  for (const auto& property : properties) {
    if (property.id != PropertyId::UserProperty || property.name == kWhereProperty) continue;
    if (user.size() + property.encoded.size() > kSubscribePropertyBytes) {
      kept.lacks_properties = true;
      break;
    }
    user.append(property.encoded);
  }
  if (!user.empty()) kept.user_properties = std::make_shared<const std::string>(std::move(user));
  return kept;
}

UserPropertiesPtr Session::user_properties_of(std::string_view name) const {
  if (!rare_) return nullptr;
  const auto it = rare_->user_properties.find(name);
  return it == rare_->user_properties.end() ? nullptr : it->second;
}

// Those that they replace make room. A name stands beside them once more, so it counts, too.
bool Session::has_room_for_properties(std::string_view name, const std::string& properties) const {
  const auto before = user_properties_of(name);
  const auto replaced = before ? name.size() + before->size() : 0;
  const auto kept = (rare_ ? rare_->property_bytes : 0) - replaced;
  const auto wanted = name.size() + properties.size();
  if (kept + wanted > kSessionPropertyBytes) return false;
  auto& broker = worker_.broker();
  return wanted <= replaced ||
         broker.memory().sessions->has_room_for(wanted - replaced, broker.limits().sessions_bytes);
}

void Session::keep_user_properties(std::string_view name, UserPropertiesPtr properties) {
  if (!properties && !rare_) return;
  auto& memory = *worker_.broker().memory().sessions;
  auto& kept = rare().user_properties;
  if (const auto it = kept.find(name); it != kept.end()) {
    const auto bytes = name.size() + it->second->size();
    memory.take_away(bytes);
    rare_->property_bytes -= static_cast<std::uint32_t>(bytes);
    kept.erase(it);
  }
  if (properties) {
    const auto bytes = name.size() + properties->size();
    memory.add(bytes);
    rare_->property_bytes += static_cast<std::uint32_t>(bytes);
    kept.emplace(name, std::move(properties));
  }
  drop_rare_if_empty();
}

}  // namespace sluice::broker
