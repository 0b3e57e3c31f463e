#include "io/tls_context.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "io/openssl_handles.hpp"
#include "io/pem.hpp"

namespace sluice::io {
namespace {

// Forward secrecy and authenticated encryption only; of TLS 1.3 all are.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AESCCM";
// A resumed session is not verified again: what was revoked or has expired stays outside by then.
constexpr long kTicketSeconds = 2 * 3600;
constexpr std::size_t kMostClientChain = 32 * 1024;

tl::unexpected<TlsProblem> problem(const TlsOptions::Certificate& files, std::string_view setting,
                                   std::string detail) {
  return tl::unexpected(TlsProblem{files.setting + std::string(setting), std::move(detail)});
}

std::string with_cause(std::string_view rule, const Error& error) {
  return std::string(rule) + "; " + error.detail;
}

Result<void, TlsProblem> use_files(SSL_CTX* context, const TlsOptions::Certificate& files,
                                   const std::vector<X509Ptr>& chain, EVP_PKEY* key) {
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1)
    return problem(files, "certificate",
                   "must be one that TLS takes (RSA of 2048 bits or more, or an elliptic curve); " +
                       files.certificate + ": " + tls_error_text());
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
      return problem(files, "certificate",
                     "must be a chain that TLS takes; " + files.certificate + ": certificate " +
                         std::to_string(i + 1) + ": " + tls_error_text());
  }
  if (X509_check_private_key(chain.front().get(), key) != 1 ||
      SSL_CTX_use_PrivateKey(context, key) != 1) {
    ERR_clear_error();
    return problem(files, "key",
                   "must be the key of the first certificate in " + files.certificate + "; " +
                       files.key + " is of another one");
  }
  return {};
}

Result<void, TlsProblem> use_client_files(SSL_CTX* context, const TlsOptions& options) {
  const auto authorities = read_certificates(options.client_ca);
  if (!authorities)
    return tl::unexpected(TlsProblem{
        "client_ca", with_cause("must be a file of the authorities whose clients are admitted",
                                authorities.error())});
  auto* store = SSL_CTX_get_cert_store(context);
  for (const auto& authority : *authorities) {
    if (X509_STORE_add_cert(store, authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1)
      return tl::unexpected(TlsProblem{
          "client_ca",
          "must be authorities that TLS takes; " + options.client_ca + ": " + tls_error_text()});
  }
  if (options.client_crl.empty()) return {};
  const auto lists = read_revocation_lists(options.client_crl);
  if (!lists)
    return tl::unexpected(TlsProblem{
        "client_crl",
        with_cause("must be a file with the revocation list of each authority", lists.error())});
  for (const auto& list : *lists) {
    if (X509_STORE_add_crl(store, list.get()) != 1)
      return tl::unexpected(TlsProblem{
          "client_crl",
          "must be lists that TLS takes; " + options.client_crl + ": " + tls_error_text()});
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

// [RFC 7301 3.2] Nothing in common is the end: a page made for another protocol is not fed to this.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void* protocol) {
  const std::string_view wanted(static_cast<const char*>(protocol));
  for (unsigned int at = 0; at < offered_size; at += offered[at] + 1U) {
    const auto size = offered[at];
    if (at + 1U + size > offered_size) break;
    if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), size) != wanted) continue;
    *chosen = offered + at + 1;
    *chosen_size = size;
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// The same for all certificates of a listener: SNI may lead from one to another.
bool set_up(SSL_CTX* context, const TlsOptions& options) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection gives its record buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Nothing is kept of a session here: the client holds it, sealed.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, kTicketSeconds);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_max_cert_list(context, kMostClientChain);
  constexpr unsigned char kId[] = "sluice";
  const int minimum = options.only_tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(context, minimum) != 1 ||
      SSL_CTX_set_cipher_list(context, kCiphers) != 1 ||
      SSL_CTX_set_session_id_context(context, kId, sizeof kId - 1) != 1)
    return false;
  using ClientCertificate = TlsOptions::ClientCertificate;
  if (options.client_certificate == ClientCertificate::None) return true;
  const int must = options.client_certificate == ClientCertificate::Required
                       ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                       : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | must, nullptr);
  return true;
}

}  // namespace

std::string tls_error_text() {
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "no reason is known" : reason;
}

void FreeSsl::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

void TlsContext::FreeContext::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>, TlsProblem> TlsContext::load(const TlsOptions& options) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->protocol_ = options.protocol;
  for (const auto& files : options.certificates) SL_TRY_VOID(made->add(options, files));
  return std::shared_ptr<const TlsContext>(std::move(made));
}

Result<void, TlsProblem> TlsContext::add(const TlsOptions& options,
                                         const TlsOptions::Certificate& files) {
  const auto chain = read_certificates(files.certificate);
  if (!chain)
    return problem(files, "certificate",
                   with_cause("must be a file of the certificate chain, the server's own first",
                              chain.error()));
  const auto key = read_private_key(files.key);
  if (!key)
    return problem(files, "key",
                   with_cause("must be a file of the certificate's private key", key.error()));
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context || !set_up(context.get(), options))
    return problem(files, "certificate", "cannot be served: " + tls_error_text());
  SL_TRY_VOID(use_files(context.get(), files, *chain, key->key.get()));
  if (options.client_certificate != TlsOptions::ClientCertificate::None)
    SL_TRY_VOID(use_client_files(context.get(), options));
  if (!protocol_.empty())
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, protocol_.data());
  SSL_CTX_set_tlsext_servername_callback(context.get(), choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(context.get(), this);
  if (key->is_open_to_others)
    warnings_.push_back(files.key + " is a private key that every user of this machine may read");
  note_expiry(files.certificate, *chain->front());
  contexts_.push_back(std::move(context));
  return {};
}

void TlsContext::note_expiry(const std::string& file, const x509_st& certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &time) != 1) return;
  const std::int64_t expires = ::timegm(&time);
  expires_s_ = std::min(expires_s_, expires);
  if (expires <= std::time(nullptr))
    warnings_.push_back(file + " has expired: clients refuse it; renew it and send SIGHUP");
}

std::string TlsContext::certificate_pem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const auto* certificate = SSL_CTX_get0_certificate(contexts_.front().get());
  if (!bio || PEM_write_bio_X509(bio.get(), const_cast<X509*>(certificate)) != 1) return {};
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(std::max<long>(size, 0))};
}

SslPtr TlsContext::new_session() const {
  SslPtr ssl(SSL_new(contexts_.front().get()));
  if (ssl) SSL_set_accept_state(ssl.get());
  return ssl;
}

ssl_ctx_st* TlsContext::context_for(const char* server_name) const {
  const auto size = std::strlen(server_name);
  for (const auto& context : contexts_) {
    auto* certificate = SSL_CTX_get0_certificate(context.get());
    if (X509_check_host(certificate, server_name, size, 0, nullptr) == 1) return context.get();
  }
  return contexts_.front().get();
}

int TlsContext::choose_certificate(ssl_st* ssl, int* /*alert*/, void* self) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const auto& context = *static_cast<const TlsContext*>(self);
  if (name == nullptr || context.contexts_.size() < 2) return SSL_TLSEXT_ERR_OK;
  SSL_set_SSL_CTX(ssl, context.context_for(name));
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace sluice::io
