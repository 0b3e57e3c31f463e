// Logins without an authentication method of MQTT: the ways that the settings name, in their order.
#include <algorithm>

#include "base/peer.hpp"
#include "broker/access/password_hash.hpp"
#include "broker/access/state.hpp"

namespace sluice::broker {

using mqtt::ReasonCode;

void AccessControl::authenticate(const Client& client, std::optional<std::string> password,
                                 std::function<void(LoginAnswer)> done) {
  if (!enabled()) return done({.reason = ReasonCode::Success});
  const auto attempt = std::make_shared<State::Attempt>(
      State::Attempt{.client = client,
                     .peer = peer_of(client.host),
                     .has_password = password.has_value(),
                     .password = std::move(password).value_or(std::string()),
                     .done = std::move(done)});
  auto& state = *state_;
  if (client.is_certified) {
    return state.answer(
        *attempt, {.reason = user_exists(client.username) ? ReasonCode::Success
                                                          : ReasonCode::BadUserNameOrPassword});
  }
  // REST takes the passwords of stored users alone.
  const bool users_alone = client.listener.text() == kAdministration ||
                           (state.options.methods.size() == 1 && has_users());
  if (users_alone) return state.ask_users(attempt);
  if (!attempt->has_password)
    return state.answer(*attempt, {.reason = ReasonCode::BadUserNameOrPassword});
  state.submit(attempt, [&state, attempt] { state.ask_next(attempt); });
}

bool AccessControl::is_credential(std::string_view username) const {
  return std::ranges::any_of(state_->options.methods, [&](const auto& method) {
    return method != nullptr && method->is_secret(username);
  });
}

bool AccessControl::has_users() const {
  return state_->has_users();
}

bool AccessControl::user_may_exist(std::string_view username) const {
  const auto& methods = state_->options.methods;
  return user_exists(username) ||
         std::ranges::any_of(methods, [](const auto& method) { return method != nullptr; });
}

bool AccessControl::State::has_users() const {
  return std::ranges::find(options.methods, nullptr) != options.methods.end();
}

UserPtr AccessControl::State::user_named(std::string_view username) const {
  const auto all = all_users();
  const auto found = all->find(username);
  return found == all->end() ? nullptr : found->second;
}

void AccessControl::State::answer(const Attempt& attempt, const LoginAnswer& said) {
  if (mqtt::is_error(said.reason)) note_refusal(attempt.client, attempt.peer, said);
  attempt.done(said);
}

void AccessControl::State::submit(const std::shared_ptr<Attempt>& attempt,
                                  std::function<void()> check) {
  switch (pool.submit(attempt->peer, std::move(check))) {
    case PasswordPool::Admission::Taken:
      return;
    case PasswordPool::Admission::PeerFull:
      return answer(*attempt, {.reason = ReasonCode::QuotaExceeded});
    case PasswordPool::Admission::Full:
      return answer(*attempt, {.reason = ReasonCode::ServerBusy});
  }
}

void AccessControl::State::ask_users(const std::shared_ptr<Attempt>& attempt) {
  const auto& client = attempt->client;
  if (!client.has_username || !attempt->has_password || !has_users() ||
      attempt->password.size() > kMaximumPasswordBytes)
    return answer(*attempt, {.reason = ReasonCode::BadUserNameOrPassword});
  const auto user = user_named(client.username);
  const auto login = login_of(user.get(), client.username, attempt->password);
  if (const auto known = remembered(login)) {
    if (*known) guard.succeeded(attempt->peer, client.username);
    return answer(*attempt,
                  {.reason = *known ? ReasonCode::Success : ReasonCode::BadUserNameOrPassword});
  }
  if (guard.holds_back(attempt->peer, client.username))
    return answer(*attempt, {.reason = ReasonCode::ConnectionRateExceeded});
  submit(attempt, [this, user, login, attempt] {
    answer(*attempt, {.reason = check_password(user, login, *attempt)});
  });
}

void AccessControl::State::ask_next(const std::shared_ptr<Attempt>& attempt) {
  const auto& client = attempt->client;
  const bool may_be_users =
      client.has_username && attempt->password.size() <= kMaximumPasswordBytes;
  while (attempt->next < options.methods.size()) {
    const auto& method = options.methods[attempt->next++];
    if (method == nullptr && may_be_users) {
      const auto user = user_named(client.username);
      const auto login = login_of(user.get(), client.username, attempt->password);
      if (user) return answer(*attempt, {.reason = check_password(user, login, *attempt)});
      attempt->is_nobody = true;
    }
    if (method != nullptr && method->takes(attempt->password)) return ask_method(*method, attempt);
  }
  if (!attempt->is_nobody) return answer(*attempt, {.reason = ReasonCode::BadUserNameOrPassword});
  const auto login = login_of(nullptr, client.username, attempt->password);
  answer(*attempt, {.reason = check_password(nullptr, login, *attempt)});
}

// As with passwords: what was shown before, right or wrong, is looked at whoever guesses at the
// same address, and counts as a guess once. So is a token, as nobody guesses a signature: of those
// that come while their address is held back the right ones pass.
void AccessControl::State::ask_method(Authenticator& method,
                                      const std::shared_ptr<Attempt>& attempt) {
  // A token is the same one whatever name comes with it.
  attempt->is_token = method.is_secret(attempt->password);
  const auto login = login_of(method, attempt->guessed(), attempt->password);
  const bool is_known = remembered(login).has_value();
  attempt->is_held_back = !is_known && guard.begin(attempt->peer, attempt->guessed());
  if (attempt->is_held_back && !attempt->is_token)
    return answer(*attempt, {.reason = ReasonCode::ConnectionRateExceeded});
  method.ask(attempt->client, attempt->password,
             [this, attempt, login, is_known](const std::optional<LoginAnswer>& said) {
               if (attempt->is_held_back && (!said || mqtt::is_error(said->reason)))
                 return answer(*attempt, {.reason = ReasonCode::ConnectionRateExceeded});
               if (said) return take_answer(attempt, login, is_known, *said);
               // Hashing is for the pool's threads, which are few.
               submit(attempt, [this, attempt] { ask_next(attempt); });
             });
}

void AccessControl::State::take_answer(const std::shared_ptr<Attempt>& attempt, const Digest& login,
                                       bool is_known, const LoginAnswer& said) {
  const bool is_right = !mqtt::is_error(said.reason);
  const bool is_news = !is_known && (is_right || said.is_guess);
  if (is_news) logins.with([&](LoginCache& cache) { cache.remember(login, is_right); });
  if (is_news && !is_right) guard.failed(attempt->peer, attempt->guessed());
  if (is_right) guard.succeeded(attempt->peer, attempt->guessed());
  if (is_right || !attempt->is_nobody) return answer(*attempt, said);
  // Who is refused does not learn from the time whether there is a user of that name.
  submit(attempt, [this, attempt, said] {
    (void)verify_password(attempt->password, nobodys_hash());
    answer(*attempt, said);
  });
}

}  // namespace sluice::broker
