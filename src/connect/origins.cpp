#include "connect/origins.hpp"

#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

constexpr char kOutward = '>';

}  // namespace

std::string outward_origin(std::string_view task_id) {
  return kOutward + std::string(task_id);
}

std::string_view origins_of(const model::Message& message) {
  std::string_view found;
  const auto properties = mqtt::Properties::from_checked(message.properties);
  for (auto it = properties.begin(); it != properties.end(); ++it) {
    if (it->id == mqtt::PropertyId::UserProperty && it->name == kOrigins) found = it->text;
  }
  return found;
}

bool circles(std::string_view origins, std::string_view own, std::size_t maximum_hops) {
  std::size_t count = 0;
  while (!origins.empty()) {
    const auto comma = origins.find(',');
    const auto origin = origins.substr(0, comma);
    if (origin == own) return true;
    if (maximum_hops != 0 && !origin.starts_with(kOutward) && ++count >= maximum_hops) return true;
    origins = comma == std::string_view::npos ? std::string_view() : origins.substr(comma + 1);
  }
  return false;
}

}  // namespace sluice::connect
