#pragma once
#include <string>

#include "net/tls_session.hpp"

namespace sluice::net {

// The user name in a verified certificate: its one common name, or the first of its alternative
// names that is a DNS name, an e-mail address or a URI. Empty: there is none, there are several
// common names, or it is no text that MQTT takes as a user name.
[[nodiscard]] std::string certificate_user(const x509_st& certificate, UserFrom from);

// For people: names as RFC 2253 writes them, in ASCII, everything else escaped.
[[nodiscard]] broker::PeerCertificate described(const x509_st& certificate);

}  // namespace sluice::net
