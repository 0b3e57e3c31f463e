// Users, policies, lists and problems: interface.md §3.
#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class EntitiesTest : public AdminTest {
 protected:
  std::vector<std::string> names(const Response& page) {
    std::vector<std::string> found;
    const auto body = object_of(page);
    for (const auto& item : body.at("items").get_array()) {
      found.emplace_back(item.at("name").get_string());
    }
    return found;
  }

  void add_policy(const std::string& name, const std::string& effect = "allow") {
    ASSERT_EQ(post("/api/v1/policies", R"({"name":")" + name + R"(","effect":")" + effect +
                                           R"(","operations":["connect"]})")
                  .status,
              201U);
  }
};

TEST_F(EntitiesTest, CreatesShowsAndDeletesAUser) {
  const auto created = post("/api/v1/users", R"({"name":"a/b:c é","password":"canary-4711"})");

  ASSERT_EQ(created.status, 422U);  // a space

  const auto taken = post("/api/v1/users", R"({"name":"a/b:c","password":"canary-4711"})");
  ASSERT_EQ(taken.status, 201U) << taken.body;
  EXPECT_EQ(header_of(taken, "Location"), "/api/v1/users/a%2Fb%3Ac");
  EXPECT_THAT(taken.body, Not(HasSubstr("canary-4711")));

  const auto shown = get("/api/v1/users/a%2Fb%3Ac");
  EXPECT_EQ(shown.status, 200U);
  const auto id = object_of(shown).at("id").get_string();
  EXPECT_EQ(get("/api/v1/users/" + std::string(id)).body, shown.body);
  EXPECT_EQ(shown.body, taken.body);

  EXPECT_EQ(del("/api/v1/users/a%2Fb%3Ac").status, 204U);
  const auto gone = get("/api/v1/users/a%2Fb%3Ac");
  EXPECT_EQ(gone.status, 404U);
  EXPECT_EQ(problem_code(gone), "not_found");
  EXPECT_EQ(del("/api/v1/users/a%2Fb%3Ac").status, 404U);
}

TEST_F(EntitiesTest, TakesAVerbAfterTheLastRawColonOnly) {
  ASSERT_EQ(post("/api/v1/users", R"({"name":"a:b","password":"p"})").status, 201U);

  EXPECT_EQ(get("/api/v1/users/a%3Ab").status, 200U);
  EXPECT_EQ(get("/api/v1/users/a:b").status, 404U);
}

TEST_F(EntitiesTest, SaysWhatIsWrongWithADocument) {
  const auto answer = post("/api/v1/policies",
                           R"({"name":"x","effect":"allow","operations":["publish"],"qos":[]})");

  EXPECT_EQ(answer.status, 422U);
  EXPECT_EQ(problem_code(answer), "invalid_document");
  const auto fields = object_of(answer).at("fields").get_array();
  std::vector<std::string> pointers;
  for (const auto& field : fields) pointers.emplace_back(field.at("pointer").get_string());
  EXPECT_THAT(pointers, testing::UnorderedElementsAre("/name", "/qos"));
}

TEST_F(EntitiesTest, RefusesATakenName) {
  add_policy("first");

  const auto again =
      post("/api/v1/policies", R"({"name":"first","effect":"deny","operations":["connect"]})");

  EXPECT_EQ(again.status, 409U);
  EXPECT_EQ(problem_code(again), "name_taken");
}

TEST_F(EntitiesTest, AnswersAsTheStoreDoes) {
  store_.fail_appends(Errc::NoSpace);
  EXPECT_EQ(
      post("/api/v1/policies", R"({"name":"abc","effect":"deny","operations":["connect"]})").status,
      507U);
  store_.fail_appends(Errc::Closed);
  const auto closed =
      post("/api/v1/policies", R"({"name":"abc","effect":"deny","operations":["connect"]})");
  EXPECT_EQ(closed.status, 503U);
  EXPECT_EQ(problem_code(closed), "closed");
}

TEST_F(EntitiesTest, ListsInPagesThatStayRightWhileThingsChange) {
  for (const auto* name : {"ddd", "bbb", "aaa", "ccc", "eee"}) add_policy(name);

  const auto first = get("/api/v1/policies?limit=2");
  EXPECT_THAT(names(first), ElementsAre("aaa", "bbb"));
  const auto next = std::string(object_of(first).at("next").get_string());
  ASSERT_EQ(del("/api/v1/policies/bbb").status, 204U);
  add_policy("aab");
  const auto second = get("/api/v1/policies?limit=2&page=" + next);
  EXPECT_THAT(names(second), ElementsAre("ccc", "ddd"));
  const auto last = get("/api/v1/policies?limit=2&page=" +
                        std::string(object_of(second).at("next").get_string()));
  EXPECT_THAT(names(last), ElementsAre("eee"));
  EXPECT_TRUE(object_of(last).at("next").is_null());
}

TEST_F(EntitiesTest, LetsOneWinOfThoseThatChangeTheSameVersion) {
  add_policy("abc");
  const auto change = [&](const std::string& etag) {
    auto made = request(Method::Patch, "/api/v1/policies/abc", R"({"description":"other"})");
    made.authorization = "Bearer " + token_;
    made.if_match = etag;
    return api_->answer(made).status;
  };
  for (int round = 0; round < 100; ++round) {
    const auto etag = header_of(get("/api/v1/policies/abc"), "ETag");
    clock_.advance(std::chrono::milliseconds(1));
    std::atomic<int> won{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { won += change(etag) == 200 ? 1 : 0; });
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(won, 1) << "in round " << round;
  }
}

TEST_F(EntitiesTest, KnowsTheVersionOfAToken) {
  ASSERT_EQ(post("/api/v1/tokens", R"({"name":"t","role":"viewer"})").status, 201U);
  auto made = request(Method::Delete, "/api/v1/tokens/t");
  made.authorization = "Bearer " + token_;
  made.if_match = "\"other\"";
  EXPECT_EQ(problem_code(api_->answer(made)), "changed_meanwhile");
  made.if_match = header_of(get("/api/v1/tokens/t"), "ETag");
  EXPECT_EQ(api_->answer(made).status, 204U);
}

TEST_F(EntitiesTest, EndsAListThatFillsItsLastPage) {
  add_policy("aaa");
  add_policy("bbb");

  EXPECT_TRUE(object_of(get("/api/v1/policies?limit=2")).at("next").is_null());
}

TEST_F(EntitiesTest, FiltersLists) {
  add_policy("aaa", "allow");
  add_policy("bbb", "deny");

  EXPECT_THAT(names(get("/api/v1/policies?effect=deny")), ElementsAre("bbb"));
  EXPECT_THAT(names(get("/api/v1/policies?effect=deny&name=aaa")), ElementsAre());
  EXPECT_THAT(names(get("/api/v1/policies?name=a%61a")), ElementsAre("aaa"));
}

TEST_F(EntitiesTest, FindsByAPartOfTheName) {
  for (const auto* name : {"plant-2-pump", "plant-1-pump", "office", "PUMP"}) add_policy(name);
  add_policy("pumps", "deny");

  EXPECT_THAT(names(get("/api/v1/policies?name_contains=pump")),
              ElementsAre("plant-1-pump", "plant-2-pump", "pumps"));
  EXPECT_THAT(names(get("/api/v1/policies?name_contains=pump&effect=deny")), ElementsAre("pumps"));
  EXPECT_THAT(names(get("/api/v1/policies?name_contains=nowhere")), ElementsAre());
  const auto first = get("/api/v1/policies?name_contains=pump&limit=1");
  EXPECT_THAT(names(first), ElementsAre("plant-1-pump"));
  EXPECT_THAT(names(get("/api/v1/policies?name_contains=pump&page=" +
                        std::string(object_of(first).at("next").get_string()))),
              ElementsAre("plant-2-pump", "pumps"));
}

TEST_F(EntitiesTest, RefusesWrongParameters) {
  for (const auto* query : {"limit=0", "limit=1001", "limit=x", "limit=", "limit=1x", "page=zz"}) {
    const auto answer = get(std::string("/api/v1/policies?") + query);
    EXPECT_EQ(answer.status, 400U) << query;
    EXPECT_EQ(problem_code(answer), "invalid_parameter") << query;
  }
  const auto unknown = get("/api/v1/policies?limitt=2");
  EXPECT_EQ(unknown.status, 400U);
  EXPECT_EQ(problem_code(unknown), "unknown_parameter");
  EXPECT_THAT(unknown.body, HasSubstr("limit?"));
}

TEST_F(EntitiesTest, ShowsNoClientsUntilSomebodyKnowsThem) {
  EXPECT_EQ(get("/api/v1/clients").status, 404U);
}

// As many clients as asked for: c0000, c0001, ... every tenth of them connected.
std::function<json::array(const ClientQuery&)> clients(int count) {
  return [count](const ClientQuery& query) {
    json::array page;
    for (int i = 0; i < count && page.size() < query.limit; ++i) {
      std::string id = std::to_string(i);
      id = "c" + std::string(4 - id.size(), '0') + id;
      const std::string status = i % 10 == 0 ? "connected" : "disconnected";
      if (id <= query.after || (query.status && *query.status != status)) continue;
      page.push_back(json::object{{"client_id", id}, {"status", status}});
    }
    return page;
  };
}

TEST_F(EntitiesTest, ListsClientsInPages) {
  for (const int count : {0, 1, 4, 5, 6, 10}) {
    clients_ = clients(count);
    make_api();
    std::vector<std::string> seen;
    std::string page;
    for (int round = 0; round < 10; ++round) {
      const auto answer = object_of(get("/api/v1/clients?limit=5&page=" + page));
      for (const auto& client : answer.at("items").get_array()) {
        seen.emplace_back(client.at("client_id").get_string());
      }
      if (answer.at("next").is_null()) break;
      page = answer.at("next").get_string();
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(count));
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  }
}

TEST_F(EntitiesTest, FiltersClientsWithoutLosingAny) {
  clients_ = clients(3005);
  make_api();
  std::set<std::string> seen;
  std::string page;
  for (bool more = true; more;) {
    const auto answer = object_of(get("/api/v1/clients?limit=7&status=connected&page=" + page));
    EXPECT_LE(answer.at("items").get_array().size(), 7U);
    for (const auto& client : answer.at("items").get_array()) {
      EXPECT_TRUE(seen.insert(std::string(client.at("client_id").get_string())).second);
    }
    more = !answer.at("next").is_null();
    if (more) page = answer.at("next").get_string();
  }

  EXPECT_EQ(seen.size(), 301U);
}

TEST_F(EntitiesTest, AsksForClientsOnceWhateverTheFilters) {
  std::vector<ClientQuery> asked;
  clients_ = [&](const ClientQuery& query) {
    asked.push_back(query);
    return json::array();
  };
  make_api();

  const auto answer = object_of(get(
      "/api/v1/clients?client_id=a&username=&status=connected&address=::1&listener=tls&limit=7"));

  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].limit, 7U);
  EXPECT_EQ(asked[0].client_id, "a");
  EXPECT_EQ(asked[0].username, "");
  EXPECT_EQ(asked[0].status, "connected");
  EXPECT_EQ(asked[0].address, "::1");
  EXPECT_EQ(asked[0].listener, "tls");
  EXPECT_TRUE(answer.at("next").is_null());
}

TEST_F(EntitiesTest, RefusesToChangeAnotherVersion) {
  add_policy("abc");
  const auto etag = header_of(get("/api/v1/policies/abc"), "ETag");
  ASSERT_EQ(etag.size(), 34U);
  ASSERT_EQ(del("/api/v1/policies/abc").status, 204U);
  clock_.advance(std::chrono::milliseconds(1));
  add_policy("abc");
  auto made = request(Method::Delete, "/api/v1/policies/abc");
  made.authorization = "Bearer " + token_;

  made.if_match = etag;
  const auto stale = api_->answer(made);
  EXPECT_EQ(stale.status, 412U);
  EXPECT_EQ(problem_code(stale), "changed_meanwhile");

  made.if_match = header_of(get("/api/v1/policies/abc"), "ETag");
  EXPECT_EQ(api_->answer(made).status, 204U);
  EXPECT_EQ(api_->answer(made).status, 404U);
}

TEST_F(EntitiesTest, AppliesAPolicyAtOnce) {
  EXPECT_FALSE(access_.compile({})->may_connect());

  add_policy("abc");

  EXPECT_TRUE(access_.compile({})->may_connect());
}

}  // namespace
}  // namespace sluice::admin
