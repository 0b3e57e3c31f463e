// Connections and tasks over REST, with the real runtime and a connector that takes everything.
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kConnection =
    R"({"name":"main","type":"memory","settings":{"address":"here","password":"canary-4711"}})";
const std::string kAway = R"({"name":"away","type":"memory","settings":{"address":"nowhere"}})";
const std::string kTask =
    R"({"name":"telemetry","source":{"type":"local","filters":["plant/#"]},"map":{"topic":"out"},
        "sink":{"type":"memory","connection":"main"}})";

class IntegrationTest : public AdminTest {
 protected:
  void SetUp() override { ASSERT_TRUE(integration_.start().has_value()); }

  void add_connection() { ASSERT_EQ(post("/api/v1/connections", kConnection).status, 201U); }
  void add_task() {
    const auto answer = post("/api/v1/tasks", kTask);
    ASSERT_EQ(answer.status, 201U) << answer.body;
  }
  void add_connections(const std::vector<std::string>& names) {
    for (const auto& name : names)
      ASSERT_EQ(post("/api/v1/connections",
                     R"({"name":")" + name + R"(","type":"memory","settings":{"address":"here"}})")
                    .status,
                201U);
  }
  // Of all pages of a list, `limit` on each.
  std::vector<std::string> names_in(const std::string& list, std::size_t limit = 50) {
    std::vector<std::string> found;
    std::string page;
    do {
      const auto answer = object_of(get(list + "&limit=" + std::to_string(limit) + page));
      for (const auto& item : answer.at("items").get_array())
        found.emplace_back(item.at("name").get_string());
      const auto& next = answer.at("next");
      page = next.is_null() ? "" : "&page=" + std::string(next.get_string());
    } while (!page.empty());
    return found;
  }
  std::string status_of_task() {
    return std::string(object_of(get("/api/v1/tasks/telemetry")).at("status").get_string());
  }
  void wait_for_status(std::string_view status) {
    while (status_of_task() != status) std::this_thread::yield();
  }
};

TEST_F(IntegrationTest, SavesAVerifiedConnectionAndShowsNoSecret) {
  const auto created = post("/api/v1/connections", kConnection);

  ASSERT_EQ(created.status, 201U) << created.body;
  EXPECT_EQ(header_of(created, "Location"), "/api/v1/connections/main");
  const auto shown = object_of(get("/api/v1/connections/main"));
  EXPECT_EQ(shown.at("settings").at("password").get_string(), "***");
  EXPECT_EQ(shown.at("status").get_string(), "healthy");
  EXPECT_THAT(created.body, Not(HasSubstr("canary")));
  EXPECT_THAT(get("/api/v1/connections").body, Not(HasSubstr("canary")));
}

TEST_F(IntegrationTest, SavesNoConnectionThatIsAwayUnlessToldTo) {
  const auto refused = post("/api/v1/connections", kAway);
  EXPECT_EQ(refused.status, 422U);
  EXPECT_EQ(problem_code(refused), "verification_failed");
  EXPECT_EQ(get("/api/v1/connections/away").status, 404U);

  EXPECT_EQ(post("/api/v1/connections?verify=false", kAway).status, 201U);
  EXPECT_EQ(post("/api/v1/connections?verify=maybe", kAway).status, 400U);
}

TEST_F(IntegrationTest, ListsGoByWhatIsAskedForOnAllPages) {
  add_connections({"first", "second", "third", "main"});
  add_task();
  ASSERT_EQ(post("/api/v1/connections?verify=false", kAway).status, 201U);

  for (const std::size_t limit : {1U, 2U, 50U}) {
    EXPECT_THAT(names_in("/api/v1/connections?sort=-name", limit),
                ElementsAre("third", "second", "main", "first", "away"));
    EXPECT_THAT(names_in("/api/v1/connections?sort=tasks", limit),
                ElementsAre("away", "first", "second", "third", "main"));
    EXPECT_THAT(names_in("/api/v1/connections?sort=-tasks", limit),
                ElementsAre("main", "away", "first", "second", "third"));
    EXPECT_THAT(names_in("/api/v1/connections?sort=-status", limit),
                ElementsAre("away", "first", "main", "second", "third"));
    EXPECT_THAT(names_in("/api/v1/connections?sort=-tasks&name_contains=r", limit),
                ElementsAre("first", "third"));
  }
}

TEST_F(IntegrationTest, SaysWhatListsMayGoBy) {
  add_connections({"first", "second"});

  for (const auto* sort : {"id", "", "-", "--name", "names"}) {
    const auto answer = get(std::string("/api/v1/tasks?sort=") + sort);
    EXPECT_EQ(problem_code(answer), "invalid_parameter") << sort;
    EXPECT_THAT(answer.body, HasSubstr("oldest_unsent_age_seconds")) << sort;
  }
  const auto by_name = object_of(get("/api/v1/connections?limit=1")).at("next").as_string();
  const auto answer = get("/api/v1/connections?sort=tasks&page=" + std::string(by_name));
  EXPECT_EQ(problem_code(answer), "invalid_parameter");
}

TEST_F(IntegrationTest, VerifiesBothForms) {
  add_connection();

  const auto good = post("/api/v1/connections:verify", kConnection);
  const auto bad = post("/api/v1/connections:verify", kAway);
  const auto saved = post("/api/v1/connections/main:verify");

  EXPECT_EQ(good.status, 200U);
  EXPECT_TRUE(object_of(good).at("ok").get_bool());
  EXPECT_EQ(bad.status, 200U);
  const auto report = object_of(bad);
  EXPECT_FALSE(report.at("ok").get_bool());
  EXPECT_EQ(report.at("steps").get_array().at(0).at("hint").get_string(), "say here");
  EXPECT_EQ(saved.status, 200U);
  EXPECT_TRUE(object_of(saved).at("ok").get_bool());
  EXPECT_EQ(post("/api/v1/connections/other:verify").status, 404U);
}

TEST_F(IntegrationTest, NamesWhatIsWrongWithAConnection) {
  const auto answer = post("/api/v1/connections",
                           R"({"name":"main","type":"memory","settings":{"adress":"here"}})");

  EXPECT_EQ(answer.status, 422U);
  EXPECT_EQ(problem_code(answer), "invalid_document");
  EXPECT_THAT(answer.body, HasSubstr("/settings/adress"));
}

TEST_F(IntegrationTest, RunsATaskThroughItsLife) {
  add_connection();
  const auto created = post("/api/v1/tasks", kTask);
  ASSERT_EQ(created.status, 201U) << created.body;
  EXPECT_EQ(header_of(created, "Location"), "/api/v1/tasks/telemetry");
  wait_for_status("running");

  const auto in_use = del("/api/v1/connections/main");
  EXPECT_EQ(in_use.status, 409U);
  EXPECT_EQ(problem_code(in_use), "connection_in_use");

  const auto paused = post("/api/v1/tasks/telemetry:pause");
  EXPECT_EQ(paused.status, 200U);
  wait_for_status("paused");
  const auto started = post("/api/v1/tasks/telemetry:start");
  EXPECT_TRUE(started.status == 200 || started.status == 202) << started.body;
  EXPECT_EQ(started.status == 202, object_of(started).at("status").get_string() == "starting");
  wait_for_status("running");

  EXPECT_EQ(del("/api/v1/tasks/telemetry").status, 204U);
  EXPECT_EQ(get("/api/v1/tasks/telemetry").status, 404U);
  EXPECT_EQ(post("/api/v1/tasks/telemetry:start").status, 404U);
  EXPECT_EQ(del("/api/v1/connections/main").status, 204U);
}

TEST_F(IntegrationTest, CountsTasksByStatus) {
  add_connection();
  add_task();
  wait_for_status("running");

  const auto overview = object_of(get("/api/v1/overview"));

  EXPECT_EQ(overview.at("tasks").at("total").to_number<int>(), 1);
  EXPECT_EQ(overview.at("tasks").at("running").to_number<int>(), 1);
  EXPECT_EQ(overview.at("connections").at("healthy").to_number<int>(), 1);
  EXPECT_EQ(object_of(get("/api/v1/tasks?status=running")).at("items").get_array().size(), 1U);
  EXPECT_EQ(object_of(get("/api/v1/tasks?status=paused")).at("items").get_array().size(), 0U);
}

TEST_F(IntegrationTest, ListsDeadLetters) {
  add_connection();
  add_task();

  const auto answer = get("/api/v1/tasks/telemetry/dead-letters?limit=10");

  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_TRUE(object_of(answer).at("items").get_array().empty());
  EXPECT_EQ(get("/api/v1/tasks/other/dead-letters").status, 404U);
  EXPECT_EQ(get("/api/v1/tasks/telemetry/dead-letters?limit=0").status, 400U);
}

TEST_F(IntegrationTest, TakesFiltersOfDeadLettersWhereverAllAreMeant) {
  add_connection();
  add_task();
  const std::string letters = "/api/v1/tasks/telemetry/dead-letters";
  const std::string good =
      "?class=refused&reason_contains=x&filter=plant/%2B/%23&client_id=c"
      "&from=2026-03-01T12:00:00Z&to=2026-03-02T12:00:00Z";
  const std::string all = R"({"all":true})";

  EXPECT_EQ(get(letters + good).status, 200U);
  EXPECT_EQ(object_of(get(letters + "-preview" + good)).at("letters").to_number<int>(), 0);
  EXPECT_EQ(object_of(post(letters + ":redrive" + good, all)).at("redriven").to_number<int>(), 0);
  const auto deleted = del(letters + good);
  EXPECT_EQ(deleted.status, 200U);
  EXPECT_EQ(object_of(deleted).at("deleted").to_number<int>(), 0);

  for (const auto* wrong : {"?class=other", "?class=", "?filter=a/%23/b", "?filter=$share/g/a",
                            "?client_id=", "?reason_contains=", "?from=yesterday",
                            "?from=2026-03-02T12:00:00Z&to=2026-03-01T12:00:00Z", "?reason=x"}) {
    EXPECT_EQ(get(letters + wrong).status, 400U) << wrong;
    EXPECT_EQ(get(letters + "-preview" + wrong).status, 400U) << wrong;
    EXPECT_EQ(post(letters + ":redrive" + wrong, all).status, 400U) << wrong;
    EXPECT_EQ(del(letters + wrong).status, 400U) << wrong;
  }
  EXPECT_EQ(get(letters + "?page=x").status, 400U);
  EXPECT_EQ(post(letters + ":redrive?class=refused",
                 R"({"message_ids":["00000000000000000000000000000009"]})")
                .status,
            422U);
}

TEST_F(IntegrationTest, ListsTasksWithDeadLettersForWhoMaySeeTasks) {
  add_connection();
  add_task();

  const auto answer = object_of(get("/api/v1/dead-letters"));
  EXPECT_TRUE(answer.at("items").as_array().empty());
  EXPECT_EQ(answer.at("dead_letters").to_number<int>(), 0);
  EXPECT_GT(answer.at("maximum_bytes").to_number<int>(), 0);

  const auto made = post("/api/v1/tokens", R"({"name":"n","role":"viewer","scope":["tasks"]})");
  token_ = std::string(object_of(made).at("token").as_string());
  EXPECT_EQ(get("/api/v1/dead-letters").status, 200U);
  EXPECT_EQ(get("/api/v1/connections").status, 403U);
}

TEST_F(IntegrationTest, TriesATopicWhenToldTo) {
  EXPECT_EQ(post("/api/v1/connections?topic=forbidden", kConnection).status, 422U);
  EXPECT_EQ(post("/api/v1/connections?topic=allowed", kConnection).status, 201U);

  const auto unsaved = object_of(post("/api/v1/connections:verify?topic=forbidden", kConnection));
  const auto saved = object_of(post("/api/v1/connections/main:verify?topic=forbidden"));

  EXPECT_FALSE(unsaved.at("ok").get_bool());
  EXPECT_EQ(unsaved.at("steps").get_array().back().at("name").get_string(), "topic");
  EXPECT_FALSE(saved.at("ok").get_bool());
}

TEST_F(IntegrationTest, ChangesAConnectionUnlessItHasChangedMeanwhile) {
  add_connection();
  const auto etag = header_of(get("/api/v1/connections/main"), "ETag");
  const auto change = [&](std::string target, std::string body, std::string if_match = {}) {
    auto made = request(Method::Patch, std::move(target), std::move(body));
    made.authorization = "Bearer " + token_;
    made.content_type = "application/merge-patch+json";
    made.if_match = std::move(if_match);
    return api_->answer(made);
  };

  const auto changed = change("/api/v1/connections/main", R"({"description":"d"})", etag);
  ASSERT_EQ(changed.status, 200U) << changed.body;
  EXPECT_EQ(object_of(changed).at("description").get_string(), "d");
  EXPECT_NE(header_of(changed, "ETag"), etag);
  EXPECT_THAT(changed.body, Not(HasSubstr("canary")));

  EXPECT_EQ(change("/api/v1/connections/main", R"({"description":"e"})", etag).status, 412U);
  EXPECT_EQ(change("/api/v1/connections/main", R"({"settings":{"address":"nowhere"}})").status,
            422U);
  EXPECT_EQ(change("/api/v1/connections/main?verify=false&restart_tasks=false",
                   R"({"settings":{"address":"nowhere"}})")
                .status,
            200U);
  EXPECT_EQ(change("/api/v1/connections/main?restart_tasks=maybe", "{}").status, 400U);
  EXPECT_EQ(change("/api/v1/connections/other", "{}").status, 404U);
}

TEST_F(IntegrationTest, ChangesAndCopiesATask) {
  add_connection();
  add_task();

  const auto changed =
      ask(Method::Patch, "/api/v1/tasks/telemetry", R"({"description":"d","map":{"key":null}})");
  ASSERT_TRUE(changed.status == 200 || changed.status == 202) << changed.body;
  EXPECT_EQ(object_of(changed).at("description").get_string(), "d");
  EXPECT_EQ(ask(Method::Patch, "/api/v1/tasks/telemetry", R"({"map":{"topic":null}})").status,
            422U);

  const auto copy = post("/api/v1/tasks/telemetry:copy", R"({"name":"again"})");
  ASSERT_EQ(copy.status, 201U) << copy.body;
  EXPECT_EQ(header_of(copy, "Location"), "/api/v1/tasks/again");
  EXPECT_EQ(object_of(copy).at("status").get_string(), "paused");
  EXPECT_EQ(post("/api/v1/tasks/telemetry:copy", "{}").status, 422U);
}

TEST_F(IntegrationTest, MakesATaskTogetherWithItsAccount) {
  add_connection();
  EXPECT_EQ(post("/api/v1/tasks?create_account=maybe", kTask).status, 400U);

  const auto made = post("/api/v1/tasks?create_account=true", kTask);
  ASSERT_EQ(made.status, 201U) << made.body;
  EXPECT_EQ(object_of(made).at("account").get_string(), "task-telemetry");
  EXPECT_EQ(get("/api/v1/policies/task-telemetry").status, 200U);

  const auto wider = ask(Method::Patch, "/api/v1/tasks/telemetry",
                         R"({"source":{"filters":["plant/#","other/#"]}})");
  EXPECT_EQ(wider.status, 422U);
  EXPECT_EQ(problem_code(wider), "account_lacks_right");
  EXPECT_THAT(wider.body, HasSubstr("/source/filters/1"));
  EXPECT_EQ(del("/api/v1/tasks/telemetry").status, 204U);
  EXPECT_EQ(get("/api/v1/users/task-telemetry").status, 404U);
  EXPECT_EQ(get("/api/v1/policies/task-telemetry").status, 404U);
}

// Users and policies are no part of what a token for tasks may change.
TEST_F(IntegrationTest, MakesAndDeletesAccountsOnlyForWhoMayChangeUsersAndPolicies) {
  add_connection();
  const auto token_for = [this](const std::string& name, const std::string& scope) {
    const auto made =
        post("/api/v1/tokens",
             R"({"name":")" + name + R"(","role":"administrator","scope":[)" + scope + "]}");
    return std::string(object_of(made).at("token").as_string());
  };
  const auto tasks_alone = token_for("tasks", R"("tasks")");
  const auto tasks_and_users = token_for("users", R"("tasks","users")");
  const auto all_of_it = token_for("all", R"("tasks","users","policies")");
  for (const auto& token : {tasks_alone, tasks_and_users}) {
    token_ = token;
    EXPECT_EQ(problem_code(post("/api/v1/tasks?create_account=true", kTask)), "scope_needed");
  }

  token_ = all_of_it;
  ASSERT_EQ(post("/api/v1/tasks?create_account=true", kTask).status, 201U);
  token_ = tasks_alone;
  EXPECT_EQ(problem_code(del("/api/v1/tasks/telemetry")), "scope_needed");
  EXPECT_EQ(get("/api/v1/tasks/telemetry").status, 200U);
  token_ = all_of_it;
  EXPECT_EQ(del("/api/v1/tasks/telemetry").status, 204U);
  token_ = tasks_alone;
  EXPECT_EQ(post("/api/v1/tasks", kTask).status, 201U);
  EXPECT_EQ(del("/api/v1/tasks/telemetry").status, 204U);
}

TEST_F(IntegrationTest, PreviewsAGivenMessage) {
  add_connection();
  add_task();

  const auto shown = post("/api/v1/tasks:preview",
                          R"({"task":"telemetry","message":{"topic":"plant/1","payload":"x",
                              "client_id":"c","user_properties":{"a":"b"},"dup":true}})");

  ASSERT_EQ(shown.status, 200U) << shown.body;
  const auto record = object_of(shown).at("record").as_object();
  EXPECT_EQ(record.at("topic").get_string(), "out");
  EXPECT_EQ(record.at("key").get_string(), "c");
  EXPECT_EQ(record.at("value").get_string(), "x");
  EXPECT_THAT(shown.body, HasSubstr(R"("name":"mqtt.dup","value":"true")"));
  EXPECT_EQ(post("/api/v1/tasks:preview", R"({"task":"telemetry"})").status, 422U);
  EXPECT_EQ(post("/api/v1/tasks:preview",
                 R"({"task":"telemetry","message_id":"00000000000000000000000000000009"})")
                .status,
            404U);
}

TEST_F(IntegrationTest, RefusesWrongRequestsForDeadLetters) {
  add_connection();
  add_task();
  const std::string letters = "/api/v1/tasks/telemetry/dead-letters";
  const std::string nobody = letters + "/00000000000000000000000000000009";

  EXPECT_EQ(post(letters + ":redrive", "{}").status, 422U);
  EXPECT_EQ(post(letters + ":redrive", R"({"message_ids":["x"]})").status, 422U);
  EXPECT_EQ(post(letters + ":redrive", R"({"message_ids":null})").status, 422U);
  EXPECT_EQ(get(nobody).status, 404U);
  EXPECT_EQ(post(nobody + ":redrive").status, 404U);
  EXPECT_EQ(del(nobody).status, 404U);
  EXPECT_EQ(del(letters).status, 204U);
  const auto done = post(letters + ":redrive", R"({"all":true})");
  EXPECT_EQ(done.status, 200U) << done.body;
  EXPECT_EQ(object_of(done).at("left").to_number<int>(), 0);
}

TEST_F(IntegrationTest, DescribesItsConnectors) {
  const auto answer = object_of(get("/api/v1/connectors"));

  const auto& memory = answer.at("items").get_array().at(0).get_object();
  EXPECT_EQ(memory.at("name").get_string(), "memory");
  EXPECT_TRUE(memory.at("connection").at("properties").get_object().contains("address"));
  EXPECT_TRUE(memory.at("source").is_null());
}

}  // namespace
}  // namespace sluice::admin
