// SCRAM-SHA-256: the exchange of RFC 7677 to the byte, and logins over stored users.
#include "broker/access/scram.hpp"

#include <openssl/evp.h>

#include "base/base64.hpp"
#include "broker/access/login_guard.hpp"
#include "broker/access/password_hash.hpp"
#include "fixture.hpp"

namespace sluice::broker {
namespace {

using mqtt::ReasonCode;
using Fault = ScramExchange::Fault;

constexpr std::string_view kVerifier =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

std::string bytes_of(std::string_view text) {
  std::string bytes;
  return decode_base64(text, bytes) ? bytes : "?";
}

std::string text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The last message of a client, as RFC 5802 §3 computes it.
std::string final_of(std::string_view password, std::string_view first,
                     std::string_view challenge) {
  const auto salt_at = challenge.find(",s=");
  const auto count_at = challenge.find(",i=");
  const auto salt = bytes_of(challenge.substr(salt_at + 3, count_at - salt_at - 3));
  const auto count = std::stoi(std::string(challenge.substr(count_at + 3)));
  Digest salted{};
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                    reinterpret_cast<const unsigned char*>(salt.data()),
                    static_cast<int>(salt.size()), count, EVP_sha256(), salted.size(),
                    salted.data());
  const auto client_key = keyed_digest(text_of(salted), "Client Key");
  auto message = "c=biws," + std::string(challenge.substr(0, salt_at));
  const auto what = std::string(first.substr(3)) + "," + std::string(challenge) + "," + message;
  auto proof = keyed_digest(text_of(sha256(text_of(client_key))), what);
  for (std::size_t i = 0; i < proof.size(); ++i)
    proof[i] = static_cast<unsigned char>(proof[i] ^ client_key[i]);
  return message + ",p=" + base64(text_of(proof));
}

TEST(Scram, AnswersTheExampleOfTheStandardToTheByte) {  // RFC 7677 §3
  ScramExchange exchange("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  const auto verifier = scram_verifier("pencil", bytes_of("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);

  const auto name = exchange.read_first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const auto challenge = exchange.challenge(verifier);
  const auto answer =
      exchange.check_final(verifier,
                           "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                           "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");

  EXPECT_EQ(name.value_or("?"), "user");
  EXPECT_EQ(challenge,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  EXPECT_EQ(answer.value_or("?"), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, KeepsWhatItNeedsOfAPasswordAsText) {
  const auto made = scram_verifier("pencil", bytes_of("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);

  EXPECT_EQ(to_text(made), kVerifier);
  EXPECT_EQ(scram_from_text(kVerifier), made);
  EXPECT_NE(to_text(scram_verifier("pencil")), to_text(scram_verifier("pencil")));  // salted
  for (std::size_t size = 0; size < kVerifier.size(); ++size)
    EXPECT_FALSE(scram_from_text(kVerifier.substr(0, size))) << size;
  for (const auto* text : {"SCRAM-SHA-1$4096:YQ==$YQ==:YQ==", "SCRAM-SHA-256$0:YQ==$YQ==:YQ==",
                           "SCRAM-SHA-256$4294967295:YQ==$YQ==:YQ=="})
    EXPECT_FALSE(scram_from_text(text)) << text;
}

TEST(Scram, ReadsNamesWithTheTwoLettersThatAreEscaped) {
  ScramExchange exchange("s");

  EXPECT_EQ(exchange.read_first("n,,n=a=2Cb=3Dc,r=x,ext=1").value_or("?"), "a,b=c");
}

class ScramLogins : public StoppedClockTest {
 protected:
  struct Outcome {
    LoginExchange::Answer answer;
    std::string challenge;
    std::string username;
  };
  Outcome log_in_by_scram(const std::string& user, std::string_view password,
                          std::string host = "192.0.2.1") {
    const auto login = access_->begin_login(client_of(std::nullopt, std::move(host)));
    const auto first = "n,,n=" + user + ",r=clientnonce";
    const auto asked = login->next(first);
    if (asked.reason != ReasonCode::ContinueAuthentication) return {asked, {}, {}};
    auto answer = login->next(final_of(password, first, asked.data));
    return {std::move(answer), asked.data, login->username()};
  }
  static std::string salt_in(const Outcome& outcome) {
    return outcome.challenge.substr(outcome.challenge.find(",s="));
  }
  void add_meter() {
    ASSERT_TRUE(access_->create_user(object(R"({"name":"meter","password":"right"})")));
  }
  // As a version stored it that did not know SCRAM.
  void add_user_of_old() {
    const auto batch = store_.new_batch();
    batch->put(store::StateKind::Document, "user/01",
               R"({"id":"01","name":"meter","password_hash":")" + *hash_password("right") + "\"}");
    ASSERT_TRUE(store_.append(batch));
    reopen();
  }
};

TEST_F(ScramLogins, AdmitTheRightPasswordAloneAlsoAfterARestart) {
  add_meter();

  const auto right = log_in_by_scram("meter", "right");
  EXPECT_EQ(right.answer.reason, ReasonCode::Success);
  EXPECT_EQ(right.username, "meter");
  EXPECT_TRUE(right.answer.data.starts_with("v="));
  const auto wrong = log_in_by_scram("meter", "wrong");
  EXPECT_EQ(wrong.answer.reason, ReasonCode::BadUserNameOrPassword);
  EXPECT_EQ(wrong.answer.data, "");
  EXPECT_EQ(log_in_by_scram("nobody", "right").answer.reason, ReasonCode::BadUserNameOrPassword);

  reopen();
  EXPECT_EQ(log_in_by_scram("meter", "right").answer.reason, ReasonCode::Success);
}

TEST_F(ScramLogins, TellNobodyWhichUsersThereAre) {
  add_meter();
  const auto meter = log_in_by_scram("meter", "wrong");
  const auto nobody = log_in_by_scram("nobody", "wrong");
  const auto no_one = log_in_by_scram("no_one", "wrong");
  reopen();
  const auto later = log_in_by_scram("nobody", "wrong");

  EXPECT_EQ(meter.challenge.size(), nobody.challenge.size());
  EXPECT_NE(salt_in(nobody), salt_in(no_one));
  EXPECT_EQ(salt_in(nobody), salt_in(later));  // as of one that is stored
}

TEST_F(ScramLogins, ShowNothingOfThePasswordInDocuments) {
  const auto made = access_->create_user(object(R"({"name":"meter","password":"right"})"));

  ASSERT_TRUE(made);
  EXPECT_FALSE(made->contains("scram"));
  EXPECT_FALSE(access_->user("meter")->contains("scram"));
}

TEST_F(ScramLogins, AreForUsersOfOldAfterOneLoginWithTheirPassword) {
  add_user_of_old();
  EXPECT_EQ(log_in_by_scram("meter", "right").answer.reason, ReasonCode::BadUserNameOrPassword);

  EXPECT_EQ(log_in("meter", "wrong"), ReasonCode::BadUserNameOrPassword);
  EXPECT_EQ(log_in_by_scram("meter", "right").answer.reason, ReasonCode::BadUserNameOrPassword);
  EXPECT_EQ(log_in("meter", "right"), ReasonCode::Success);
  EXPECT_EQ(log_in_by_scram("meter", "right").answer.reason, ReasonCode::Success);

  reopen();
  EXPECT_EQ(log_in_by_scram("meter", "right").answer.reason, ReasonCode::Success);
  EXPECT_EQ(log_in("meter", "right"), ReasonCode::Success);
}

TEST_F(ScramLogins, EndWithTheUserTheyBeganFor) {
  add_meter();
  const auto login = access_->begin_login(client_of(std::nullopt));
  const std::string first = "n,,n=meter,r=clientnonce";
  const auto asked = login->next(first);
  ASSERT_TRUE(access_->remove_user("meter"));
  add_meter();

  const auto answer = login->next(final_of("right", first, asked.data));

  EXPECT_EQ(answer.reason, ReasonCode::BadUserNameOrPassword);
}

TEST_F(ScramLogins, HoldBackWhoGuesses) {
  add_meter();
  for (int i = 0; i < LoginGuard::kFree; ++i)
    EXPECT_EQ(log_in_by_scram("meter", "wrong").answer.reason, ReasonCode::BadUserNameOrPassword);

  EXPECT_EQ(log_in_by_scram("meter", "right").answer.reason, ReasonCode::ConnectionRateExceeded);
  EXPECT_EQ(log_in("meter", "guess"), ReasonCode::ConnectionRateExceeded);
  EXPECT_EQ(log_in_by_scram("meter", "right", "192.0.2.2").answer.reason, ReasonCode::Success);
}

TEST_F(ScramLogins, SlowDownGuessesAtOneUserFromWhereverTheyCome) {
  reopen_with_bound_of_user(2);
  add_meter();
  EXPECT_EQ(log_in_by_scram("meter", "right", "192.0.2.1").answer.reason, ReasonCode::Success);
  for (const auto* host : {"198.51.100.1", "198.51.100.2", "198.51.100.3"})
    EXPECT_EQ(log_in_by_scram("meter", "wrong", host).answer.reason,
              ReasonCode::BadUserNameOrPassword);

  EXPECT_EQ(log_in_by_scram("meter", "right", "198.51.100.4").answer.reason,
            ReasonCode::ConnectionRateExceeded);
  EXPECT_EQ(log_in_by_scram("meter", "right", "192.0.2.1").answer.reason, ReasonCode::Success);
}

TEST_F(ScramLogins, AreNotKnownWhileTheSwitchIsOff) {
  EXPECT_TRUE(access_->knows_method("SCRAM-SHA-256"));
  EXPECT_FALSE(access_->knows_method("SCRAM-SHA-1"));
  reopen({.enabled = false});
  EXPECT_FALSE(access_->knows_method("SCRAM-SHA-256"));
}

}  // namespace
}  // namespace sluice::broker
