#include "io/tls_probe.hpp"

#include <cstring>
#include <poll.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "io/openssl_handles.hpp"

namespace sluice::io {
namespace {

constexpr std::size_t kLongestName = 256;

std::string text_in(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(std::max<long>(size, 0))};
}

std::string subject_of(const X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return text_in(bio.get()).substr(0, kLongestName);
}

std::string expiry_of(const X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print_ex(bio.get(), X509_get0_notAfter(certificate), ASN1_DTFLGS_ISO8601);
  return text_in(bio.get());
}

// The last error that OpenSSL noted; the queue is empty afterwards.
std::string last_error() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason != nullptr ? reason : "the other side closed the connection";
}

Result<TlsContextPtr> context_of(const TlsIdentity& identity) {
  TlsContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(Errc::IoFailed, last_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_AUTO_RETRY);
  if (identity.ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else {
    const auto bio = bio_of(identity.ca_pem);
    while (const auto certificate = next_certificate(bio.get()))
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate.get());
  }
  if (identity.is_pinned)
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  if (identity.certificate_pem.empty()) return context;
  const auto bio = bio_of(identity.certificate_pem);
  const auto certificate = next_certificate(bio.get());
  const auto key = key_of(identity.key_pem, identity.key_password);
  if (!certificate || !key || SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    ERR_clear_error();
    return fail(Errc::InvalidArgument, "the client certificate and its key cannot be used");
  }
  return context;
}

}  // namespace

struct TlsProbe::State {
  Descriptor socket;
  TlsContextPtr context;
  TlsPtr tls;

  // Repeats `step`, which returns what OpenSSL's calls return, until it is done.
  template <class Step>
  Result<int> run(Deadline until, Step step) {
    for (;;) {
      ERR_clear_error();
      const int outcome = step();
      if (outcome > 0) return outcome;
      const int error = SSL_get_error(tls.get(), outcome);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return fail(Errc::Unavailable, last_error());
      const short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
      if (!wait_for(socket.get(), events, until))
        return fail(Errc::Timeout, "the other side did not answer in time");
    }
  }

  // The handshake goes on whatever the certificate is, so that this can say whose it is.
  [[nodiscard]] Result<void> check_peer(const std::string& host) const {
    const auto verdict = SSL_get_verify_result(tls.get());
    if (verdict == X509_V_OK) return {};
    const X509Ptr peer(SSL_get1_peer_certificate(tls.get()));
    const auto whose = peer ? " (" + subject_of(peer.get()) + ")" : std::string();
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
      return fail(Errc::NotAuthorized, "the certificate" + whose + " is not for " + host);
    return fail(Errc::NotAuthorized, "the certificate" + whose + " is not trusted: " +
                                         X509_verify_cert_error_string(verdict));
  }
};

TlsProbe::TlsProbe(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsProbe::TlsProbe(TlsProbe&&) noexcept = default;
TlsProbe& TlsProbe::operator=(TlsProbe&&) noexcept = default;
TlsProbe::~TlsProbe() = default;

Result<TlsProbe> TlsProbe::open(Descriptor socket, const std::string& host,
                                const TlsIdentity& identity, Deadline until) {
  auto state = std::make_unique<State>();
  SL_TRY(context, context_of(identity));
  state->socket = std::move(socket);
  state->context = std::move(context);
  state->tls.reset(SSL_new(state->context.get()));
  auto* tls = state->tls.get();
  if (tls == nullptr || SSL_set_fd(tls, state->socket.get()) != 1 ||
      (!identity.is_pinned && SSL_set1_host(tls, host.c_str()) != 1))
    return fail(Errc::IoFailed, last_error());
  SSL_set_verify(tls, SSL_VERIFY_NONE, nullptr);
  const bool is_address = host.find_first_not_of("0123456789.") == std::string::npos ||
                          host.find(':') != std::string::npos;
  if (!is_address) SSL_set_tlsext_host_name(tls, host.c_str());
  SL_TRY_VOID(state->run(until, [&] { return SSL_connect(tls); }));
  SL_TRY_VOID(state->check_peer(host));
  return TlsProbe(std::move(state));
}

std::string TlsProbe::summary() const {
  std::string text = SSL_get_version(state_->tls.get());
  const X509Ptr peer(SSL_get1_peer_certificate(state_->tls.get()));
  if (peer)
    text += ", certificate of " + subject_of(peer.get()) + ", valid until " + expiry_of(peer.get());
  return text;
}

Result<void> TlsProbe::write(std::string_view bytes, Deadline until) {
  static constexpr std::size_t kMost = std::size_t{1} << 20;
  while (!bytes.empty()) {
    const auto size = static_cast<int>(std::min(bytes.size(), kMost));
    SL_TRY(count,
           state_->run(until, [&] { return SSL_write(state_->tls.get(), bytes.data(), size); }));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::size_t> TlsProbe::read(char* into, std::size_t size, Deadline until) {
  auto* tls = state_->tls.get();
  const auto got = state_->run(until, [&] { return SSL_read(tls, into, static_cast<int>(size)); });
  if (got) return static_cast<std::size_t>(*got);
  if ((SSL_get_shutdown(tls) & SSL_RECEIVED_SHUTDOWN) != 0) return std::size_t{0};
  return tl::unexpected(got.error());
}

int TlsProbe::socket() const {
  return state_->socket.get();
}

Result<std::string> TlsProbe::ask(std::string_view request, std::size_t size, Deadline until) {
  auto* tls = state_->tls.get();
  const auto sent = state_->run(
      until, [&] { return SSL_write(tls, request.data(), static_cast<int>(request.size())); });
  std::string answer(size, '\0');
  if (!sent) {
    // Closed already: what it said before is still to be read, and says why.
    const auto said = state_->run(until, [&] { return SSL_read(tls, answer.data(), 1); });
    return tl::unexpected(said ? sent.error() : said.error());
  }
  for (std::size_t have = 0; have < size;) {
    SL_TRY(count, state_->run(until, [&] {
      return SSL_read(tls, answer.data() + have, static_cast<int>(size - have));
    }));
    have += static_cast<std::size_t>(count);
  }
  return answer;
}

}  // namespace sluice::io
