#include "io/pem_text.hpp"

#include <gmock/gmock.h>

#include "support/self_signed.hpp"

namespace sluice::io {
namespace {

using testing::HasSubstr;

TEST(PemText, KnowsACertificateAndAListOfThem) {
  const auto one = test::make_self_signed().certificate_pem;

  EXPECT_EQ(why_not_certificates(one), std::nullopt);
  EXPECT_EQ(why_not_certificates("some text before\n" + one + one), std::nullopt);
  EXPECT_THAT(why_not_certificates("").value_or(""), HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_THAT(why_not_certificates(one.substr(0, one.size() / 2)).value_or(""),
              HasSubstr("no certificate"));
}

// A certificate may be shown to others; what is pasted with its key may not.
TEST(PemText, RefusesAKeyAmongCertificates) {
  const auto made = test::make_self_signed();

  EXPECT_THAT(why_not_certificates(made.certificate_pem + made.key_pem).value_or(""),
              HasSubstr("private key"));
}

TEST(PemText, OpensAKeyWithItsPasswordOnly) {
  const auto made = test::make_self_signed();

  EXPECT_EQ(why_not_key(made.key_pem, ""), std::nullopt);
  EXPECT_EQ(why_not_key(made.encrypted_key_pem, made.password), std::nullopt);
  EXPECT_THAT(why_not_key(made.encrypted_key_pem, "").value_or(""), HasSubstr("is encrypted"));
  EXPECT_THAT(why_not_key(made.encrypted_key_pem, "another").value_or(""),
              HasSubstr("cannot be opened"));
  EXPECT_THAT(why_not_key(made.certificate_pem, "").value_or(""), HasSubstr("no private key"));
  EXPECT_THAT(why_not_key("-----BEGIN PRIVATE KEY-----\nAAAA\n", "").value_or(""),
              HasSubstr("damaged"));
}

TEST(PemText, TellsWhichKeyBelongsToACertificate) {
  const auto mine = test::make_self_signed();
  const auto other = test::make_self_signed();

  EXPECT_TRUE(belong_together(mine.certificate_pem, mine.key_pem, ""));
  EXPECT_TRUE(belong_together(mine.certificate_pem, mine.encrypted_key_pem, mine.password));
  EXPECT_FALSE(belong_together(mine.certificate_pem, other.key_pem, ""));
}

}  // namespace
}  // namespace sluice::io
