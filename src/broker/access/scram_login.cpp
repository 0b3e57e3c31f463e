// SCRAM-SHA-256 over the users that are stored.
#include <boost/json/serialize.hpp>

#include "base/base64.hpp"
#include "base/log.hpp"
#include "base/peer.hpp"
#include "broker/access/password_hash.hpp"
#include "broker/access/state.hpp"

namespace sluice::broker {
namespace {

using mqtt::ReasonCode;

constexpr std::size_t kNonceBytes = 18;

ReasonCode reason_of(ScramExchange::Fault fault) {
  switch (fault) {
    case ScramExchange::Fault::Malformed:
      return ReasonCode::ProtocolError;
    case ScramExchange::Fault::ChannelBinding:
      return ReasonCode::BadAuthenticationMethod;
    case ScramExchange::Fault::Wrong:
      break;
  }
  return ReasonCode::BadUserNameOrPassword;
}

}  // namespace

// A user that does not exist, or has no verifier, is asked like any other and fails at the end. Its
// salt is always the same, also after a restart: nobody learns from it which users there are.
class AccessControl::ScramLogin final : public LoginExchange {
 public:
  ScramLogin(State& state, Client client)
      : state_(state), client_(std::move(client)), peer_(peer_of(client_.host)) {}

  Answer next(std::string_view data) override {
    auto answer = is_asked_ ? check(data) : ask(data);
    if (mqtt::is_error(answer.reason))
      state_.note_refusal(client_, peer_, {.reason = answer.reason});
    return answer;
  }
  [[nodiscard]] const std::string& username() const override { return client_.username; }

 private:
  Answer ask(std::string_view data) {
    if (state_.guard.holds_back(peer_)) return {ReasonCode::ConnectionRateExceeded, {}};
    auto name = exchange_.read_first(data);
    if (!name) return {reason_of(name.error()), {}};
    client_.username = *std::move(name);
    client_.has_username = true;
    if (state_.guard.holds_back(peer_, client_.username))
      return {ReasonCode::ConnectionRateExceeded, {}};
    const auto user = state_.user_named(client_.username);
    verifier_ = state_.nobodys_verifier(client_.username);  // made for all, for the same time
    if (user && user->scram) {
      verifier_ = *user->scram;
      revision_ = user->revision;
    }
    is_asked_ = true;
    return {ReasonCode::ContinueAuthentication, exchange_.challenge(verifier_)};
  }

  Answer check(std::string_view data) {
    if (state_.guard.begin(peer_, client_.username))
      return {ReasonCode::ConnectionRateExceeded, {}};
    auto proof = exchange_.check_final(verifier_, data);
    const auto user = state_.user_named(client_.username);
    // Deleted, or made anew, since it was asked.
    if (proof && (!user || user->revision != revision_))
      proof = tl::unexpected(ScramExchange::Fault::Wrong);
    if (proof) {
      state_.guard.succeeded(peer_, client_.username);
      return {ReasonCode::Success, *std::move(proof)};
    }
    if (proof.error() == ScramExchange::Fault::Wrong) state_.guard.failed(peer_, client_.username);
    return {reason_of(proof.error()), {}};
  }

  State& state_;
  Client client_;
  const std::string peer_;
  ScramExchange exchange_{base64(random_bytes(kNonceBytes))};
  ScramVerifier verifier_;
  std::uint64_t revision_ = 0;
  bool is_asked_ = false;
};

std::unique_ptr<LoginExchange> AccessControl::begin_login(const Client& client) {
  return std::make_unique<ScramLogin>(*state_, client);
}

ScramVerifier AccessControl::State::nobodys_verifier(std::string_view username) const {
  const auto part = [&](std::string_view what) {
    return keyed_digest(salts_key, std::string(what) + std::string(username));
  };
  const auto salt = part("salt ");
  return {.salt = std::string(reinterpret_cast<const char*>(salt.data()), kScramSaltBytes),
          .iterations = kScramIterations,
          .stored_key = part("stored key "),
          .server_key = part("server key ")};
}

Result<void> AccessControl::State::load_salts_key() {
  SL_TRY(stored, store.get(store::StateKind::Document, kSaltsKey));
  if (stored) {
    auto key = from_hex(*stored);
    if (!key || key->empty()) return fail(Errc::Corrupt, "the stored document of salts is damaged");
    salts_key = *std::move(key);
    return {};
  }
  const auto batch = store.new_batch();
  batch->put(store::StateKind::Document, kSaltsKey, to_hex(salts_key));
  // Where nothing can be written, the start says so elsewhere; the key is a new one next time.
  (void)store.append(batch);
  return {};
}

// Stored by a version that did not know SCRAM: now that the password is known to be right.
void AccessControl::State::add_verifier(const UserPtr& user, std::string_view password) {
  const auto verifier = scram_verifier(password);
  const std::scoped_lock lock(changing);
  const auto old = all_users();
  const std::string name(user->document.at("name").get_string());
  const auto found = old->find(name);
  if (found == old->end() || found->second->revision != user->revision || found->second->scram)
    return;
  auto document = user->document;
  document["password_hash"] = user->password_hash;
  document["scram"] = to_text(verifier);
  if (const auto saved = put(std::string(kUserPrefix) + user->id, document); !saved) {
    log::warn("user not prepared for SCRAM: tried again at its next login",
              {{"username", name}, {"reason", saved.error().detail}});
    return;
  }
  auto prepared = std::make_shared<User>(*user);
  prepared->scram = verifier;
  auto changed = std::make_shared<Users>(*old);
  changed->insert_or_assign(name, std::move(prepared));
  users.with([&](auto& current) { current = std::move(changed); });
}

}  // namespace sluice::broker
