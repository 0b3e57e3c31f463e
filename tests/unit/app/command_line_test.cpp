#include "app/command_line.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/kafka_dev.hpp"
#include "unit/app/scratch_directory.hpp"

namespace sluice::app {
namespace {

using testing::HasSubstr;

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

Ran run(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "sluice");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Ran ran;
  ran.code = run_command_line(static_cast<int>(arguments.size()), arguments.data());
  std::fflush(stdout);
  ran.out = testing::internal::GetCapturedStdout();
  ran.err = testing::internal::GetCapturedStderr();
  return ran;
}

TEST(CommandLine, TellsItsVersion) {
  const auto ran = run({"--version"});

  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, testing::MatchesRegex("sluice [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(CommandLine, HelpsEverywhere) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"--help"},
                                                                 {"serve", "--help"},
                                                                 {"kafka-dev", "--help"},
                                                                 {"backup", "--help"},
                                                                 {"restore", "--help"},
                                                                 {"task", "--help"},
                                                                 {"task", "create", "--help"}}) {
    const auto ran = run(words);
    EXPECT_EQ(ran.code, 0);
    EXPECT_FALSE(ran.out.empty());
  }
}

TEST(CommandLine, SaysWhatIsWrongWithExitCode2) {
  struct Case {
    std::vector<const char*> words;
    const char* says;
  };
  const Case cases[] = {
      {{}, "subcommand"},
      {{"tusk"}, "did you mean `task`?"},
      {{"backup", "to"}, "--data"},
      {{"restore", "from"}, "--data or --check"},
      {{"backup", "to", "--data", "here", "--rate", "fast"}, "64KiB"},
      {{"task", "lst"}, "did you mean `list`?"},
      {{"task", "show"}, "name is required"},
      {{"zzzzzz"}, "there are serve, check"},
      {{"serve", "--bogus"}, "--bogus"},
      {{"user", "list", "--sort", "name"}, "--sort"},
      {{"retained", "list", "--contains", "a"}, "--contains"},
      {{"task", "list", "--sort"}, "--sort"},
      {{"check", "-o", "xml"}, "xml"},
      {{"kafka-dev", "--bind", "0.0.0.0:9092"}, "--bind must be a loopback address"},
      {{"kafka-dev", "--topic", "a:0"}, "--topic `a:0` must be"},
      {{"connection", "verify"}, "takes either a name or -f FILE"},
      {{"policy", "create"}, "takes either a name or -f FILE"},
      {{"connection", "update", "a"}, "--file is required"},
      {{"task", "seek", "a"}, "--to is required"},
      {{"task", "copy", "a"}, "new_name is required"},
      {{"dead-letter", "delete", "a"}, "takes ids of messages, or --all"},
      {{"dead-letter", "redrive", "a", "0", "--all"}, "excludes"},
      {{"user", "create", "a", "--password", "x", "--password-file", "y"}, "exclude each other"},
      {{"check", "-c", "/no/such"}, "/no/such: the settings file cannot be read"},
      {{"serve", "--set", "mqtt.maximum_qos=3"}, "mqtt.maximum_qos must be"}};
  for (const auto& each : cases) {
    const auto ran = run(each.words);
    EXPECT_EQ(ran.code, 2) << each.says;
    EXPECT_THAT(ran.err, HasSubstr(each.says));
    EXPECT_EQ(ran.out, "");
  }
}

TEST(CommandLine, ChecksSettings) {
  const ScratchDirectory directory;
  const auto file = directory.write("s.yaml", "node: {name: from-file}\n");

  const auto ran = run({"check", "-c", file.c_str(), "--set", "mqtt.groups=3", "--data", "/x"});

  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("# " + file + ":1\n"));
  EXPECT_THAT(ran.out, testing::ContainsRegex("mqtt.groups = 3 +# --set\n"));
  EXPECT_THAT(ran.out, testing::ContainsRegex("data = /x +# --data\n"));
  EXPECT_THAT(ran.out, testing::ContainsRegex("store.durability = fsync +# default\n"));
}

TEST(CommandLine, MakesReferencePages) {
  EXPECT_THAT(run({"reference", "settings"}).out, HasSubstr("| `store.durability` | `fsync` |"));
  EXPECT_THAT(run({"reference", "metrics"}).out,
              HasSubstr("| `sluice_task_lag_messages` | gauge |"));
  EXPECT_THAT(run({"reference", "errors"}).out, HasSubstr("| `name_taken` | 409"));
  EXPECT_THAT(run({"reference", "connectors"}).out,
              HasSubstr("| `bootstrap_servers` | required |"));
  EXPECT_THAT(run({"reference", "openapi"}).out, testing::StartsWith("openapi: \"3.1"));
}

Ran run_where_nobody_answers(std::vector<const char*> arguments) {
  EXPECT_EQ(::setenv("SLUICE_URL", "http://127.0.0.1:1", 1), 0);
  EXPECT_EQ(::setenv("SLUICE_TOKEN", "t", 1), 0);
  auto ran = run(std::move(arguments));
  ::unsetenv("SLUICE_URL");
  ::unsetenv("SLUICE_TOKEN");
  return ran;
}

TEST(CommandLine, FailsWithExitCode1WhenNobodyAnswers) {
  const auto ran = run_where_nobody_answers({"user", "list"});

  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("is the server running there?"));
}

TEST(CommandLine, SaysWhatAListTakes) {
  const auto tasks = run({"task", "list", "--help"}).out;
  EXPECT_THAT(tasks, HasSubstr("--contains TEXT"));
  EXPECT_THAT(tasks, HasSubstr("--sort FIELD:{name,status,lag_messages,"));
  EXPECT_THAT(run({"client", "list", "--help"}).out, HasSubstr("with this in their client id"));
  const auto users = run({"user", "list", "--help"}).out;
  EXPECT_THAT(users, HasSubstr("with this in their name"));
  EXPECT_THAT(users, testing::Not(HasSubstr("--sort")));
}

// It is no option, whatever it looks like; and which fields there are is the server's to say.
TEST(CommandLine, TakesWhatAListGoesByWithADashInFront) {
  for (const auto* field : {"-name", "-created", "nonsense"}) {
    const auto ran = run_where_nobody_answers({"task", "list", "--sort", field});

    EXPECT_EQ(ran.code, 1) << field;
    EXPECT_THAT(ran.err, HasSubstr("is the server running there?"));
  }
}

TEST(CommandLine, PointsIntoADocumentThatIsNotJson) {
  const ScratchDirectory directory;
  const auto file = directory.write("d.json", "{\"name\": \"a\",\n \"b\": }");
  ASSERT_EQ(::setenv("SLUICE_TOKEN", "t", 1), 0);

  const auto ran = run({"task", "create", "-f", file.c_str()});
  ::unsetenv("SLUICE_TOKEN");

  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("is not JSON: syntax error at line 2, column 7"));
}

TEST(KafkaTopic, HasANameAndPartitions) {
  const auto topic = parse_kafka_topic("plant.readings:12");
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->name, "plant.readings");
  EXPECT_EQ(topic->partitions, 12);
  EXPECT_EQ(parse_kafka_topic("a")->partitions, 4);
  for (const auto* text :
       {"", ":", ":3", "a:", "a:0", "a:-1", "a:1001", "a:x", "a b:1", ".", ".."}) {
    EXPECT_FALSE(parse_kafka_topic(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::app
