#include "mqtt/reason_code.hpp"

#include <array>

namespace sluice::mqtt {

namespace {

struct Name {
  ReasonCode code;
  std::string_view name;
};

constexpr Name kNames[] = {
    {ReasonCode::Success, "success"},
    {ReasonCode::GrantedQos1, "granted_qos_1"},
    {ReasonCode::GrantedQos2, "granted_qos_2"},
    {ReasonCode::DisconnectWithWill, "disconnect_with_will"},
    {ReasonCode::NoMatchingSubscribers, "no_matching_subscribers"},
    {ReasonCode::NoSubscriptionExisted, "no_subscription_existed"},
    {ReasonCode::ContinueAuthentication, "continue_authentication"},
    {ReasonCode::ReAuthenticate, "re_authenticate"},
    {ReasonCode::UnspecifiedError, "unspecified_error"},
    {ReasonCode::MalformedPacket, "malformed_packet"},
    {ReasonCode::ProtocolError, "protocol_error"},
    {ReasonCode::ImplementationSpecificError, "implementation_specific_error"},
    {ReasonCode::UnsupportedProtocolVersion, "unsupported_protocol_version"},
    {ReasonCode::ClientIdentifierNotValid, "client_identifier_not_valid"},
    {ReasonCode::BadUserNameOrPassword, "bad_user_name_or_password"},
    {ReasonCode::NotAuthorized, "not_authorized"},
    {ReasonCode::ServerUnavailable, "server_unavailable"},
    {ReasonCode::ServerBusy, "server_busy"},
    {ReasonCode::Banned, "banned"},
    {ReasonCode::ServerShuttingDown, "server_shutting_down"},
    {ReasonCode::BadAuthenticationMethod, "bad_authentication_method"},
    {ReasonCode::KeepAliveTimeout, "keep_alive_timeout"},
    {ReasonCode::SessionTakenOver, "session_taken_over"},
    {ReasonCode::TopicFilterInvalid, "topic_filter_invalid"},
    {ReasonCode::TopicNameInvalid, "topic_name_invalid"},
    {ReasonCode::PacketIdentifierInUse, "packet_identifier_in_use"},
    {ReasonCode::PacketIdentifierNotFound, "packet_identifier_not_found"},
    {ReasonCode::ReceiveMaximumExceeded, "receive_maximum_exceeded"},
    {ReasonCode::TopicAliasInvalid, "topic_alias_invalid"},
    {ReasonCode::PacketTooLarge, "packet_too_large"},
    {ReasonCode::MessageRateTooHigh, "message_rate_too_high"},
    {ReasonCode::QuotaExceeded, "quota_exceeded"},
    {ReasonCode::AdministrativeAction, "administrative_action"},
    {ReasonCode::PayloadFormatInvalid, "payload_format_invalid"},
    {ReasonCode::RetainNotSupported, "retain_not_supported"},
    {ReasonCode::QosNotSupported, "qos_not_supported"},
    {ReasonCode::UseAnotherServer, "use_another_server"},
    {ReasonCode::ServerMoved, "server_moved"},
    {ReasonCode::SharedSubscriptionsNotSupported, "shared_subscriptions_not_supported"},
    {ReasonCode::ConnectionRateExceeded, "connection_rate_exceeded"},
    {ReasonCode::MaximumConnectTime, "maximum_connect_time"},
    {ReasonCode::SubscriptionIdentifiersNotSupported, "subscription_identifiers_not_supported"},
    {ReasonCode::WildcardSubscriptionsNotSupported, "wildcard_subscriptions_not_supported"},
};

constexpr std::array<std::string_view, 256> by_code() {
  std::array<std::string_view, 256> names{};
  names.fill("unknown");
  for (const Name& one : kNames) names[static_cast<std::uint8_t>(one.code)] = one.name;
  return names;
}

constexpr std::array<std::string_view, 256> kNameByCode = by_code();

}  // namespace

std::string_view name_of(ReasonCode code) {
  return kNameByCode[static_cast<std::uint8_t>(code)];
}

std::uint8_t connect_return_code_v3(ReasonCode code) {
  constexpr std::uint8_t kUnacceptableProtocolVersion = 1;
  constexpr std::uint8_t kIdentifierRejected = 2;
  constexpr std::uint8_t kServerUnavailable = 3;
  constexpr std::uint8_t kBadUserNameOrPassword = 4;
  constexpr std::uint8_t kNotAuthorized = 5;
  if (!is_error(code)) return 0;
  // What has no code of its own is either the client's to mend, or passes with time.
  switch (code) {
    case ReasonCode::UnsupportedProtocolVersion:
      return kUnacceptableProtocolVersion;
    case ReasonCode::ClientIdentifierNotValid:
      return kIdentifierRejected;
    case ReasonCode::BadUserNameOrPassword:
    case ReasonCode::BadAuthenticationMethod:
      return kBadUserNameOrPassword;
    case ReasonCode::NotAuthorized:
    case ReasonCode::Banned:
    case ReasonCode::TopicNameInvalid:
    case ReasonCode::RetainNotSupported:
    case ReasonCode::QosNotSupported:
      return kNotAuthorized;
    default:
      return kServerUnavailable;
  }
}

}  // namespace sluice::mqtt
