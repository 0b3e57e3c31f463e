#include "connect/processing/processor.hpp"

#include <array>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "connect/processing/bounds.hpp"
#include "connect/processing/standstill.hpp"
#include "support/eventually.hpp"

namespace sluice::connect::processing {
namespace {

using Kind = Processor::Outcome::Kind;

// Processes payloads in a real child: this test program, started again.
class ProcessorTest : public testing::Test {
 protected:
  // What becomes of each: the result, `-` for nothing, `!` and the reason.
  std::vector<std::string> run(Processor& processor, std::vector<std::string_view> payloads) {
    std::vector<Processor::Outcome> outcomes;
    const auto ran = processor.run(payloads, arena, outcomes, [] { return false; });
    if (!ran) return {"cannot run: " + ran.error().detail};
    std::vector<std::string> told;
    for (const auto& outcome : outcomes) {
      const std::string_view mark = outcome.kind == Kind::Value        ? ""
                                    : outcome.kind == Kind::PassedOver ? "-"
                                                                       : "!";
      told.push_back(std::string(mark) + std::string(outcome.text));
    }
    return told;
  }
  std::vector<std::string> run(std::string jq, std::vector<std::string_view> payloads) {
    Processor processor({.jq = std::move(jq)});
    return run(processor, std::move(payloads));
  }
  static std::string why_not(std::string jq) {
    const auto checked = Processor({.jq = std::move(jq)}).check();
    if (checked) return "";
    EXPECT_EQ(checked.error().code, Errc::InvalidArgument);
    EXPECT_EQ(checked.error().pointer, "/map/jq");
    return checked.error().detail;
  }
  // Where in the schema, and what.
  static std::string why_not_schema(std::string schema) {
    const auto checked = Processor({.schema = std::move(schema)}).check();
    if (checked) return "";
    EXPECT_EQ(checked.error().code, Errc::InvalidArgument);
    return checked.error().pointer + ": " + checked.error().detail;
  }
  static std::string takes_too_long() {
    return "it takes more than " + std::to_string(kTicks * kTickMs) +
           " ms of processor time for this message";
  }
  using List = std::vector<std::string>;

  Arena arena;
};

TEST_F(ProcessorTest, MakesOneResultOfEachPayloadInOrder) {
  EXPECT_EQ(run("{t: .temperature, hot: (.temperature > 30)}",
                {R"({"temperature":21.5,"x":1})", R"({"temperature":31})"}),
            (List{R"({"t":21.5,"hot":false})", R"({"t":31,"hot":true})"}));
}

TEST_F(ProcessorTest, CarriesMoreThanTheChannelHolds) {
  const std::string large = "\"" + std::string(300'000, 'x') + "\"";
  std::vector<std::string_view> payloads(64, large);
  payloads.push_back("1");
  const auto results = run(".", payloads);

  ASSERT_EQ(results.size(), 65U);
  for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(results[i], large);
  EXPECT_EQ(results.back(), "1");
}

TEST_F(ProcessorTest, PassesOverWhatHasNoResult) {
  EXPECT_EQ(run("select(.a > 1)", {R"({"a":1})", R"({"a":2})"}), (List{"-", R"({"a":2})"}));
}

TEST_F(ProcessorTest, RejectsWithTheReasonAndGoesOn) {
  const auto results =
      run(".a + 1", {R"({"a":{}})", "no json", "", "\"\xff\"", "1 2", R"({"a":1})"});

  ASSERT_EQ(results.size(), 6U);
  EXPECT_EQ(results[0], "!jq: object ({}) and number (1) cannot be added");
  for (std::size_t i = 1; i < 5; ++i)
    EXPECT_TRUE(results[i].starts_with("!jq: the payload is not JSON: ")) << results[i];
  EXPECT_EQ(results[5], "2");
}

TEST_F(ProcessorTest, RejectsMoreThanOneResult) {
  const auto results = run(".a[]", {R"({"a":[1,2]})", R"({"a":[3]})"});

  EXPECT_TRUE(results[0].starts_with("!jq: the program has more than one result")) << results[0];
  EXPECT_EQ(results[1], "3");
}

TEST_F(ProcessorTest, RejectsAResultThatIsTooLarge) {
  const auto results = run("if . > 9 then (\"x\" * 1024) * . else . end", {"1100", "1"});

  EXPECT_TRUE(results[0].starts_with("!jq: the result is too large")) << results[0];
  EXPECT_EQ(results[1], "1");
}

// jq would write what is no JSON.
TEST_F(ProcessorTest, RejectsAResultThatIsNestedTooDeep) {
  const auto results = run("reduce range(.) as $i (\"<\\\"<\"; [.])", {"300", "200"});

  EXPECT_EQ(results[0], "!jq: the result is nested too deep: jq writes 256 levels");
  EXPECT_EQ(results[1], std::string(200, '[') + "\"<\\\"<\"" + std::string(200, ']'));
}

TEST_F(ProcessorTest, EndsWhatTakesTooLongAndGoesOn) {
  for (const std::string_view forever :
       {"repeat(.)", "last(range(infinite))", "def f: f; f", "[limit(1e9; repeat(0))] | length",
        R"(("a" * 40 + "b") | test("^(a|a|aa)+$"))"}) {
    const auto results =
        run("if . == 1 then " + std::string(forever) + " else . end", {"0", "1", "2"});

    EXPECT_EQ(results.front(), "0") << forever;
    EXPECT_TRUE(results[1].starts_with("!jq: ")) << forever << ": " << results[1];
    EXPECT_EQ(results.back(), "2") << forever;
  }
}

TEST_F(ProcessorTest, SaysThatItTookTooLong) {
  EXPECT_EQ(run("last(range(infinite))", {"1"}), (List{"!jq: " + takes_too_long()}));
}

TEST_F(ProcessorTest, EndsWhatTakesTooMuchMemoryOrCrashesAndGoesOn) {
  for (const std::string_view greedy :
       {"[limit(1e9; repeat(\"x\" * 1000))]", "\"x\" * 1000000000", ".[1e9] = 1 | length",
        "reduce range(1000000) as $i (0; [.])", "[range(20000) | 0] as $p | setpath($p; 1)"}) {
    const auto results =
        run("if . == null then " + std::string(greedy) + " else . end", {"0", "null", "2"});

    ASSERT_EQ(results.size(), 3U) << greedy;
    EXPECT_EQ(results[0], "0") << greedy;
    EXPECT_TRUE(results[1].starts_with("!jq: ")) << greedy << ": " << results[1];
    EXPECT_EQ(results[2], "2") << greedy;
  }
}

TEST_F(ProcessorTest, SeesNoEnvironmentAndNoFile) {
  EXPECT_EQ(run("[env, $ENV, input_filename]", {"0"}), (List{"[{},{},null]"}));
  EXPECT_EQ(run("try input catch \"none\"", {"0"}), (List{"\"none\""}));
  EXPECT_EQ(run("[inputs]", {"0"}), (List{"[]"}));
  EXPECT_EQ(run("debug | stderr", {"0"}), (List{"0"}));
  EXPECT_NE(why_not("import \"a\" as a; ."), "");
  EXPECT_NE(why_not("include \"a\"; ."), "");
  EXPECT_NE(why_not("import \"/etc/passwd\" as $p; $p"), "");
  EXPECT_EQ(run("halt", {"0", "1"}), (List{"!jq: the program halted", "!jq: the program halted"}));
}

TEST_F(ProcessorTest, SaysWhatIsWrongWithAProgramAndWhere) {
  EXPECT_EQ(why_not(".a"), "");
  EXPECT_EQ(why_not(".a |"), "line 1: syntax error, unexpected $end");
  EXPECT_EQ(why_not(".a |\n foo("), "line 2: syntax error, unexpected $end");
  EXPECT_EQ(why_not("foo"), "line 1: foo/0 is not defined");
  EXPECT_NE(why_not(std::string(16'000, '[')), "");
}

TEST_F(ProcessorTest, RejectsWhatDoesNotMeetTheSchemaAndSaysWhere) {
  Processor processor({.schema = R"({"type":"object","required":["t"],"properties":{
      "t":{"type":"number","maximum":150},"list":{"items":{"type":"string","pattern":"^[a-z]+$"}},
      "a/b":{"const":1}}})"});

  const auto results = run(
      processor, {R"({"t":21.5, "list":["a"]})", R"({"t":200})", R"({})",
                  R"({"t":1,"list":["a","B"]})", R"({"t":1,"a/b":2})", "no json", R"({"t":3})"});

  ASSERT_EQ(results.size(), 7U);
  EXPECT_EQ(results[0], R"({"t":21.5, "list":["a"]})");  // byte for byte
  EXPECT_TRUE(results[1].starts_with("!verify: /t: ")) << results[1];
  EXPECT_TRUE(results[2].starts_with("!verify: the payload: ")) << results[2];
  EXPECT_TRUE(results[3].starts_with("!verify: /list/1: ")) << results[3];
  EXPECT_TRUE(results[4].starts_with("!verify: /a~1b: ")) << results[4];
  EXPECT_TRUE(results[5].starts_with("!verify: the payload is not JSON: ")) << results[5];
  EXPECT_EQ(results[6], R"({"t":3})");
}

TEST_F(ProcessorTest, VerifiesBeforeJq) {
  Processor processor({.schema = R"({"type":"number"})", .jq = "tostring"});

  const auto results = run(processor, {"1", "\"1\""});

  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0], "\"1\"");
  EXPECT_TRUE(results[1].starts_with("!verify: ")) << results[1];
}

TEST_F(ProcessorTest, EndsAPatternThatTakesTooLong) {
  Processor processor({.schema = R"({"pattern":"^(a|a|aa)+$"})"});
  const std::string evil = "\"" + std::string(60, 'a') + "b\"";

  EXPECT_EQ(run(processor, {"\"a\"", evil, "\"aa\""}),
            (List{"\"a\"", "!verify: " + takes_too_long(), "\"aa\""}));
}

// More than would go onto a usual stack; sanitizers need more of it, and more time.
#if defined(__has_feature) && (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
constexpr std::size_t kLongText = 10'000;
#else
constexpr std::size_t kLongText = 100'000;
#endif

TEST_F(ProcessorTest, MatchesAPatternOverALongText) {
  Processor processor({.schema = R"({"pattern":"^[a-z]*$"})"});
  const std::string text = "\"" + std::string(kLongText, 'a') + "\"";

  EXPECT_TRUE(run(processor, {text}).front() == text);  // not told in full when it is not
}

TEST_F(ProcessorTest, SaysWhatIsWrongWithASchemaAndWhere) {
  EXPECT_EQ(why_not_schema(R"({"$schema":"http://json-schema.org/draft-04/schema#"})"), "");
  EXPECT_EQ(why_not_schema(R"({"definitions":{"a":{"type":"string"}},"$ref":"#/definitions/a"})"),
            "");
  EXPECT_EQ(why_not_schema("true"), "");
  EXPECT_TRUE(
      why_not_schema(R"({"properties":{"a":{"$ref":"http://x/y"}}})")
          .starts_with("/verify/json_schema/properties/a/$ref: must lead into this schema"));
  EXPECT_TRUE(why_not_schema(R"({"$defs":{}})").starts_with("/verify/json_schema/$defs: "));
  EXPECT_TRUE(why_not_schema(R"({"$schema":"https://json-schema.org/draft/2020-12/schema"})")
                  .starts_with("/verify/json_schema/$schema: "));
  EXPECT_TRUE(why_not_schema(R"({"items":[{"pattern":"("}]})")
                  .starts_with("/verify/json_schema/items/0/pattern: "));
}

// Each of them once held up, killed or deceived the check.
TEST_F(ProcessorTest, RefusesASchemaThatNoPayloadCouldBeHeldAgainst) {
  const std::vector<std::array<std::string_view, 3>> schemas = {
      {R"({"$ref":"#"})", "/$ref", "goes round in a circle"},
      {R"({"allOf":[{"$ref":"#"}]})", "/allOf/0/$ref", "goes round in a circle"},
      {R"({"properties":{"a":{"$ref":"#/properties/a"}}})", "/properties/a/$ref", "circle"},
      {R"({"definitions":{"a":{"not":{"$ref":"#/definitions/b"}},
           "b":{"dependencies":{"x":{"$ref":"#/definitions/%61"}}}}})",
       "/definitions/b/dependencies/x/$ref", "goes round in a circle"},
      {R"({"$ref":"#/definitions/none"})", "/$ref", "leads nowhere: there is no `#/definitions/n"},
      {R"({"$ref":"#/required","required":[]})", "/$ref", "leads to what is no schema"},
      {R"({"$ref":"#name"})", "/$ref", "names given with `$id` are not known; it is `#name`"},
      {R"({"$ref":"file:///etc/passwd"})", "/$ref", "no other document is fetched"},
      {R"({"multipleOf":0})", "/multipleOf", "must be a number above 0"},
      {R"({"multipleOf":-2})", "/multipleOf", "must be a number above 0"},
      {R"({"$ref":"#/enum/0","enum":[{"multipleOf":0.0}]})", "/enum/0/multipleOf", "above 0"},
      {R"({"minLength":-1})", "/minLength", "must be a whole number, 0 or more"},
      {R"({"maxItems":1.5})", "/maxItems", "must be a whole number, 0 or more"},
      {R"({"minLength":"2"})", "/minLength", "must be a whole number, 0 or more"},
      {R"({"minimum":"3"})", "/minimum", "must be a number"},
      {R"({"type":"nothing"})", "/type", "must be array, boolean, "},
      {R"({"allOf":[]})", "/allOf", "must be a list of one schema or more"},
      {R"({"properties":{"a":5}})", "/properties", "must be an object of schemas"},
      {R"({"required":"a"})", "/required", "must be a list of names"},
      {R"({"extends":{}})", "/extends", "is not known to draft 7"},
      {R"({"$schema":"http://json-schema.org/draft-04/schema#","if":{}})", "/if", "draft 4"},
      {R"({"pattern":"a{1000000}"})", "/pattern", "is not a regular expression"},
      {R"({"enum":["a\u0000b"]})", "", "U+0000"},
      {"5", "", "is no schema"},
  };
  for (const auto& [schema, pointer, detail] : schemas) {
    const auto told = why_not_schema(std::string(schema));
    EXPECT_TRUE(told.starts_with("/verify/json_schema" + std::string(pointer) + ": ") &&
                told.find(detail) != std::string::npos)
        << schema << " -> " << told;
  }
}

TEST_F(ProcessorTest, TakesASchemaThatRefersToItselfFurtherDown) {
  Processor tree({.schema = R"({"id":"x/","properties":{"kids":{"id":"y/","items":{"$ref":"#"}},
                                "n":{"type":"integer"}}})"});

  const auto results =
      run(tree, {R"({"n":1,"kids":[{"n":2,"kids":[]}]})", R"({"kids":[{"n":""}]})"});

  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(results[0].starts_with("{")) << results[0];
  EXPECT_TRUE(results[1].starts_with("!verify: ")) << results[1];
}

// Where draft 4 has a boolean it is no schema, and yet right.
TEST_F(ProcessorTest, TakesWhatDraft4Allows) {
  EXPECT_EQ(why_not_schema(R"({"$schema":"http://json-schema.org/draft-04/schema#",
      "additionalProperties":false,"additionalItems":true,"minimum":1,"exclusiveMinimum":true})"),
            "");
}

// json-schema-validation (draft 7), sections 6.1.1 and 6.2.1.
TEST_F(ProcessorTest, TakesNumbersByTheirValue) {
  const auto is_right = [&](std::string schema, std::string_view payload) {
    Processor processor({.schema = std::move(schema)});
    return run(processor, {payload}).front() == payload;
  };
  for (const auto* whole : {"1", "1.0", "1e3", "-0.0", "-5.00", "9007199254740993"})
    EXPECT_TRUE(is_right(R"({"type":"integer"})", whole)) << whole;
  for (const auto* other : {"1.5", "1e-3", "\"1\""})
    EXPECT_FALSE(is_right(R"({"type":"integer"})", other)) << other;
  EXPECT_FALSE(
      is_right(R"({"$schema":"http://json-schema.org/draft-04/schema#","type":"integer"})", "1.0"));
  EXPECT_TRUE(is_right(R"({"enum":[1.0]})", "1"));
  EXPECT_TRUE(is_right(R"({"minLength":2.0})", "\"ab\""));
  EXPECT_FALSE(is_right(R"({"multipleOf":1})", "1.5"));
  EXPECT_TRUE(is_right(R"({"multipleOf":0.5})", "1.5"));
  EXPECT_TRUE(is_right(R"({"multipleOf":2.0})", "4"));
  EXPECT_FALSE(is_right(R"({"maximum":100})", "18446744073709551615"));
}

TEST_F(ProcessorTest, HoldsTheNamesOfMembersAgainstTheirOwnSchemaBehindAReference) {
  Processor processor({.schema = R"({"definitions":{"a":{"type":"object",
      "propertyNames":{"pattern":"^x"}}},"properties":{"b":{"$ref":"#/definitions/a"}}})"});

  const auto results = run(processor, {R"({"b":{"x":1}})", R"({"b":{"y":1}})"});

  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0], R"({"b":{"x":1}})");
  EXPECT_TRUE(results[1].starts_with("!verify: ")) << results[1];
}

// The library would see `ok` alone.
TEST_F(ProcessorTest, RejectsWhatItCannotSeeAllOf) {
  Processor processor({.schema = R"({"enum":["ok",{}]})"});

  EXPECT_EQ(run(processor, {"\"ok\"", R"("ok\u0000not")"}),
            (List{"\"ok\"", "!verify: a string with U+0000 in it cannot be checked"}));
}

TEST(Standstill, IsSeenWhereAProcessSleepsAndNotWhereItWorksOrIsStopped) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto started = [&](auto&& work) {
    const auto child = ::fork();
    if (child == 0) {
      work();
      ::_exit(0);
    }
    return child;
  };
  const auto sleeper = started([&] {
    char byte = 0;
    static_cast<void>(::read(ends[0], &byte, 1));
  });
  const auto worker = started([] {
    for (volatile int i = 0;; i = i + 1) {
    }
  });
  const auto stopped = started([] { ::raise(SIGSTOP); });
  int status = 0;
  ::waitpid(stopped, &status, WUNTRACED);
  Standstill of_sleeper;
  Standstill of_worker;
  Standstill of_stopped;

  EXPECT_TRUE(test::eventually([&] { return of_sleeper.is_seen_again(sleeper); }));
  for (int look = 0; look < 100; ++look) {
    EXPECT_FALSE(of_worker.is_seen_again(worker));
    EXPECT_FALSE(of_stopped.is_seen_again(stopped));
  }

  for (const auto child : {sleeper, worker, stopped}) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(ProcessorTest, StartsAnotherChildForOneThatWasKilled) {
  Processor processor({.jq = ". + 1"});
  ASSERT_EQ(run(processor, {"1"}), (List{"2"}));
  const auto first = processor.child();

  ::kill(first, SIGKILL);

  EXPECT_EQ(run(processor, {"2", "3"}), (List{"3", "4"}));
  EXPECT_NE(processor.child(), first);
}

TEST_F(ProcessorTest, StopsWhenItIsAsked) {
  Processor processor({.jq = "."});
  ASSERT_TRUE(processor.check());
  ::kill(processor.child(), SIGSTOP);  // it will never answer
  int status = 0;
  ::waitpid(processor.child(), &status, WUNTRACED);
  const std::string_view payload = "1";
  std::vector<Processor::Outcome> outcomes;
  int asked = 0;

  const auto ran = processor.run({&payload, 1}, arena, outcomes, [&] { return ++asked > 2; });

  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Errc::Unavailable);
}

}  // namespace
}  // namespace sluice::connect::processing
