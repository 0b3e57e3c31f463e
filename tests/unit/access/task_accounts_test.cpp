// Accounts that are made and taken away together with what they are for.
#include "fixture.hpp"

namespace sluice::broker {
namespace {

class TaskAccountsTest : public AccessControlTest {
 protected:
  // As a task is made: what is put becomes durable, then it holds.
  void save(AccountChange& change) {
    const auto batch = store_.new_batch();
    change.put(*batch);
    ASSERT_TRUE(store_.append(batch));
    change.apply();
  }
  MadeAccount make(const AccountWish& wish) {
    auto change = access_->prepare_account(wish);
    EXPECT_TRUE(change.has_value()) << change.error().detail;
    save(**change);
    return (*change)->account();
  }
  std::string why_not_read(const std::string& user, std::string_view filter) {
    return access_->rights_of(user, "c-t-0")->why_not_read(filter);
  }
  std::vector<std::string> refused(const AccountWish& wish) {
    const auto change = access_->prepare_account(wish);
    if (change) return {"none: it was made"};
    std::vector<std::string> found{change.error().code};
    for (const auto& field : change.error().fields) found.push_back(field.pointer);
    return found;
  }
  void add_policy(std::string_view text) {
    const auto made = access_->create_policy(object(text));
    ASSERT_TRUE(made.has_value()) << made.error().fields.front().detail;
  }
};

TEST_F(TaskAccountsTest, MayDoExactlyWhatWasWished) {
  const auto made = make({.user = {}, .owner = "telemetry", .resources = {"a/+/b", "$events/#"}});

  EXPECT_EQ(made.user, "task-telemetry");
  EXPECT_EQ(why_not_read(made.user, "a/+/b"), "");
  EXPECT_EQ(why_not_read(made.user, "$events/client/#"), "");
  EXPECT_EQ(why_not_read(made.user, "a/#"),
            "no policy allows it: of those about this client (1) none allows it to subscribe this");
  const auto rights = access_->rights_of(made.user, "c-t-0");
  EXPECT_TRUE(rights->exists());
  EXPECT_FALSE(rights->may_publish_something());
  EXPECT_FALSE(rights->may_publish("a/x/b", mqtt::Qos::AtMostOnce, false));
  const auto client = client_of(made.user);
  EXPECT_FALSE(access_->compile(client)->may_connect());
  EXPECT_NE(why_not_read("somebody", "a/+/b"), "");
  EXPECT_FALSE(access_->rights_of("somebody", "c-t-0")->exists());
}

TEST_F(TaskAccountsTest, PublishesWhereItWasToldTo) {
  const auto made = make({.user = "mill", .owner = "in", .publishes = true, .resources = {"in/#"}});

  const auto rights = access_->rights_of("mill", "c-in-0");
  EXPECT_EQ(made.user, "mill");
  EXPECT_TRUE(rights->may_publish_something());
  EXPECT_EQ(rights->why_not_publish("in/a", mqtt::Qos::ExactlyOnce, true), "");
  EXPECT_NE(rights->why_not_publish("out/a", mqtt::Qos::AtMostOnce, false), "");
  EXPECT_NE(rights->why_not_read("in/#"), "");
}

TEST_F(TaskAccountsTest, PublishesBesidesWhatItReads) {
  const auto made =
      make({.user = {}, .owner = "t", .resources = {"a/#"}, .published_besides = {"letters/#"}});

  EXPECT_EQ(made.policy_ids.size(), 2U);
  EXPECT_EQ(why_not_read(made.user, "a/#"), "");
  EXPECT_NE(why_not_read(made.user, "letters/#"), "");
  const auto rights = access_->rights_of(made.user, "c-t-0");
  EXPECT_EQ(rights->why_not_publish("letters/a", mqtt::Qos::AtLeastOnce, false), "");
  EXPECT_NE(rights->why_not_publish("a/b", mqtt::Qos::AtLeastOnce, false), "");
  EXPECT_EQ(refused({.user = {}, .owner = "u", .resources = {"a"}, .published_besides = {"%c"}}),
            (std::vector<std::string>{"invalid_document", "/published_besides/0"}));
}

// More resources than one policy has room for.
TEST_F(TaskAccountsTest, HaveAsManyPoliciesAsTheyNeed) {
  AccountWish wish{.user = {}, .owner = "t", .resources = {}};
  for (int i = 0; i < 64; ++i) wish.resources.push_back("a/" + std::to_string(i));

  const auto made = make(wish);

  EXPECT_EQ(made.policy_ids.size(), 7U);
  EXPECT_EQ(why_not_read(made.user, "a/0"), "");
  EXPECT_EQ(why_not_read(made.user, "a/63"), "");
}

TEST_F(TaskAccountsTest, TakeAFreeName) {
  const std::string owner(64, 'x');

  const auto first = make({.user = {}, .owner = owner, .resources = {"a"}});
  const auto second = make({.user = {}, .owner = owner, .resources = {"a"}});

  EXPECT_EQ(first.user, "task-" + std::string(21, 'x'));
  EXPECT_EQ(second.user, first.user + "-2");
}

TEST_F(TaskAccountsTest, AreRefusedWithThePlace) {
  make({.user = "taken", .owner = "t", .resources = {"a"}});

  EXPECT_EQ(refused({.user = "taken", .owner = "u", .resources = {"a"}}),
            (std::vector<std::string>{"name_taken", "/account"}));
  EXPECT_EQ(refused({.user = "a b", .owner = "u", .resources = {"a"}}),
            (std::vector<std::string>{"invalid_document", "/account"}));
  EXPECT_EQ(refused({.user = {}, .owner = "u", .resources = {"a", "b/%c", "${x}"}}),
            (std::vector<std::string>{"invalid_document", "/resources/1", "/resources/2"}));
  EXPECT_EQ(access_->users().size(), 1U);
  EXPECT_EQ(access_->policies().size(), 1U);
}

// Nothing is there before it is applied, and all that was put after a restart.
TEST_F(TaskAccountsTest, AreWholeOrNotThereAtAll) {
  {
    const auto change = access_->prepare_account({.user = {}, .owner = "t", .resources = {"a"}});
    ASSERT_TRUE(change.has_value());
  }
  EXPECT_TRUE(access_->users().empty());
  reopen();
  EXPECT_TRUE(access_->users().empty());

  {
    const auto change = access_->prepare_account({.user = {}, .owner = "t", .resources = {"a"}});
    ASSERT_TRUE(change.has_value());
    EXPECT_EQ((*change)->rights("c-t-0")->why_not_read("a"), "");
    EXPECT_FALSE(access_->rights_of("task-t", "c-t-0")->exists());
    const auto batch = store_.new_batch();
    (*change)->put(*batch);
    ASSERT_TRUE(store_.append(batch));  // and killed here
  }
  reopen();
  EXPECT_EQ(why_not_read("task-t", "a"), "");
}

TEST_F(TaskAccountsTest, GoWithAllThatIsTheirsAlone) {
  const auto made = make({.user = {}, .owner = "t", .resources = {"a"}});
  add_policy(R"({"name":"own","effect":"allow","operations":["subscribe"],"resources":["b"],
                 "users":["task-t"]})");

  save(*access_->prepare_removal(made));

  EXPECT_TRUE(access_->users().empty());
  ASSERT_EQ(access_->policies().size(), 1U);
  EXPECT_EQ(access_->policies().front().at("name").as_string(), "own");
  reopen();
  EXPECT_TRUE(access_->users().empty());
  EXPECT_EQ(access_->policies().size(), 1U);
}

TEST_F(TaskAccountsTest, LeaveWhatHasBecomeSomebodyElses) {
  const auto made = make({.user = {}, .owner = "t", .resources = {"a"}});
  auto policy = access_->policies().front();
  policy["users"] = boost::json::array{"task-t", "reader"};
  ASSERT_TRUE(access_->replace_policy("task-t", policy));
  ASSERT_TRUE(access_->remove_user("task-t"));
  ASSERT_TRUE(access_->create_user(object(R"({"name":"task-t"})")));

  save(*access_->prepare_removal(made));

  EXPECT_TRUE(access_->user_exists("task-t"));
  EXPECT_EQ(access_->policies().size(), 1U);
}

TEST_F(TaskAccountsTest, AreDeniedByPoliciesOfAllButNotOfListenersAndOtherPlaces) {
  const auto made = make({.user = {}, .owner = "t", .resources = {"a/#"}});
  add_policy(R"({"name":"elsewhere","effect":"deny","operations":["subscribe"],"resources":["#"],
                 "sources":["10.0.0.0/8"]})");
  add_policy(R"({"name":"through-tcp","effect":"deny","operations":["subscribe"],
                 "resources":["#"],"listeners":["tcp"]})");
  EXPECT_EQ(why_not_read(made.user, "a/#"), "");

  add_policy(R"({"name":"narrow","effect":"deny","operations":["subscribe"],
                 "resources":["a/secret"]})");
  EXPECT_EQ(why_not_read(made.user, "a/#"), "");
  const auto rights = access_->rights_of(made.user, "c-t-0");
  EXPECT_FALSE(rights->nothing_denied());
  EXPECT_FALSE(rights->may_receive("a/secret"));
  EXPECT_TRUE(rights->may_receive("a/b"));

  add_policy(R"({"name":"wide","effect":"deny","operations":["subscribe"],"resources":["#"]})");
  EXPECT_EQ(why_not_read(made.user, "a/#"),
            "policy `wide` denies it, and a deny wins over every allow");
}

TEST_F(TaskAccountsTest, MayDoEverythingWithTheSwitchOff) {
  reopen({.enabled = false});

  const auto rights = access_->rights_of("anybody", "c-t-0");

  EXPECT_TRUE(rights->exists());
  EXPECT_EQ(rights->why_not_read("#"), "");
  EXPECT_TRUE(rights->may_publish("a", mqtt::Qos::AtMostOnce, false));
}

TEST_F(TaskAccountsTest, TellEachChange) {
  int told = 0;
  access_->watch([&] { ++told; });

  const auto made = make({.user = {}, .owner = "t", .resources = {"a"}});
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(access_->remove_policy("task-t"));
  EXPECT_EQ(told, 2);
  save(*access_->prepare_removal(made));
  EXPECT_EQ(told, 3);

  access_->watch(nullptr);
  ASSERT_TRUE(access_->create_user(object(R"({"name":"x"})")));
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace sluice::broker
