#include "net/tls_session.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.hpp"
#include "net/certificate_user.hpp"

namespace sluice::net {

// OpenSSL reads and writes the strings of the call that is under way: no buffer of its own, and the
// socket is left to the connection.
struct MemoryBio {
  static TlsSession& session(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    auto& in = session(bio).in_;
    BIO_clear_retry_flags(bio);
    if (in.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const auto count = std::min(in.size(), static_cast<std::size_t>(size));
    std::memcpy(into, in.data(), count);
    in.remove_prefix(count);
    return static_cast<int>(count);
  }

  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    if (auto* out = session(bio).out_) out->append(bytes, static_cast<std::size_t>(size));
    return size;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  // Made once, for the life of the process.
  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      auto* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "worker's buffers");
      SL_CHECK(fresh != nullptr);
      BIO_meth_set_read(fresh, read);
      BIO_meth_set_write(fresh, write);
      BIO_meth_set_ctrl(fresh, control);
      BIO_meth_set_create(fresh, create);
      return fresh;
    }();
    return made;
  }
};

TlsSession::TlsSession(std::shared_ptr<const io::TlsContext> context, UserFrom user_from)
    : context_(std::move(context)), ssl_(context_->new_session()), user_from_(user_from) {
  SL_CHECK(ssl_ != nullptr);
  auto* bio = BIO_new(MemoryBio::method());
  SL_CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsSession::~TlsSession() = default;

std::size_t TlsSession::take(std::string_view wire, char* into, std::string& answer) {
  const std::size_t room = wire.size() + kRoom;
  in_ = wire;
  out_ = &answer;
  ERR_clear_error();
  if (state_ == State::Handshake) shake_hands();
  std::size_t taken = 0;
  while (state_ == State::Open) {
    std::size_t count = 0;
    if (SSL_read_ex(ssl_.get(), into + taken, room - taken, &count) == 1) {
      taken += count;
      SL_CHECK(taken < room);
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), 0);
    if (error == SSL_ERROR_WANT_READ) break;
    if (error == SSL_ERROR_ZERO_RETURN)
      state_ = State::Ended;
    else
      fail();
  }
  in_ = {};
  out_ = nullptr;
  return taken;
}

void TlsSession::shake_hands() {
  const int outcome = SSL_do_handshake(ssl_.get());
  if (outcome == 1) {
    state_ = State::Open;
    return;
  }
  if (SSL_get_error(ssl_.get(), outcome) != SSL_ERROR_WANT_READ) fail();
}

void TlsSession::fail() {
  const auto verified = SSL_get_verify_result(ssl_.get());
  failure_ = io::tls_error_text();
  if (verified != X509_V_OK)
    failure_ += std::string(": ") + X509_verify_cert_error_string(verified);
  state_ = State::Failed;
}

void TlsSession::give(std::string_view bytes, std::string& wire) {
  SL_CHECK(state_ == State::Open);
  if (bytes.empty()) return;
  out_ = &wire;
  ERR_clear_error();
  std::size_t count = 0;
  // Into memory: nothing can be left over.
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count) != 1) fail();
  out_ = nullptr;
}

void TlsSession::finish(std::string& wire) {
  if (state_ != State::Open && state_ != State::Ended) return;
  out_ = &wire;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  out_ = nullptr;
}

bool TlsSession::was_resumed() const {
  return SSL_session_reused(ssl_.get()) == 1;
}

const x509_st* TlsSession::verified_certificate() const {
  if (state_ != State::Open) return nullptr;
  const auto* certificate = SSL_get0_peer_certificate(ssl_.get());
  return SSL_get_verify_result(ssl_.get()) == X509_V_OK ? certificate : nullptr;
}

std::optional<std::string> TlsSession::user() const {
  const auto* certificate = user_from_ == UserFrom::Nothing ? nullptr : verified_certificate();
  if (certificate == nullptr) return std::nullopt;
  return certificate_user(*certificate, user_from_);
}

std::optional<broker::PeerCertificate> TlsSession::certificate() const {
  const auto* certificate = verified_certificate();
  if (certificate == nullptr) return std::nullopt;
  return described(*certificate);
}

}  // namespace sluice::net
