#include "io/pem.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/descriptor.hpp"
#include "io/openssl_handles.hpp"
#include "io/tls_context.hpp"

namespace sluice::io {
namespace {

constexpr std::size_t kMaximumFileBytes = 64 << 20;  // revocation lists grow large

// The text of a PEM file; it is wiped when it has been read, as it may be a key.
struct PemText {
  std::string text;
  mode_t mode = 0;

  PemText() = default;
  ~PemText() { OPENSSL_cleanse(text.data(), text.size()); }
  PemText(const PemText&) = delete;
  PemText& operator=(const PemText&) = delete;
};

std::string system_text(const std::string& path) {
  return path + ": " + std::strerror(errno);
}

Result<void> read_text(const std::string& path, PemText& into) {
  // Without waiting for who writes into a pipe.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return fail(Errc::NotFound, system_text(path));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail(Errc::IoFailed, system_text(path));
  if (!S_ISREG(status.st_mode)) return fail(Errc::InvalidArgument, path + ": is not a file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > kMaximumFileBytes) return fail(Errc::InvalidArgument, path + ": is too large");
  into.mode = status.st_mode;
  into.text.resize(size);
  std::size_t done = 0;
  while (done < size) {
    const auto count = ::read(file.get(), into.text.data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Errc::IoFailed, system_text(path));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  into.text.resize(done);
  return {};
}

// Whether reading stopped because there was no more, not because of what was there.
bool ended_well() {
  const auto error = ERR_peek_last_error();
  const bool is_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (is_end) ERR_clear_error();
  return is_end;
}

template <class Ptr, class Read>
Result<std::vector<Ptr>> read_all(const std::string& path, const char* what, Read read) {
  PemText pem;
  SL_TRY_VOID(read_text(path, pem));
  ERR_clear_error();
  const auto bio = bio_of(pem.text);
  std::vector<Ptr> found;
  while (Ptr next{read(bio.get())}) found.push_back(std::move(next));
  if (!ended_well()) return fail(Errc::InvalidArgument, path + ": is damaged: " + tls_error_text());
  if (found.empty()) return fail(Errc::InvalidArgument, path + ": holds no " + what + " in PEM");
  return found;
}

// Asked for the passphrase of a key: there is none, and nobody at a terminal.
int note_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

}  // namespace

Result<std::vector<X509Ptr>> read_certificates(const std::string& path) {
  return read_all<X509Ptr>(path, "certificate", [](BIO* bio) {
    return PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  });
}

Result<std::vector<CrlPtr>> read_revocation_lists(const std::string& path) {
  return read_all<CrlPtr>(path, "revocation list", [](BIO* bio) {
    return PEM_read_bio_X509_CRL(bio, nullptr, nullptr, nullptr);
  });
}

Result<PrivateKey> read_private_key(const std::string& path) {
  PemText pem;
  SL_TRY_VOID(read_text(path, pem));
  ERR_clear_error();
  const auto bio = bio_of(pem.text);
  bool was_asked = false;
  PrivateKey found;
  found.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, note_passphrase, &was_asked));
  if (was_asked) {
    ERR_clear_error();
    return fail(Errc::InvalidArgument,
                path +
                    ": is encrypted; write it without a passphrase (`openssl pkey -in FILE -out "
                    "NEW`) and let only the server's user read it");
  }
  if (!found.key) {
    ERR_clear_error();  // its words may hold a part of the file
    return fail(Errc::InvalidArgument, path + ": holds no private key in PEM");
  }
  found.is_open_to_others = (pem.mode & S_IROTH) != 0;
  return found;
}

}  // namespace sluice::io
