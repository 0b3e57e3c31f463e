// Tokens that hold, and those that do not: RFC 7515, 7517, 7519, 8725.
#include "broker/access/jwt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/access/token_maker.hpp"

namespace sluice::broker {
namespace {

using Kind = JwtFault::Kind;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::int64_t kNow = 1'800'000'000;  // seconds
constexpr std::string_view kHs256 = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::string_view kClaims = R"({"sub":"meter","exp":1800000060})";

JwtKeys keys_of(std::string_view secret) {
  JwtKeys keys;
  keys.push_back(jwt_secret(secret).value());
  return keys;
}

Result<JwtLogin, JwtFault> check(std::string_view token, const JwtKeys& keys,
                                 const JwtRules& rules = {}) {
  return check_jwt(token, "c", keys, rules, kNow * 1000);
}

// Empty: it holds.
std::string fault(std::string_view claims, const JwtRules& rules = {}) {
  const auto login = check(hs256_token(kHs256, claims, kSecret), keys_of(kSecret), rules);
  return login ? "" : login.error().why;
}

TEST(Jwt, TellsWhoItIsAndUntilWhen) {
  const auto login = check(hs256_token(kHs256, kClaims, kSecret), keys_of(kSecret));

  ASSERT_TRUE(login.has_value()) << login.error().why;
  EXPECT_EQ(login->username, "meter");
  EXPECT_EQ(login->ends_ms, (kNow + 60 + 30) * 1000);  // with the leeway
}

// RFC 7515 appendix A.1 and A.3: what others have signed.
TEST(Jwt, TakesTheTokensOfTheStandard) {
  const std::string claims =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  std::string secret;
  ASSERT_TRUE(decode_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
      secret));
  const auto es256 = jwt_keys_from_jwks(
      R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  ASSERT_TRUE(es256.has_value()) << es256.error().detail;
  const JwtRules rules{.username_claim = "iss"};
  const auto at = std::int64_t{1'300'819'000} * 1000;

  const auto first = check_jwt("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + claims +
                                   ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                               "c", keys_of(secret), rules, at);
  const auto third = check_jwt("eyJhbGciOiJFUzI1NiJ9." + claims +
                                   ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISl"
                                   "SApmWQxfKTUJqPP3-Kg6NU1Q",
                               "c", *es256, rules, at);

  ASSERT_TRUE(first.has_value()) << first.error().why;
  EXPECT_EQ(first->username, "joe");
  ASSERT_TRUE(third.has_value()) << third.error().why;
}

TEST(Jwt, ChecksRsaAndEllipticKeysFromPemAndSet) {
  const auto rsa = new_rsa_key();
  const auto ec = new_ec_key();
  const auto by_rsa = signed_token(R"({"alg":"RS256","kid":"r"})", kClaims, rsa.get());
  const auto by_ec = signed_token(R"({"alg":"ES256","kid":"e"})", kClaims, ec.get());
  const auto pem = jwt_keys_from_pem(public_pem(rsa.get()) + public_pem(ec.get()));
  ASSERT_TRUE(pem.has_value()) << pem.error().detail;
  const auto set =
      jwt_keys_from_jwks(R"({"keys":[{"kid":"r","use":"sig","alg":"RS256",)" + jwk_of(rsa.get()) +
                         R"(},{"kid":"e","key_ops":["verify"],)" + jwk_of(ec.get()) + "}]}");
  ASSERT_TRUE(set.has_value()) << set.error().detail;

  for (const auto* keys : {&*pem, &*set}) {
    EXPECT_TRUE(check(by_rsa, *keys).has_value());
    EXPECT_TRUE(check(by_ec, *keys).has_value());
    auto changed = by_rsa;
    changed[changed.size() - 20] = changed[changed.size() - 20] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(check(changed, *keys).has_value());
    changed = by_ec;
    changed[changed.size() - 20] = changed[changed.size() - 20] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(check(changed, *keys).has_value());
  }
  const auto other = new_ec_key();
  EXPECT_FALSE(check(signed_token(R"({"alg":"ES256","kid":"e"})", kClaims, other.get()), *set));
  const auto unknown = check(signed_token(R"({"alg":"ES256","kid":"x"})", kClaims, ec.get()), *set);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().kind, Kind::UnknownKey);
}

struct Signed {
  const char* name;
  const EVP_MD* digest;
  bool is_pss;
};

TEST(Jwt, ChecksEveryAlgorithmOfAKindWithAKeyOfIt) {
  const auto rsa = new_rsa_key();
  const auto ed = new_ed25519_key();
  for (const auto& keys : {jwt_keys_from_pem(public_pem(rsa.get()) + public_pem(ed.get())),
                           jwt_keys_from_jwks(R"({"keys":[{)" + jwk_of(rsa.get()) + "},{" +
                                              jwk_of(ed.get()) + "}]}")}) {
    ASSERT_TRUE(keys.has_value()) << keys.error().detail;
    for (const auto& [name, digest, is_pss] :
         {Signed{"RS256", EVP_sha256(), false}, Signed{"RS384", EVP_sha384(), false},
          Signed{"RS512", EVP_sha512(), false}, Signed{"PS256", EVP_sha256(), true},
          Signed{"PS384", EVP_sha384(), true}, Signed{"PS512", EVP_sha512(), true}}) {
      const auto header = R"({"alg":")" + std::string(name) + "\"}";
      const auto token = signed_token(header, kClaims, rsa.get(), digest, is_pss);
      EXPECT_TRUE(check(token, *keys).has_value()) << name;
      // Another padding, another digest: not what the header says.
      EXPECT_FALSE(check(signed_token(header, kClaims, rsa.get(), digest, !is_pss), *keys)) << name;
      const auto* other = digest == EVP_sha256() ? EVP_sha512() : EVP_sha256();
      EXPECT_FALSE(check(signed_token(header, kClaims, rsa.get(), other, is_pss), *keys)) << name;
    }
    const auto token = signed_token(R"({"alg":"EdDSA"})", kClaims, ed.get(), nullptr);
    EXPECT_TRUE(check(token, *keys).has_value());
    auto changed = token;
    changed[token.size() - 20] = changed[token.size() - 20] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(check(changed, *keys).has_value());
    const auto stranger = new_ed25519_key();
    EXPECT_FALSE(
        check(signed_token(R"({"alg":"EdDSA"})", kClaims, stranger.get(), nullptr), *keys));
  }
}

// RFC 8037 appendix A.4, A.5: what others have signed. Its payload is no JSON, so the key is asked.
TEST(JwtKeys, TakeTheSignatureOfTheStandard) {
  const auto keys = jwt_keys_from_jwks(R"({"keys":[{"kty":"OKP","crv":"Ed25519",)"
                                       R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
  ASSERT_TRUE(keys.has_value()) << keys.error().detail;
  std::string signature;
  ASSERT_TRUE(decode_base64url(
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
      signature));
  constexpr std::string_view kText = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";

  EXPECT_TRUE(keys->front().verifies(JwtAlgorithm::EdDsa, kText, signature));
  EXPECT_FALSE(keys->front().verifies(JwtAlgorithm::EdDsa, kText.substr(1), signature));
}

// RFC 8725 §3.1: no algorithm of another kind, and none but the one that the set names.
TEST(Jwt, UsesNoKeyForWhatItIsNotFor) {
  const auto rsa = new_rsa_key();
  const auto ed = new_ed25519_key();
  const auto ec = new_ec_key();
  const auto all = jwt_keys_from_jwks(R"({"keys":[{)" + jwk_of(rsa.get()) + "},{" +
                                      jwk_of(ed.get()) + "},{" + jwk_of(ec.get()) + "}]}");
  ASSERT_TRUE(all.has_value());
  // What one key has signed, under the name of another kind.
  EXPECT_FALSE(check(signed_token(R"({"alg":"EdDSA"})", kClaims, rsa.get()), *all));
  EXPECT_FALSE(check(signed_token(R"({"alg":"RS256"})", kClaims, ed.get(), nullptr), *all));
  EXPECT_FALSE(check(signed_token(R"({"alg":"PS256"})", kClaims, ec.get()), *all));
  // The public key as a secret. RFC 8725 §2.1
  EXPECT_FALSE(check(hs256_token(kHs256, kClaims, public_pem(ed.get())), *all));
  for (const auto* name : {"HS384", "HS512", "ES384", "ES512", "ES256K", "Ed448", "eddsa", "rs256"})
    EXPECT_FALSE(
        check(signed_token(R"({"alg":")" + std::string(name) + "\"}", kClaims, rsa.get()), *all))
        << name;

  const auto pss_alone =
      jwt_keys_from_jwks(R"({"keys":[{"alg":"PS256",)" + jwk_of(rsa.get()) + "}]}");
  ASSERT_TRUE(pss_alone.has_value());
  EXPECT_TRUE(
      check(signed_token(R"({"alg":"PS256"})", kClaims, rsa.get(), EVP_sha256(), true), *pss_alone)
          .has_value());
  const auto other = check(signed_token(R"({"alg":"RS256"})", kClaims, rsa.get()), *pss_alone);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().kind, Kind::UnknownKey);
}

// RFC 8725 §2.1, §3.1: the algorithm is the key's.
TEST(Jwt, TakesTheAlgorithmFromTheKeyNeverFromTheTokenAlone) {
  const auto rsa = new_rsa_key();
  const auto pem = public_pem(rsa.get());
  const auto keys = jwt_keys_from_pem(pem);
  ASSERT_TRUE(keys.has_value());

  EXPECT_FALSE(check(hs256_token(kHs256, kClaims, pem), *keys).has_value());
  EXPECT_FALSE(jwt_secret(pem).has_value());
  for (const auto* header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":""})", R"({"alg":7})",
        R"({"alg":"HS384"})", R"({"alg":"RS256"})", R"({"alg":"ES256"})"}) {
    EXPECT_FALSE(check(hs256_token(header, kClaims, kSecret), keys_of(kSecret)).has_value())
        << header;
    const auto unsigned_token = base64url(header) + "." + base64url(kClaims) + ".";
    EXPECT_FALSE(check(unsigned_token, keys_of(kSecret)).has_value()) << header;
    EXPECT_FALSE(check(unsigned_token, *keys).has_value()) << header;
  }
}

TEST(Jwt, RefusesWhatItDoesNotUnderstand) {
  const auto why = [&](std::string_view header) {
    const auto login = check(hs256_token(header, kClaims, kSecret), keys_of(kSecret));
    return login ? "" : login.error().why;
  };

  EXPECT_EQ(why(R"({"alg":"HS256","kid":"any"})"), "");  // our secret has no kid
  EXPECT_THAT(why(R"({"alg":"HS256","crit":["b64"],"b64":false})"), HasSubstr("extensions"));
  EXPECT_THAT(why(R"({"alg":"HS256")"), HasSubstr("no signed token"));
}

TEST(Jwt, LooksAtItsTimes) {
  const auto at = [](std::string_view name, std::int64_t seconds) {
    return R"({"sub":"meter","exp":1800001000,")" + std::string(name) +
           "\":" + std::to_string(seconds) + "}";
  };

  EXPECT_EQ(fault(R"({"sub":"meter","exp":1799999971})"), "");  // within the leeway of 30 s
  EXPECT_EQ(fault(R"({"sub":"meter","exp":1799999970})"), "it has expired");
  EXPECT_EQ(fault(R"({"sub":"meter","exp":1.8000000005e9})"), "");
  EXPECT_EQ(fault(R"({"sub":"meter"})"), "it has no `exp`");
  EXPECT_EQ(fault(R"({"sub":"meter"})", {.expiry_required = false}), "");
  EXPECT_EQ(fault(R"({"sub":"meter","exp":1799999999})",
                  {.leeway = std::chrono::milliseconds(0), .expiry_required = false}),
            "it has expired");
  EXPECT_EQ(fault(at("nbf", kNow + 30)), "");
  EXPECT_EQ(fault(at("nbf", kNow + 31)), "it is not valid yet");
  EXPECT_EQ(fault(at("iat", kNow + 30)), "");
  EXPECT_EQ(fault(at("iat", kNow + 31)), "it was issued in the future");
  for (const auto* exp : {"\"1800000060\"", "-1", "1e300", "null", "true", "[1800000060]", "{}"})
    EXPECT_EQ(fault(R"({"sub":"meter","exp":)" + std::string(exp) + "}"), "its `exp` is no time")
        << exp;
}

TEST(Jwt, LooksAtIssuerAudienceAndClientId) {
  const auto with = [](std::string_view more) {
    return R"({"sub":"meter","exp":1800000060)" + std::string(more) + "}";
  };
  const JwtRules issuer{.issuer = "https://id.example"};
  const JwtRules audience{.audience = "mqtt"};
  const JwtRules client{.client_id_claim = "device"};

  EXPECT_EQ(fault(with(R"(,"iss":"https://id.example")"), issuer), "");
  EXPECT_NE(fault(with(R"(,"iss":"https://id.example.org")"), issuer), "");
  EXPECT_NE(fault(with(""), issuer), "");
  EXPECT_EQ(fault(with(R"(,"aud":"mqtt")"), audience), "");
  EXPECT_EQ(fault(with(R"(,"aud":["web","mqtt"])"), audience), "");
  EXPECT_NE(fault(with(R"(,"aud":["web",["mqtt"]])"), audience), "");
  EXPECT_NE(fault(with(R"(,"aud":"mqtt2")"), audience), "");
  EXPECT_NE(fault(with(""), audience), "");
  EXPECT_EQ(fault(with(R"(,"device":"c")"), client), "");
  EXPECT_NE(fault(with(R"(,"device":"d")"), client), "");
  EXPECT_NE(fault(with(""), client), "");
}

TEST(Jwt, RefusesAnOddUserName) {
  for (const auto* name : {R"("")", "7", "null", R"("a\nb")", R"("\u0000")", R"(["meter"])"})
    EXPECT_THAT(fault(R"({"exp":1800000060,"sub":)" + std::string(name) + "}"),
                HasSubstr("no user name"))
        << name;
  EXPECT_THAT(fault(R"({"exp":1800000060,"sub":")" + std::string(257, 'x') + "\"}"),
              HasSubstr("no user name"));
  EXPECT_EQ(fault(R"({"exp":1800000060,"azp":"meter"})", {.username_claim = "azp"}), "");
}

TEST(Jwt, TellsTokensFromPasswords) {
  const auto token = hs256_token(kHs256, kClaims, kSecret);

  EXPECT_TRUE(looks_like_jwt(token));
  EXPECT_TRUE(looks_like_jwt(base64url(R"({"alg":"none"})") + ".."));
  for (const std::string text :
       {"", "a", ".", "..", "...", "a.b.c", "e30.e30.e30", "secret.with.dots"})
    EXPECT_FALSE(looks_like_jwt(text)) << text;
  EXPECT_FALSE(looks_like_jwt(token + ".x"));
  EXPECT_FALSE(looks_like_jwt(token + "="));
  EXPECT_FALSE(looks_like_jwt(base64url(kHs256) + "." + std::string(kMaximumJwtBytes, 'x') + "."));
}

TEST(Jwt, SaysNothingOfTheTokenInItsFaults) {
  const auto token = hs256_token(kHs256, R"({"sub":"canary-a\n","exp":1800000060})", "canary-key");
  const auto wrong_key = check(token, keys_of(kSecret));
  ASSERT_FALSE(wrong_key.has_value());
  EXPECT_THAT(wrong_key.error().why, Not(HasSubstr("canary")));
  EXPECT_THAT(fault(R"({"sub":"canary-a\n","exp":1800000060})"), Not(HasSubstr("canary")));
}

TEST(JwtKeys, RefusesWeakAndDamagedOnes) {
  const auto detail = [](const Result<JwtKeys>& keys) {
    return keys ? std::string("taken") : keys.error().detail;
  };
  const auto weak = new_rsa_key(1024);
  const auto other_curve = new_ec_key("P-384");
  const auto ec = new_ec_key();

  EXPECT_THAT(detail(jwt_keys_from_pem(public_pem(weak.get()))), HasSubstr("1024 bits"));
  EXPECT_THAT(detail(jwt_keys_from_pem(public_pem(other_curve.get()))), HasSubstr("P-256"));
  EXPECT_THAT(detail(jwt_keys_from_pem("-----BEGIN PRIVATE KEY-----\n")), HasSubstr("private key"));
  EXPECT_THAT(detail(jwt_keys_from_pem("")), HasSubstr("no public key"));
  EXPECT_THAT(
      detail(jwt_keys_from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")),
      HasSubstr("damaged"));
  EXPECT_THAT(detail(jwt_keys_from_jwks(R"({"keys":[{)" + jwk_of(weak.get()) + "}]}")),
              HasSubstr("1024 bits"));
  EXPECT_THAT(
      detail(jwt_keys_from_jwks(
          R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
          R"("y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]})")),
      HasSubstr("damaged"));  // not on the curve
  const auto rsa = new_rsa_key();
  EXPECT_THAT(detail(jwt_keys_from_jwks(R"({"keys":[{"kty":"RSA","e":"Ag","n":")" +
                                        number_text(rsa.get(), "n") + R"("}]})")),
              HasSubstr("damaged"));  // an even exponent
  EXPECT_FALSE(jwt_secret("31 bytes, which is not enough..").has_value());
  for (const auto* text :
       {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[1]})", R"({"keys":[]})",
        R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfV"}]})",
        R"({"keys":[{"kty":"RSA"}]})", R"({"keys":[{"kty":"RSA","n":"","e":""}]})"})
    EXPECT_NE(detail(jwt_keys_from_jwks(text)), "taken") << text;
}

// RFC 7517 §5: what is for something else is passed over; a secret does not belong there.
TEST(JwtKeys, PassesOverKeysForSomethingElse) {
  const auto ec = new_ec_key();
  const auto mine = "{" + jwk_of(ec.get()) + "}";
  const std::string others = R"({"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"},)"
                             R"({"kty":"OKP","crv":"X25519"},)"
                             R"({"use":"enc",)" +
                             jwk_of(ec.get()) + R"(},{"key_ops":["sign"],)" + jwk_of(ec.get()) +
                             R"(},{"alg":"ES384",)" + jwk_of(ec.get()) + "}";

  const auto keys = jwt_keys_from_jwks(R"({"keys":[)" + others + "," + mine + "]}");
  ASSERT_TRUE(keys.has_value()) << keys.error().detail;
  EXPECT_EQ(keys->size(), 1U);
  EXPECT_FALSE(jwt_keys_from_jwks(R"({"keys":[)" + others + "]}").has_value());
}

}  // namespace
}  // namespace sluice::broker
