#include "net/certificate_user.hpp"

#include <algorithm>
#include <ctime>
#include <memory>

#include <openssl/bn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "io/openssl_handles.hpp"
#include "mqtt/topic.hpp"

namespace sluice::net {
namespace {

constexpr std::size_t kMostBytes = 65535;  // of a text in MQTT

// Empty unless it is the whole of what the certificate says: nothing is cut at a NUL, nothing is
// replaced.
std::string text_of(const ASN1_STRING& value) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, &value);
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  if (text.size() > kMostBytes || !mqtt::is_valid_utf8(text)) return {};
  return text;
}

std::string common_name(const X509& certificate) {
  const auto* subject = X509_get_subject_name(&certificate);
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return {};
  return text_of(*X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
}

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string alternative_name(const X509& certificate) {
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return {};
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto& name = *sk_GENERAL_NAME_value(names.get(), i);
    if (name.type == GEN_DNS || name.type == GEN_EMAIL || name.type == GEN_URI)
      return text_of(*name.d.ia5);
  }
  return {};
}

std::string name_text(const X509_NAME* name) {
  const io::BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(std::max<long>(size, 0))};
}

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
struct FreeText {
  void operator()(char* text) const { OPENSSL_free(text); }
};

std::string hexadecimal(const ASN1_INTEGER* serial) {
  const std::unique_ptr<BIGNUM, FreeNumber> number(ASN1_INTEGER_to_BN(serial, nullptr));
  const std::unique_ptr<char, FreeText> text(number ? BN_bn2hex(number.get()) : nullptr);
  return text ? std::string(text.get()) : std::string();
}

}  // namespace

broker::PeerCertificate described(const x509_st& certificate) {
  std::tm expires{};
  const bool is_known = ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &expires) == 1;
  return {.serial = hexadecimal(X509_get0_serialNumber(&certificate)),
          .subject = name_text(X509_get_subject_name(&certificate)),
          .issuer = name_text(X509_get_issuer_name(&certificate)),
          .expires_ms = is_known ? std::int64_t{::timegm(&expires)} * 1000 : 0};
}

std::string certificate_user(const x509_st& certificate, UserFrom from) {
  switch (from) {
    case UserFrom::CommonName:
      return common_name(certificate);
    case UserFrom::SubjectAltName:
      return alternative_name(certificate);
    case UserFrom::Nothing:
      break;
  }
  return {};
}

}  // namespace sluice::net
