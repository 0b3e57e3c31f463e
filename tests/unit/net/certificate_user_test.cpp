#include "net/certificate_user.hpp"

#include <memory>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

namespace sluice::net {
namespace {

using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

Certificate with_common_names(std::initializer_list<std::string_view> names,
                              int type = V_ASN1_UTF8STRING) {
  Certificate made(X509_new(), X509_free);
  auto* subject = X509_get_subject_name(made.get());
  for (const auto name : names) {
    // Not through X509_NAME_add_entry_by_txt, which would refuse some of these.
    const std::unique_ptr<X509_NAME_ENTRY, void (*)(X509_NAME_ENTRY*)> entry(X509_NAME_ENTRY_new(),
                                                                             X509_NAME_ENTRY_free);
    X509_NAME_ENTRY_set_object(entry.get(), OBJ_nid2obj(NID_commonName));
    X509_NAME_ENTRY_set_data(entry.get(), type, reinterpret_cast<const unsigned char*>(name.data()),
                             static_cast<int>(name.size()));
    X509_NAME_add_entry(subject, entry.get(), -1, 0);
  }
  return made;
}

std::string user_of(const Certificate& certificate) {
  return certificate_user(*certificate, UserFrom::CommonName);
}

TEST(CertificateUser, IsTheCommonName) {
  EXPECT_EQ(user_of(with_common_names({"meter-1"})), "meter-1");
  EXPECT_EQ(user_of(with_common_names({"Z\xc3\xa4hler"})), "Z\xc3\xa4hler");
  EXPECT_EQ(user_of(with_common_names({std::string_view("\0m\0e", 4)}, V_ASN1_BMPSTRING)), "me");
}

// Case A8 of the attacks: what is no text in MQTT is nobody, and nothing is cut or replaced.
TEST(CertificateUser, IsNobodyWhereTheNameIsNoText) {
  using namespace std::string_view_literals;
  for (const auto name : {"admin\0.example"sv, "\xff\xfe"sv, "\xc0\xaf"sv, "\xed\xa0\x80"sv,
                          "cut\xc3"sv, "\xf5\x80\x80\x80"sv, ""sv})
    EXPECT_EQ(user_of(with_common_names({name})), "");
  EXPECT_EQ(user_of(with_common_names({"\xd8\x00"sv}, V_ASN1_BMPSTRING)), "");  // half a pair
  EXPECT_EQ(user_of(with_common_names({std::string(65536, 'a')})), "");
}

TEST(CertificateUser, IsNobodyWhereThereAreSeveral) {
  EXPECT_EQ(user_of(with_common_names({"one", "two"})), "");
  EXPECT_EQ(user_of(with_common_names({})), "");
}

}  // namespace
}  // namespace sluice::net
