#include "app/rest_commands.hpp"

#include <algorithm>
#include <array>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "admin/route.hpp"
#include "app/rest_output.hpp"
#include "unit/app/scratch_directory.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

TEST(RestTarget, FollowsTheEnvironment) {
  const Environment environment = {{"SLUICE_URL", "http://example.test:9/"}, {"SLUICE_TOKEN", "t"}};

  const auto target = find_rest_target(environment, std::nullopt);

  ASSERT_TRUE(target);
  EXPECT_EQ(target->url, "http://example.test:9");
  EXPECT_EQ(target->token, "t");
}

TEST(RestOutput, ShowsTheStepsOfAConnectionThatWasTried) {
  const auto steps =
      json::parse(R"([{"name":"connect","ok":true,"ms":3,"detail":"accepts","hint":""},
      {"name":"topic","ok":false,"ms":12,"detail":"no right","hint":"allow \u001b WRITE"}])");

  EXPECT_EQ(steps_text(steps.as_array()),
            "ok      connect            3 ms  accepts\n"
            "failed  topic             12 ms  no right\n"
            "        allow \\u001b WRITE\n");
}

TEST(RestTarget, LogsInWithUserAndPassword) {
  const Environment environment = {{"SLUICE_USER", "admin"}, {"SLUICE_PASSWORD", "p"}};

  const auto target = find_rest_target(environment, std::nullopt);

  ASSERT_TRUE(target);
  EXPECT_EQ(target->token, "");
  EXPECT_EQ(target->user, "admin");
  EXPECT_EQ(target->password, "p");
}

TEST(RestTarget, FindsTheServerOfADataDirectory) {
  const ScratchDirectory directory;
  directory.write("run/addresses.json", R"({"tcp":"127.0.0.1:1","admin":"0.0.0.0:4711"})");
  directory.write("run/admin.token", "secret\n");

  const auto target = find_rest_target({}, directory.path());

  ASSERT_TRUE(target);
  EXPECT_EQ(target->url, "http://127.0.0.1:4711");
  EXPECT_EQ(target->token, "secret");
}

TEST(RestTarget, TakesTheDataDirectoryFromItsSetting) {
  const ScratchDirectory directory;
  directory.write("run/addresses.json", R"({"admin":"[::]:4711"})");
  directory.write("run/admin.token", "secret\n");

  const auto target = find_rest_target({{"SLUICE_DATA", directory.path()}}, std::nullopt);

  ASSERT_TRUE(target);
  EXPECT_EQ(target->url, "http://[::1]:4711");
}

TEST(RestTarget, SendsTheLocalTokenElsewhereOnlyWhenTold) {
  const ScratchDirectory directory;
  directory.write("run/admin.token", "secret\n");
  const Environment environment = {{"SLUICE_URL", "http://example.test"},
                                   {"SLUICE_DATA", directory.path()}};

  EXPECT_FALSE(find_rest_target(environment, std::nullopt));
  EXPECT_TRUE(find_rest_target(environment, directory.path()));
}

TEST(RestTarget, SaysWhatIsMissing) {
  const auto target = find_rest_target({}, "/no/such");

  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, Errc::NotAuthorized);
  EXPECT_NE(target.error().detail.find("/no/such/run/admin.token"), std::string::npos);
}

TEST(RestOutput, MakesColumnsOfAList) {
  const json::array items = {{{"name", "a"}, {"resources", {"x/#", "y"}}},
                             {{"name", "grün"}, {"resources", json::array{}}, {"extra", 1}}};
  constexpr std::string_view kColumns[] = {"name", "resources"};

  EXPECT_EQ(table_text(items, kColumns),
            "NAME  RESOURCES\n"
            "a     x/#, y\n"
            "grün  -\n");
}

TEST(RestOutput, LetsNoNameMoveTheTerminal) {
  const json::array items = {{{"name", "a\x1b[2J\nb"}}};
  constexpr std::string_view kColumns[] = {"name"};

  EXPECT_EQ(table_text(items, kColumns), "NAME\na\\u001b[2J\\nb\n");
}

TEST(RestOutput, ShowsAnEntityWithDottedNames) {
  const json::object entity = {{"name", "a"}, {"settings", {{"x", true}, {"y", nullptr}}}};

  EXPECT_EQ(entity_text(entity),
            "name                             a\n"
            "settings.x                       true\n"
            "settings.y                       -\n");
}

TEST(RestOutput, TellsAProblemForAPerson) {
  const auto* const body = R"({"title":"Invalid document","detail":"it has faults","hint":"mend it",
      "fields":[{"pointer":"/map/topic","detail":"is missing"}]})";

  EXPECT_EQ(problem_text(422, body),
            "Invalid document: it has faults\nhint: mend it\n  /map/topic is missing\n");
}

TEST(RestOutput, CopesWithAnAnswerThatIsNoProblem) {
  for (const auto* body : {"", "<html>", "[]", "{}", R"({"fields":3})", R"({"fields":[1]})"}) {
    EXPECT_NE(problem_text(502, body).find("502"), std::string::npos) << body;
  }
}

TEST(Nouns, HaveAHelpForEveryVerb) {
  for (const auto& noun : nouns()) {
    EXPECT_FALSE(noun.help.empty());
    for (const auto verb : noun.verbs) EXPECT_FALSE(verb_help(verb).empty()) << verb;
  }
}

// What the REST list of a noun has in its query, as the routes declare it.
ListQuery declared_query(const Noun& noun) {
  const auto path = "/api/v1" + std::string(noun.path);
  const auto route = std::ranges::find_if(admin::routes(), [&](const admin::Route& each) {
    return each.method == admin::Method::Get && each.path == path;
  });
  EXPECT_NE(route, admin::routes().end()) << path;
  ListQuery query;
  for (const auto& parameter : route->query) {
    if (parameter.name.ends_with("_contains")) query.contains = parameter.name;
    if (parameter.name == "sort") query.sorts = parameter.sorts;
  }
  return query;
}

TEST(Nouns, HaveListsThatAreAskedWhatRestIsAsked) {
  for (const auto& noun : nouns()) {
    // Their own lists stand below those of tasks and clients.
    if (noun.name == "dead-letter" || noun.name == "subscription") continue;

    const auto declared = declared_query(noun);

    EXPECT_EQ(noun.list.contains, declared.contains) << noun.name;
    EXPECT_TRUE(std::ranges::equal(noun.list.sorts, declared.sorts)) << noun.name;
  }
}

TEST(RestOutput, FitsTablesIntoATerminal) {
  constexpr std::array<std::string_view, 3> kColumns = {"name", "resources", "qos"};
  const json::array items = {
      json::object{{"name", "own"}, {"resources", "m\u00e9ters/${username}/one/two"}, {"qos", 1}}};

  EXPECT_EQ(table_text(items, kColumns),
            "NAME  RESOURCES                   QOS\n"
            "own   m\u00e9ters/${username}/one/two  1\n");
  EXPECT_EQ(table_text(items, kColumns, true, 30),
            "NAME  RESOURCES            QOS\n"
            "own   m\u00e9ters/${usernam...  1\n");
  EXPECT_EQ(table_text(items, kColumns, false, 1), "own   m\u00e9ters/${...  1\n");
}

}  // namespace
}  // namespace sluice::app
