#include "connectors/http/http_outcome.hpp"

#include <gtest/gtest.h>

namespace sluice::connectors::http {
namespace {

using connect::Verdict;

TEST(HttpOutcome, ThrowsAwayOnlyWhatCanNeverBeTaken) {
  for (const unsigned status : {200U, 201U, 204U, 299U})
    EXPECT_EQ(verdict_of(status), Verdict::Delivered) << status;
  for (const unsigned status : {400U, 409U, 410U, 413U, 415U, 422U})
    EXPECT_EQ(verdict_of(status), Verdict::Rejected) << status;
  for (const unsigned status : {301U, 302U, 401U, 403U, 404U, 405U, 408U, 425U, 429U, 500U, 503U})
    EXPECT_EQ(verdict_of(status), Verdict::RetryLater) << status;
}

TEST(HttpOutcome, ReadsTheResultsOfSingleRecords) {
  EXPECT_EQ(results_in(R"({"results":[200,422,503]})", 3), (std::vector<unsigned>{200, 422, 503}));
  for (const std::string_view body :
       {"", "ok", "[]", "{}", R"({"results":[200,422]})", R"({"results":[200,422,"503"]})",
        R"({"results":[200,422,42]})", R"({"results":[200,422,503.5]})",
        R"({"results":[[[[[1]]]]]})"})
    EXPECT_EQ(results_in(body, 3), std::nullopt) << body;
}

TEST(HttpOutcome, KeepsARetryAfterOfAnHourAtMost) {
  using std::chrono::seconds;
  EXPECT_EQ(retry_after("0"), seconds(0));
  EXPECT_EQ(retry_after("120"), seconds(120));
  EXPECT_EQ(retry_after("99999999999999999999"), seconds(3600));
  EXPECT_EQ(retry_after(""), std::nullopt);
  EXPECT_EQ(retry_after("-1"), std::nullopt);
  EXPECT_EQ(retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), std::nullopt);
}

TEST(HttpOutcome, GivesAReasonOnOneLine) {
  EXPECT_EQ(reason_of(503, "", {}), "the server answered 503");
  EXPECT_EQ(reason_of(422, "no\r\nsevens", {}), "the server answered 422: no  sevens");
  EXPECT_EQ(reason_of(500, "\xff\xfe", {}), "the server answered 500");
  EXPECT_EQ(reason_of(500, std::string(199, 'a') + "\xc3\xa4", {}),
            "the server answered 500: " + std::string(199, 'a'));
}

TEST(HttpOutcome, ShowsNoSecretThatTheAnswerRepeats) {
  const std::vector<std::string> secrets = {"Bearer s3cret", "s3cret", ""};
  EXPECT_EQ(reason_of(403, "not for Bearer s3cret (s3cret)", secrets),
            "the server answered 403: not for *** (***)");
  const auto at_the_cut = reason_of(403, std::string(197, 'a') + "s3cret", secrets);
  EXPECT_EQ(at_the_cut, "the server answered 403: " + std::string(197, 'a') + "***");
}

}  // namespace
}  // namespace sluice::connectors::http
