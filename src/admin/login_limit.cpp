#include "admin/login_limit.hpp"

#include <boost/asio/ip/address.hpp>

namespace sluice::admin {

std::string LoginLimit::address_key(std::string_view text) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(text, error);
  if (error || address.is_v4() || address.to_v6().is_v4_mapped()) return "a " + std::string(text);
  std::string key = "a ";
  const auto bytes = address.to_v6().to_bytes();
  for (std::size_t i = 0; i < 8; ++i) key.push_back(static_cast<char>(bytes[i]));
  return key;
}

std::string LoginLimit::user_key(std::string_view user) {
  return "u " + std::string(user.substr(0, 64));
}

bool LoginLimit::begin(std::string_view address, std::string_view user) {
  const auto now = clock_.steady();
  const auto by_address = address_key(address);
  const auto by_user = user_key(user);
  return state_.with([&](State& state) {
    auto& counts = state.counts;
    if (counts.size() >= kRemembered) {
      std::erase_if(counts, [&](const auto& entry) { return now - entry.second.since >= kWindow; });
    }
    if (state.running >= kAtOnce || counts.size() >= kRemembered) return false;
    for (const auto& key : {by_address, by_user}) {
      auto& count = counts[key];
      if (count.attempts == 0 || now - count.since >= kWindow)
        count = {.attempts = 0, .since = now};
    }
    if (counts[by_address].attempts >= kPerAddress) return false;
    if (counts[by_user].attempts >= kPerUser) return false;
    ++counts[by_address].attempts;
    ++counts[by_user].attempts;
    ++state.running;
    return true;
  });
}

void LoginLimit::finished(std::string_view address, std::string_view user, bool succeeded) {
  state_.with([&](State& state) {
    --state.running;
    if (!succeeded) return;
    for (const auto& key : {address_key(address), user_key(user)}) {
      const auto found = state.counts.find(key);
      if (found != state.counts.end() && --found->second.attempts <= 0) state.counts.erase(found);
    }
  });
}

}  // namespace sluice::admin
