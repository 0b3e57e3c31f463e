// AUTH: a login by an authentication method, before CONNACK or again while the connection is open.
// MQTT 5.0 §3.15, §4.12.
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

using mqtt::PropertyId;
using mqtt::ReasonCode;

void ClientConnection::begin_login(std::optional<std::string_view> data) {
  state_ = State::Authenticating;
  worker_.deadlines().set(*this, worker_.broker().clock().steady() + kConnectDeadline);
  pending_->login = worker_.broker().access().begin_login(*client_);
  if (data)
    continue_login(*data);
  else
    send_auth(ReasonCode::ContinueAuthentication, {});
}

void ClientConnection::handle_auth(const mqtt::Auth& auth) {
  const auto method = auth.properties.text(PropertyId::AuthenticationMethod);
  const bool begins = auth.reason == ReasonCode::ReAuthenticate;
  const bool is_under_way = pending_ && pending_->login;
  // Again only when open, and one at a time. [MQTT-4.12.1-1]
  if (method != AccessControl::kScram || begins == is_under_way) {
    on_malformed(ReasonCode::ProtocolError);
    return;
  }
  if (begins) {
    begin_login_again(auth);
    return;
  }
  continue_login(auth.properties.text(PropertyId::AuthenticationData).value_or(""));
}

void ClientConnection::begin_login_again(const mqtt::Auth& auth) {
  pending_ = std::make_unique<Pending>();
  pending_->login = worker_.broker().access().begin_login(*client_);
  if (const auto data = auth.properties.text(PropertyId::AuthenticationData))
    continue_login(*data);
  else
    send_auth(ReasonCode::ContinueAuthentication, {});
}

void ClientConnection::continue_login(std::string_view data) {
  auto answer = pending_->login->next(data);
  const auto& username = pending_->login->username();
  // Of CONNECT, or of the login before: it is one client, and its session belongs to one user.
  if (!mqtt::is_error(answer.reason) && client_->has_username && client_->username != username)
    answer = {ReasonCode::BadUserNameOrPassword, {}};
  if (answer.reason == ReasonCode::ContinueAuthentication)
    send_auth(answer.reason, answer.data);
  else if (answer.reason == ReasonCode::Success)
    on_login_done(std::move(answer.data));
  else
    refuse_login(answer.reason);
}

void ClientConnection::on_login_done(std::string proof) {
  if (state_ == State::Open) {
    pending_.reset();
    send_auth(ReasonCode::Success, proof);
    return;
  }
  auto client = *client_;
  client.username = pending_->login->username();
  client.has_username = true;
  client_ = ClientPtr(std::move(client));
  if (auto& will = pending_->will) {
    will->username = client_->username;
    will->has_username = true;
  }
  pending_->login_proof = std::move(proof);
  pending_->user_id = worker_.broker().access().user_id(client_->username);
  pending_->login.reset();
  state_ = State::Deciding;
  link_->hold_reading(true);
  on_authenticated({.reason = ReasonCode::Success});
}

// [MQTT-4.12.0-4] [MQTT-4.12.1-2]
void ClientConnection::refuse_login(ReasonCode reason) {
  if (state_ == State::Open)
    disconnect(reason == ReasonCode::ProtocolError ? reason : ReasonCode::NotAuthorized);
  else
    refuse_with_connack(reason);
}

void ClientConnection::send_auth(ReasonCode reason, std::string_view data) {
  std::string properties;
  mqtt::PropertyWriter writer(properties);
  writer.text(PropertyId::AuthenticationMethod, AccessControl::kScram);
  if (!data.empty()) writer.text(PropertyId::AuthenticationData, data);
  const auto begin = output().size();
  mqtt::encode(
      output(), version_,
      mqtt::Auth{.reason = reason, .properties = mqtt::Properties::from_checked(properties)});
  (void)takes_answer(begin);
}

}  // namespace sluice::broker
