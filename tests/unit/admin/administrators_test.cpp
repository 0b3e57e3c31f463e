// Accounts of the administration and their roles: interface.md §3; security cases E1, F1, F2.
#include <set>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "admin/openapi.hpp"
#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kAll = "/api/v1/administrators";

class AdministratorsTest : public AdminTest {
 protected:
  void SetUp() override { ASSERT_TRUE(accounts_.ensure_first("canary-4711").has_value()); }

  void make(const std::string& name, const std::string& role) {
    const auto made = post(std::string(kAll), R"({"name":")" + name + R"(","role":")" + role +
                                                  R"(","password":"canary-)" + name + "\"}");
    ASSERT_EQ(made.status, 201U) << made.body;
  }

  // Its answer to GET /session with this token.
  Response asked_by(const std::string& token) {
    auto made = request(Method::Get, "/api/v1/session");
    made.authorization = "Bearer " + token;
    return api_->answer(made);
  }

  Response log_in(const std::string& name, const std::string& password) {
    return api_->answer(request(Method::Post, "/api/v1/session",
                                R"({"user":")" + name + R"(","password":")" + password + "\"}"));
  }
  std::string token_of(const std::string& name) {
    const auto answer = log_in(name, name == "admin" ? "canary-4711" : "canary-" + name);
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return std::string(object_of(answer).at("token").get_string());
  }
  Response patch(const std::string& name, std::string body) {
    return ask(Method::Patch, std::string(kAll) + "/" + name, std::move(body));
  }

  // All that is kept, as text.
  std::string stored() {
    std::string all;
    EXPECT_TRUE(store_
                    .scan(store::StateKind::Document, "",
                          [&](std::string_view key, std::string_view value) {
                            all.append(key).append(value);
                            return true;
                          })
                    .has_value());
    return all;
  }
};

TEST_F(AdministratorsTest, DoWhatTheirRoleAllowsAndNothingElse) {
  make("viewer", "viewer");
  make("operator", "operator");
  make("another", "administrator");
  for (const auto& [name, role] :
       {std::pair("viewer", Role::Viewer), std::pair("operator", Role::Operator),
        std::pair("another", Role::Administrator)}) {
    for (const auto& route : routes()) {
      const auto needed = role_for(route.guard);
      if (!needed) continue;
      token_ = token_of(name);  // each time: some routes end it
      const auto answer = ask(route.method, std::string(route.path), "{}");
      const auto what = std::string(name) + " asks " + std::string(route.id) + ": " + answer.body;
      EXPECT_EQ(answer.status == 403, *needed > role) << what;
      if (answer.status != 403) continue;
      EXPECT_EQ(problem_code(answer), "role_needed") << what;
      EXPECT_THAT(answer.body, HasSubstr("needs the role " + std::string(name_of(*needed))));
    }
  }
}

TEST(Routes, ThatChangeSomethingAreNotForViewers) {
  // What is their own, and questions.
  const std::set<std::string_view> allowed{"logOut", "changeOwnPassword", "createToken",
                                           "deleteToken", "testPolicies"};
  for (const auto& route : routes()) {
    if (route.method == Method::Get || route.guard == Guard::Open) continue;
    EXPECT_EQ(role_for(route.guard) == Role::Viewer, allowed.contains(route.id)) << route.id;
  }
}

TEST_F(AdministratorsTest, SeeTheRoleThatIsNeededInTheDescription) {
  const auto document = openapi_document(connectors_);
  const auto security = [&](std::string_view path, std::string_view method) {
    return json::serialize(document.at("paths").at(path).at(method).at("security"));
  };

  EXPECT_EQ(security("/api/v1/users", "get"), R"([{"bearer":["viewer"]},{"cookie":["viewer"]}])");
  EXPECT_EQ(security("/api/v1/tasks/{name}:start", "post"),
            R"([{"bearer":["operator"]},{"cookie":["operator"]}])");
  EXPECT_EQ(security("/api/v1/messages", "post"),
            R"([{"bearer":["operator"]},{"cookie":["operator"]},{"user":[]}])");
  EXPECT_EQ(security("/api/v1/session", "post"), "[]");
}

TEST_F(AdministratorsTest, AreKeptWithoutTheirPasswords) {
  make("ann", "operator");

  const auto shown = get(std::string(kAll) + "/ann");
  EXPECT_EQ(shown.status, 200U);
  EXPECT_EQ(object_of(shown).at("role").get_string(), "operator");
  EXPECT_FALSE(object_of(shown).contains("password"));
  EXPECT_THAT(shown.body, Not(HasSubstr("scrypt")));
  EXPECT_THAT(stored(), HasSubstr("scrypt"));
  EXPECT_THAT(stored(), Not(HasSubstr("canary")));

  AdministratorAccounts again(store_, clock_);
  ASSERT_TRUE(again.ensure_first(std::nullopt).has_value());
  EXPECT_TRUE(again.verify("ann", "canary-ann"));
  EXPECT_EQ(again.account("ann")->role, Role::Operator);
  auto known = object_of(shown);
  for (const auto* figure : {"logins", "tokens"}) EXPECT_EQ(known.erase(figure), 1U) << figure;
  EXPECT_EQ(*again.find("ann"), known);
}

TEST_F(AdministratorsTest, AreGivenAPasswordOnce) {
  const auto made = post(std::string(kAll), R"({"name":"ann","role":"viewer"})");
  ASSERT_EQ(made.status, 201U) << made.body;
  const std::string password(object_of(made).at("password").get_string());
  EXPECT_EQ(log_in("ann", password).status, 200U);
  EXPECT_THAT(get(std::string(kAll) + "/ann").body, Not(HasSubstr(password)));

  const auto another = patch("ann", R"({"password":null})");
  ASSERT_EQ(another.status, 200U) << another.body;
  EXPECT_EQ(log_in("ann", password).status, 401U);
  EXPECT_EQ(log_in("ann", std::string(object_of(another).at("password").get_string())).status,
            200U);
}

TEST_F(AdministratorsTest, AreRefusedWhenTheirDocumentIsWrong) {
  for (const auto& [document, pointer] : {
           std::pair(R"({"role":"viewer"})", "/name"),
           std::pair(R"({"name":"ann"})", "/role"),
           std::pair(R"({"name":"ann","role":"root"})", "/role"),
           std::pair(R"({"name":"a b c","role":"viewer"})", "/name"),
           std::pair(R"({"name":"local","role":"viewer"})", "/name"),
           std::pair(R"({"name":"ann","role":"viewer","password":"1234567"})", "/password"),
           std::pair(R"({"name":"ann","role":"viewer","password":"file:/etc/passwd"})",
                     "/password"),
       }) {
    const auto answer = post(std::string(kAll), document);
    EXPECT_EQ(answer.status, 422U) << document;
    EXPECT_THAT(answer.body, HasSubstr(pointer)) << document;
  }
  make("ann", "viewer");
  EXPECT_EQ(problem_code(post(std::string(kAll), R"({"name":"ann","role":"viewer"})")),
            "name_taken");
  EXPECT_THAT(patch("ann", R"({"name":"bob"})").body, HasSubstr("/name"));
  EXPECT_EQ(patch("ann", R"({"password":"***"})").status, 422U);
  EXPECT_EQ(patch("bob", R"({"role":"viewer"})").status, 404U);
}

TEST_F(AdministratorsTest, KeepTheLastWhoMayDoEverything) {
  make("ann", "operator");
  EXPECT_EQ(problem_code(del(std::string(kAll) + "/admin")), "last_administrator");
  EXPECT_EQ(problem_code(patch("admin", R"({"role":"operator"})")), "last_administrator");
  EXPECT_EQ(patch("admin", R"({"description":"stays"})").status, 200U);

  EXPECT_EQ(patch("ann", R"({"role":"administrator"})").status, 200U);
  EXPECT_EQ(patch("admin", R"({"role":"viewer"})").status, 200U);
  EXPECT_EQ(problem_code(del(std::string(kAll) + "/ann")), "last_administrator");
  EXPECT_EQ(del(std::string(kAll) + "/admin").status, 204U);
}

TEST_F(AdministratorsTest, LoseTheirLoginsWithAChangeAtOnce) {
  make("ann", "operator");
  for (const auto* change :
       {R"({"password":"canary-ann"})", R"({"role":"viewer"})", R"({"role":"administrator"})"}) {
    const auto one = token_of("ann");
    const auto other = token_of("ann");
    ASSERT_EQ(asked_by(one).status, 200U);
    ASSERT_EQ(patch("ann", change).status, 200U);
    EXPECT_EQ(problem_code(asked_by(one)), "session_ended") << change;
    EXPECT_EQ(problem_code(asked_by(other)), "session_ended") << change;
  }
  const auto kept = token_of("ann");
  const auto of_another = token_of("admin");
  ASSERT_EQ(patch("ann", R"({"description":"only this"})").status, 200U);
  EXPECT_EQ(asked_by(kept).status, 200U);

  ASSERT_EQ(del(std::string(kAll) + "/ann").status, 204U);
  EXPECT_EQ(asked_by(kept).status, 401U);
  EXPECT_EQ(asked_by(of_another).status, 200U);
  make("ann", "administrator");
  EXPECT_EQ(asked_by(kept).status, 401U);  // of an earlier account of this name
}

TEST_F(AdministratorsTest, SayHowManyLoginsAndTokensAChangeOrADeletionEnds) {
  make("ann", "operator");
  const auto hanging = [](const json::object& account) {
    return std::pair(account.at("logins").to_number<int>(), account.at("tokens").to_number<int>());
  };
  const auto of_ann = [&] { return hanging(object_of(get(std::string(kAll) + "/ann"))); };
  EXPECT_EQ(of_ann(), std::pair(0, 0));
  const auto first = token_of("ann");
  static_cast<void>(token_of("ann"));
  const auto local = std::exchange(token_, first);
  ASSERT_EQ(post("/api/v1/tokens", R"({"name":"t","role":"viewer","expires_in":"1h"})").status,
            201U);
  token_ = local;
  EXPECT_EQ(of_ann(), std::pair(2, 1));
  const auto listed = object_of(get(std::string(kAll) + "?name=ann"));
  EXPECT_EQ(hanging(listed.at("items").get_array().at(0).get_object()), std::pair(2, 1));

  const auto again = patch("ann", R"({"description":"only this","logins":7,"tokens":7})");
  ASSERT_EQ(again.status, 200U) << again.body;
  EXPECT_EQ(hanging(object_of(again)), std::pair(2, 1));
  EXPECT_EQ(hanging(object_of(patch("ann", R"({"role":"viewer"})"))), std::pair(0, 1));
  static_cast<void>(token_of("ann"));
  EXPECT_EQ(of_ann(), std::pair(1, 1));
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(of_ann(), std::pair(1, 0));
  clock_.advance(LoginSessions::kLifetime);
  EXPECT_EQ(of_ann(), std::pair(0, 0));
}

TEST_F(AdministratorsTest, ChangeTheirOwnPassword) {
  make("ann", "viewer");
  const auto other = token_of("ann");
  token_ = token_of("ann");
  const auto change = [&](const std::string& old, const std::string& fresh) {
    return post("/api/v1/session:password",
                R"({"password":")" + old + R"(","new_password":")" + fresh + "\"}");
  };

  EXPECT_EQ(problem_code(change("wrong", "canary-new")), "wrong_credentials");
  EXPECT_EQ(change("canary-ann", "short").status, 422U);
  EXPECT_EQ(asked_by(token_).status, 200U);
  const auto changed = change("canary-ann", "canary-new");

  ASSERT_EQ(changed.status, 200U) << changed.body;
  EXPECT_EQ(asked_by(token_).status, 401U);
  EXPECT_EQ(asked_by(other).status, 401U);
  EXPECT_EQ(asked_by(std::string(object_of(changed).at("token").get_string())).status, 200U);
  EXPECT_EQ(log_in("ann", "canary-ann").status, 401U);
  EXPECT_EQ(log_in("ann", "canary-new").status, 200U);
  token_ = api_->create_local_token();
  EXPECT_EQ(problem_code(change("canary-new", "canary-ann")), "login_needed");
}

TEST_F(AdministratorsTest, AreNotChangedWhenTheStoreFails) {
  make("ann", "operator");
  store_.fail_appends(Errc::Closed);
  EXPECT_EQ(patch("ann", R"({"role":"administrator"})").status, 503U);
  EXPECT_EQ(del(std::string(kAll) + "/ann").status, 503U);

  EXPECT_EQ(accounts_.account("ann")->role, Role::Operator);
}

}  // namespace
}  // namespace sluice::admin
