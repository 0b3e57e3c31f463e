#include "admin/login_sessions.hpp"

#include "broker/access/secrets.hpp"

namespace sluice::admin {
namespace {

constexpr std::size_t kTokenBytes = 32;

std::string hash_of(std::string_view token) {
  return broker::to_hex(broker::sha256(token));
}

}  // namespace

LoginSessions::Opened LoginSessions::open(const Account& account) {
  const auto lifetime = std::chrono::duration_cast<std::chrono::milliseconds>(kLifetime);
  return {.token = add({.owner = {.account_id = account.id, .revision = account.revision},
                        .ends = clock_.steady() + kLifetime}),
          .expires_ms = clock_.wall_ms() + lifetime.count()};
}

std::string LoginSessions::open_local() {
  return add({.owner = {}, .ends = std::nullopt});
}

std::string LoginSessions::add(Session session) {
  const auto token = broker::random_hex(kTokenBytes);
  const auto now = clock_.steady();
  sessions_.with([&](Sessions& sessions) {
    std::erase_if(sessions, [&](const auto& entry) {
      return entry.second.ends && *entry.second.ends <= now;
    });
    if (sessions.size() >= kMaximum) {
      auto first = sessions.end();
      for (auto it = sessions.begin(); it != sessions.end(); ++it) {
        if (!it->second.ends) continue;
        if (first == sessions.end() || *it->second.ends < *first->second.ends) first = it;
      }
      if (first != sessions.end()) sessions.erase(first);
    }
    sessions.insert_or_assign(hash_of(token), std::move(session));
  });
  return token;
}

std::optional<LoginSessions::Owner> LoginSessions::owner_of(std::string_view token) {
  if (token.size() != 2 * kTokenBytes) return std::nullopt;
  const auto hash = hash_of(token);
  const auto now = clock_.steady();
  return sessions_.with([&](Sessions& sessions) -> std::optional<Owner> {
    const auto found = sessions.find(hash);
    if (found == sessions.end()) return std::nullopt;
    if (found->second.ends && *found->second.ends <= now) {
      sessions.erase(found);
      return std::nullopt;
    }
    return found->second.owner;
  });
}

std::map<LoginSessions::Owner, std::size_t> LoginSessions::counts() const {
  const auto now = clock_.steady();
  std::map<Owner, std::size_t> found;
  sessions_.with([&](const Sessions& sessions) {
    for (const auto& [hash, session] : sessions)
      if (!session.ends || *session.ends > now) ++found[session.owner];
  });
  return found;
}

bool LoginSessions::close(std::string_view token) {
  return sessions_.with([&](Sessions& sessions) {
    const auto found = sessions.find(hash_of(token));
    if (found == sessions.end()) return true;
    if (!found->second.ends) return false;
    sessions.erase(found);
    return true;
  });
}

}  // namespace sluice::admin
