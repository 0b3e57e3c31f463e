#include "broker/point_to_point.hpp"

namespace sluice::broker {

namespace {
constexpr std::string_view kMailLevels = "/p2p/";
constexpr std::string_view kMailFilter = "+/p2p/";
}  // namespace

std::optional<std::string_view> addressee_of(std::string_view topic) {
  const auto slash = topic.find('/');
  if (slash == std::string_view::npos || !topic.substr(slash).starts_with(kMailLevels) ||
      topic.starts_with('$'))
    return std::nullopt;
  const auto client_id = topic.substr(slash + kMailLevels.size());
  if (client_id.empty() || client_id.find('/') != std::string_view::npos) return std::nullopt;
  return client_id;
}

std::optional<std::string> mail_filter_of(std::string_view client_id) {
  if (client_id.empty() || client_id.find_first_of("/+#") != std::string_view::npos)
    return std::nullopt;
  return std::string(kMailFilter).append(client_id);
}

std::optional<std::string_view> owner_of_mail_filter(std::string_view filter) {
  if (!filter.starts_with(kMailFilter)) return std::nullopt;
  const auto client_id = filter.substr(kMailFilter.size());
  if (client_id.empty() || client_id.find_first_of("/+#") != std::string_view::npos)
    return std::nullopt;
  return client_id;
}

}  // namespace sluice::broker
