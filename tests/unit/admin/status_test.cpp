// Overview, metrics, health, settings.
#include <boost/json/array.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

using StatusTest = AdminTest;

TEST_F(StatusTest, IsReadyWhileTheStoreAccepts) {
  const auto answer = get("/health/ready");

  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(object_of(answer).at("status").get_string(), "ready");
}

TEST_F(StatusTest, SaysWhyItIsNotReady) {
  store_.close();

  const auto answer = get("/health/ready");

  EXPECT_EQ(answer.status, 503U);
  const auto body = object_of(answer);
  const auto& reason = body.at("reasons").get_array().at(0).get_object();
  EXPECT_EQ(reason.at("component").get_string(), "store");
  EXPECT_EQ(reason.at("code").get_string(), "closed");
  EXPECT_EQ(get("/health/live").status, 200U);
  EXPECT_FALSE(object_of(get("/api/v1/overview")).at("store").at("accepting").get_bool());
}

TEST_F(StatusTest, IsDegradedWhereTheLogIsDamaged) {
  store_.damage(store::Position(7));

  const auto answer = get("/health/ready");

  EXPECT_EQ(answer.status, 503U);
  const auto body = object_of(answer);
  EXPECT_EQ(body.at("status").get_string(), "degraded");
  const auto& reason = body.at("reasons").get_array().at(0).get_object();
  EXPECT_EQ(reason.at("code").get_string(), "corrupt");
  EXPECT_EQ(get("/health/live").status, 200U);
  const auto shown = object_of(get("/api/v1/overview")).at("store").get_object();
  EXPECT_TRUE(shown.at("accepting").get_bool());
  EXPECT_EQ(shown.at("damage").get_string(), "damaged at offset 7");
}

TEST_F(StatusTest, HearsOtherReasonsToo) {
  auto with_reason = sources();
  with_reason.unready = [] { return std::vector<std::string>{"listener tcp does not accept"}; };
  Api api(with_reason, accounts_, {});

  const auto answer = api.answer(request(Method::Get, "/health/ready"));

  EXPECT_EQ(answer.status, 503U);
  EXPECT_THAT(answer.body, HasSubstr("listener tcp"));
}

TEST_F(StatusTest, IsReadyWithWhatWillNeedAPerson) {
  auto with_notice = sources();
  with_notice.notices = [] { return std::vector<std::string>{"a certificate expires on Monday"}; };
  Api api(with_notice, accounts_, {});

  const auto answer = api.answer(request(Method::Get, "/health/ready"));

  EXPECT_EQ(answer.status, 200U);
  EXPECT_THAT(answer.body, HasSubstr("expires on Monday"));
  EXPECT_THAT(get("/health/ready").body, Not(HasSubstr("notices")));
}

TEST_F(StatusTest, ShowsMetricsAsPrometheusReadsThem) {
  metrics_.counter({.name = "sluice_test_total", .help = "A test."}).add(3);

  const auto answer = get("/metrics");

  EXPECT_EQ(answer.status, 200U);
  EXPECT_THAT(answer.content_type, testing::StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(answer.body, HasSubstr("sluice_test_total 3"));
}

TEST_F(StatusTest, CountsItsAnswers) {
  static_cast<void>(get("/health/live"));
  static_cast<void>(get("/nothing"));
  static_cast<void>(get("/nothing"));

  const auto body = get("/metrics").body;

  EXPECT_THAT(body, HasSubstr("sluice_admin_requests_total{status=\"2xx\"} 1"));
  EXPECT_THAT(body, HasSubstr("sluice_admin_requests_total{status=\"4xx\"} 2"));
}

TEST_F(StatusTest, ShowsMetricsToAllOnlyIfToldTo) {
  token_.clear();
  EXPECT_EQ(get("/metrics").status, 401U);

  make_api({.metrics_public = true});
  token_.clear();

  EXPECT_EQ(get("/metrics").status, 200U);
  EXPECT_EQ(get("/api/v1/overview").status, 401U);
}

TEST_F(StatusTest, GivesAnOverview) {
  auto with_broker = sources();
  with_broker.broker_overview = [] { return json::object{{"connections", 7}}; };
  Api api(with_broker, accounts_, {.node_name = "n-1"});
  auto made = request(Method::Get, "/api/v1/overview");
  made.authorization = "Bearer " + api.create_local_token();
  clock_.advance(std::chrono::seconds(90));

  const auto body = object_of(api.answer(made));

  EXPECT_EQ(body.at("node").get_string(), "n-1");
  EXPECT_EQ(body.at("uptime_seconds").to_number<int>(), 90);
  EXPECT_EQ(body.at("broker").at("connections").to_number<int>(), 7);
  EXPECT_TRUE(body.at("store").at("accepting").get_bool());
  EXPECT_EQ(body.at("tasks").at("total").to_number<int>(), 0);
}

TEST_F(StatusTest, ShowsSettings) {
  auto with_settings = sources();
  with_settings.settings = [] { return json::object{{"data", "./data"}}; };
  Api api(with_settings, accounts_, {});
  auto made = request(Method::Get, "/api/v1/settings");
  made.authorization = "Bearer " + api.create_local_token();

  EXPECT_EQ(object_of(api.answer(made)).at("data").get_string(), "./data");
}

TEST_F(StatusTest, TurnsFaultsIntoProblems) {
  auto broken = sources();
  broken.settings = []() -> json::object { throw std::runtime_error("canary"); };
  Api api(broken, accounts_, {});
  auto made = request(Method::Get, "/api/v1/settings");
  made.authorization = "Bearer " + api.create_local_token();

  const auto answer = api.answer(made);

  EXPECT_EQ(answer.status, 500U);
  EXPECT_EQ(problem_code(answer), "internal_error");
  EXPECT_THAT(answer.body, Not(HasSubstr("canary")));
}

}  // namespace
}  // namespace sluice::admin
