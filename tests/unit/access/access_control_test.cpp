// Users and policies as entities: P1-P3, security cases C1, F2.
#include <future>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using mqtt::ReasonCode;
using test::MemoryStore;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr auto kStateKind = store::StateKind::Document;

TEST_F(AccessControlTest, ShowsAMadePasswordOnceAndNeverAHash) {
  const auto made = access_->create_user(object(R"({"name":"meter"})"));

  ASSERT_TRUE(made.has_value());
  const std::string password(made->at("password").get_string());
  EXPECT_GE(password.size(), 20U);
  EXPECT_EQ(log_in("meter", password), ReasonCode::Success);
  const auto shown = json::serialize(access_->user("meter").value());
  EXPECT_THAT(shown, Not(HasSubstr(password)));
  EXPECT_THAT(shown, Not(HasSubstr("scrypt")));
  EXPECT_THAT(json::serialize(access_->users().front()), Not(HasSubstr("scrypt")));
}

TEST_F(AccessControlTest, StoresNoPassword) {
  ASSERT_TRUE(
      access_->create_user(object(R"({"name":"meter","password":"canary-4711"})")).has_value());

  std::string stored;
  ASSERT_TRUE(store_
                  .scan(kStateKind, "",
                        [&](std::string_view key, std::string_view value) {
                          stored += std::string(key) + std::string(value);
                          return true;
                        })
                  .has_value());
  EXPECT_THAT(stored, HasSubstr("user/"));
  EXPECT_THAT(stored, HasSubstr("scrypt$32768$8$1$"));
  EXPECT_THAT(stored, Not(HasSubstr("canary-4711")));
}

TEST_F(AccessControlTest, ShowsAGivenPasswordNever) {
  const auto made = access_->create_user(object(R"({"name":"meter","password":"canary-4711"})"));

  ASSERT_TRUE(made.has_value());
  EXPECT_FALSE(made->contains("password"));
  EXPECT_EQ(made->at("id").get_string().size(), 26U);
  EXPECT_THAT(std::string(made->at("created").get_string()), testing::EndsWith("Z"));
}

TEST_F(AccessControlTest, FindsEntitiesByNameAndId) {
  const auto user = access_->create_user(object(R"({"name":"meter","password":"p"})"));
  const auto policy =
      access_->create_policy(object(R"({"name":"all","effect":"allow","operations":["connect"]})"));

  ASSERT_TRUE(user.has_value());
  ASSERT_TRUE(policy.has_value());
  const std::string user_id(user->at("id").get_string());
  const std::string policy_id(policy->at("id").get_string());
  EXPECT_EQ(access_->user(user_id).value(), access_->user("meter").value());
  EXPECT_EQ(access_->policy(policy_id).value(), access_->policy("all").value());
  EXPECT_TRUE(access_->remove_user(user_id).has_value());
  EXPECT_TRUE(access_->remove_policy(policy_id).has_value());
  EXPECT_EQ(access_->user("meter").error().code, "not_found");
  EXPECT_EQ(access_->remove_user("meter").error().errc, Errc::NotFound);
  EXPECT_EQ(access_->remove_policy("all").error().code, "not_found");
}

TEST_F(AccessControlTest, RefusesATakenName) {
  const auto user = object(R"({"name":"meter","password":"p"})");
  const auto policy = object(R"({"name":"all","effect":"allow","operations":["connect"]})");
  ASSERT_TRUE(access_->create_user(user).has_value());
  ASSERT_TRUE(access_->create_policy(policy).has_value());

  EXPECT_EQ(access_->create_user(user).error().code, "name_taken");
  EXPECT_EQ(access_->create_user(user).error().errc, Errc::AlreadyExists);
  EXPECT_EQ(access_->create_policy(policy).error().code, "name_taken");
}

TEST_F(AccessControlTest, RemembersAcrossRestarts) {
  ASSERT_TRUE(access_->create_user(object(R"({"name":"meter","password":"right"})")).has_value());
  ASSERT_TRUE(access_->create_user(object(R"({"name":"gone","password":"right"})")).has_value());
  ASSERT_TRUE(access_->remove_user("gone").has_value());
  ASSERT_TRUE(
      access_
          ->create_policy(object(
              R"({"name":"out","effect":"allow","operations":["publish"],"resources":["a"]})"))
          .has_value());
  const auto user = access_->user("meter").value();
  const auto policy = access_->policy("out").value();

  store_.crash();
  reopen();

  EXPECT_EQ(access_->user("meter").value(), user);
  EXPECT_EQ(access_->policy("out").value(), policy);
  EXPECT_FALSE(access_->user_exists("gone"));
  EXPECT_EQ(log_in("meter", "right"), ReasonCode::Success);
  EXPECT_TRUE(access_->compile({})->may_publish("a", mqtt::Qos::AtMostOnce, false));
}

TEST_F(AccessControlTest, ChangesNothingThatIsNotDurable) {
  store_.fail_appends(Errc::NoSpace);

  const auto made =
      access_->create_policy(object(R"({"name":"all","effect":"allow","operations":["connect"]})"));

  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().errc, Errc::NoSpace);
  EXPECT_EQ(made.error().code, "no_space");
  EXPECT_FALSE(access_->compile({})->may_connect());
  EXPECT_TRUE(access_->policies().empty());
}

TEST_F(AccessControlTest, WaitsForDurability) {
  MemoryStore manual(MemoryStore::Durability::Manual);
  AccessControl access(manual, clock_, {});
  auto made = std::async(std::launch::async, [&] {
    return access.create_policy(
        object(R"({"name":"all","effect":"allow","operations":["connect"]})"));
  });
  while (manual.head() == manual.durable()) std::this_thread::yield();

  EXPECT_FALSE(access.compile({})->may_connect());
  manual.make_durable();

  EXPECT_TRUE(made.get().has_value());
  EXPECT_TRUE(access.compile({})->may_connect());
}

// C1: what cannot be read is never left out silently.
TEST_F(AccessControlTest, DoesNotStartWithADamagedDocument) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"policy/x", "{"},
           {"policy/x", "{}"},
           {"policy/x", R"({"id":"x","name":"abc","effect":"perhaps","operations":["connect"]})"},
           {"policy/x",
            R"({"id":"x","name":"abc","effect":"deny","operations":["publish"],
               "resources":["a/#/b"]})"},
           {"user/x", "[]"},
           {"user/x", R"({"id":"x","name":"abc"})"}}) {
    MemoryStore store;
    const auto batch = store.new_batch();
    batch->put(kStateKind, key, value);
    ASSERT_TRUE(store.append(batch).has_value());
    AccessControl access(store, clock_, {});

    const auto loaded = access.load();

    ASSERT_FALSE(loaded.has_value()) << key << value;
    EXPECT_EQ(loaded.error().code, Errc::Corrupt);
  }
}

TEST_F(AccessControlTest, TakesAPolicyOfAnOlderVersion) {
  MemoryStore store;
  const auto batch = store.new_batch();
  batch->put(kStateKind, "policy/x",
             R"({"id":"x","name":"abc","description":"","effect":"allow","operations":["connect"],
                 "resources":[],"users":[],"client_ids":[],"sources":[],"qos":[0,1,2],
                 "message_types":["retained","general"]})");
  ASSERT_TRUE(store.append(batch).has_value());
  AccessControl access(store, clock_, {});

  ASSERT_TRUE(access.load().has_value());
  EXPECT_TRUE(access.compile(client_of("meter"))->may_connect());
}

// A deny of a listener with a slip in its name would deny nothing.
TEST_F(AccessControlTest, RefusesAPolicyOfAListenerThatThereIsNot) {
  reopen({.listeners = {"tcp", "wss"}});
  const auto policy = [](std::string_view listeners) {
    return R"({"name":"abc","effect":"deny","operations":["connect"],"listeners":)" +
           std::string(listeners) + "}";
  };

  EXPECT_THAT(pointers(policy(R"(["tcp","tpc"])")), ElementsAre("/listeners/1"));
  EXPECT_THAT(pointers(policy(R"(["tls*"])")), ElementsAre("/listeners/0"));
  EXPECT_THAT(pointers(policy(R"(["w*s"])")), ElementsAre("/listeners/0"));
  EXPECT_THAT(pointers(policy(R"(["tcp","w*","admin"])")), ElementsAre("none: it was taken"));
}

TEST_F(AccessControlTest, CountsEveryChange) {
  const auto start = access_->generation();
  ASSERT_TRUE(access_->create_user(object(R"({"name":"meter","password":"p"})")).has_value());
  const auto with_user = access_->generation();
  ASSERT_TRUE(
      access_->create_policy(object(R"({"name":"all","effect":"allow","operations":["connect"]})"))
          .has_value());
  const auto with_policy = access_->generation();
  ASSERT_TRUE(access_->remove_policy("all").has_value());
  const auto without_policy = access_->generation();
  ASSERT_TRUE(access_->remove_user("meter").has_value());

  EXPECT_LT(start, with_user);
  EXPECT_LT(with_user, with_policy);
  EXPECT_LT(with_policy, without_policy);
  EXPECT_LT(without_policy, access_->generation());
}

TEST_F(AccessControlTest, SaysWhereADocumentIsWrong) {
  EXPECT_THAT(pointers(R"({})"), testing::IsSupersetOf({"/name", "/effect", "/operations"}));
  EXPECT_THAT(pointers(R"({"name":"abc","effect":"allow","operations":["publish"]})"),
              ElementsAre("/resources"));
  EXPECT_THAT(
      pointers(R"({"name":"abc","effect":"allow","operations":["write"],"resources":["a"]})"),
      ElementsAre("/operations/0"));
  EXPECT_THAT(pointers(R"({"name":"ab","effect":"allow","operations":["connect"]})"),
              ElementsAre("/name"));
  EXPECT_THAT(
      pointers(R"({"name":"a b c","effect":"allow","operations":["connect"],"ressources":[]})"),
      testing::UnorderedElementsAre("/ressources", "/name"));
  EXPECT_THAT(pointers(R"({"name":"abc","effect":"allow","operations":["connect"],"qos":[]})"),
              ElementsAre("/qos"));
  EXPECT_THAT(pointers(R"({"name":"abc","effect":"allow","operations":["connect"],"qos":[3]})"),
              ElementsAre("/qos/0"));
  EXPECT_THAT(
      pointers(R"({"name":"abc","effect":"allow","operations":["connect"],"message_types":[]})"),
      ElementsAre("/message_types"));
  EXPECT_THAT(pointers(R"({"name":"abc","effect":"allow","operations":["subscribe"],
                           "resources":["a"],"message_types":["general"]})"),
              ElementsAre("/message_types"));
  EXPECT_THAT(pointers(R"({"name":"abc","effect":"allow","operations":["connect"],
                           "users":["a*b",""],"client_ids":["*"],"sources":["10.0.0.0/99"]})"),
              ElementsAre("/users/0", "/users/1", "/sources/0"));
}

TEST_F(AccessControlTest, SaysWhichResourceIsNoFilter) {
  EXPECT_THAT(pointers(R"({"name":"abc","effect":"allow","operations":["publish"],
      "resources":["a/#/b","ok/+/#","a+","","$share/g/a","%c/#","${user}/x","${username}+"]})"),
              ElementsAre("/resources/0", "/resources/2", "/resources/3", "/resources/4",
                          "/resources/6", "/resources/7"));
}

TEST_F(AccessControlTest, TakesTheDocumentsOfTheContract) {
  const auto made = access_->create_policy(object(
      R"({"name": "meters-out", "description": "", "effect": "allow", "operations": ["publish"],
          "resources": ["meters/${username}/#"], "users": ["meter"], "client_ids": [],
          "sources": ["10.0.0.0/8"], "qos": [0, 1, 2],
          "message_types": ["retained", "general"]})"));

  ASSERT_TRUE(made.has_value());
  const Client client{
      .client_id = "c", .username = "meter", .has_username = true, .host = "10.0.0.9"};
  const auto granted = access_->compile(client);
  EXPECT_TRUE(granted->may_publish("meters/meter/1", mqtt::Qos::AtLeastOnce, true));
  EXPECT_FALSE(granted->may_publish("meters/other/1", mqtt::Qos::AtLeastOnce, true));
}

TEST_F(AccessControlTest, RefusesUserNamesThatPoliciesCouldMisread) {
  for (const auto* name :
       {"", "two words", "star*", "tab\\t", "123456789012345678901234567890123"}) {
    const auto made =
        access_->create_user(object(std::string(R"({"password":"p","name":")") + name + "\"}"));
    ASSERT_FALSE(made.has_value()) << name;
    ASSERT_EQ(made.error().fields.size(), 1U);
    EXPECT_EQ(made.error().fields.front().pointer, "/name");
  }
}

TEST_F(AccessControlTest, RefusesPlaceholdersAsPasswords) {
  for (const auto* password : {"***", "file:/etc/passwd", "env:HOME"}) {
    const auto made = access_->create_user(
        object(std::string(R"({"name":"meter","password":")") + password + "\"}"));
    ASSERT_FALSE(made.has_value()) << password;
    EXPECT_EQ(made.error().fields.front().pointer, "/password");
  }
}

}  // namespace
}  // namespace sluice::broker
