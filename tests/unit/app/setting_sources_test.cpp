#include "app/setting_sources.hpp"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/app/scratch_directory.hpp"

namespace sluice::app {
namespace {

using schema::Type;
using testing::ElementsAre;

const schema::Fields kFields = {
    {.name = "password", .help = "", .secret = true},
    {.name = "names", .type = Type::TextList, .help = ""},
    {.name = "labels", .type = Type::Map, .help = ""},
    {.name = "limit", .type = Type::Integer, .help = "", .fallback = 1, .nullable = true},
    {.name = "remotes",
     .type = Type::ObjectMap,
     .help = "",
     .fields = {{.name = "token", .help = "", .secret = true},
                {.name = "port", .type = Type::Integer, .help = ""}}}};

std::vector<std::string> lines(const LoadedValues& loaded) {
  std::vector<std::string> all;
  for (const auto& problem : loaded.problems) all.push_back(problem.text());
  return all;
}

std::string value(const LoadedValues& loaded, std::string_view name) {
  const auto* found = loaded.values.if_contains(name);
  return found == nullptr ? "absent" : boost::json::serialize(*found);
}

TEST(SettingSources, ReadASecretFromAFile) {
  const ScratchDirectory directory;
  SettingSources sources;
  sources.flags = {{"--set", "password", "file:" + directory.write("secret", "hunter2\n")}};

  const auto loaded = load_values(kFields, sources);

  EXPECT_THAT(lines(loaded), ElementsAre());
  EXPECT_EQ(value(loaded, "password"), R"("hunter2")");
}

TEST(SettingSources, ReadASecretFromAVariable) {
  SettingSources sources;
  sources.environment = {{"THE_SECRET", "hunter2"}};
  sources.flags = {{"--set", "remotes.a.token", "env:THE_SECRET"}};

  const auto loaded = load_values(kFields, sources);

  EXPECT_EQ(value(loaded, "remotes"), R"({"a":{"token":"hunter2"}})");
}

TEST(SettingSources, RefuseASecretThatIsNotThere) {
  SettingSources sources;
  sources.flags = {{"--set", "password", "file:/no/such"},
                   {"--set", "remotes.a.token", "env:NONE"}};

  EXPECT_THAT(
      lines(load_values(kFields, sources)),
      ElementsAre(
          "--set: password refers to /no/such, which cannot be read: No such file or directory",
          "--set: remotes.a.token refers to the variable NONE, which is not set"));
}

TEST(SettingSources, ReadListsAndMapsFromTextAsYaml) {
  SettingSources sources;
  sources.environment = {{"SLUICE_NAMES", "[a, '2']"}};
  sources.flags = {{"--set", "labels", "{x: 1, y: z}"}};

  const auto loaded = load_values(kFields, sources);

  EXPECT_THAT(lines(loaded), ElementsAre());
  EXPECT_EQ(value(loaded, "names"), R"(["a","2"])");
  EXPECT_EQ(value(loaded, "labels"), R"({"x":"1","y":"z"})");
}

TEST(SettingSources, TakeScalarTextAsItStands) {
  SettingSources sources;
  sources.flags = {{"--set", "password", "a: [b # c"}};

  EXPECT_EQ(value(load_values(kFields, sources), "password"), R"("a: [b # c")");
}

TEST(SettingSources, KeepNullWhereItIsAValue) {
  const ScratchDirectory directory;
  SettingSources sources;
  sources.file = directory.write("s.yaml", "limit: null\n");

  EXPECT_EQ(value(load_values(kFields, sources), "limit"), "null");
}

TEST(SettingSources, PointToTheLineOfAListThatIsWrong) {
  const ScratchDirectory directory;
  SettingSources sources;
  sources.file = directory.write("s.yaml", "\nnames:\n  - a\n  - [b]\n");

  const auto loaded = load_values(kFields, sources);

  EXPECT_THAT(lines(loaded), ElementsAre(*sources.file + ":2: names.1 must be text, not a list"));
}

TEST(SettingSources, NeverRepeatASecretInAProblem) {
  const ScratchDirectory directory;
  SettingSources sources;
  sources.file = directory.write("s.yaml", "password: [hunter2]\n");

  EXPECT_THAT(lines(load_values(kFields, sources)),
              ElementsAre(*sources.file + ":1: password must be text"));
}

TEST(SettingSources, SurviveAnyShapeOfYaml) {
  const ScratchDirectory directory;
  for (const auto* text :
       {"? [a, b]\n: c\n", "remotes: [1]\n", "remotes: {a: 1}\n", "remotes: {a: {b: {c: d}}}\n",
        "a: &x [1]\nb: *x\n", "names: {a: b}\n", "? {a: b}\n: {c: d}\n", "remotes: {? [x] : 1}\n",
        "\xff\xfe", "!!binary x: y", "names: !weird [a, {b: c}]", "limit: .nan\n"}) {
    SettingSources sources;
    sources.file = directory.write("s.yaml", text);
    const auto loaded = load_values(kFields, sources);
    EXPECT_FALSE(loaded.problems.empty()) << text;
  }
}

TEST(Dotted, ReadsPointers) {
  EXPECT_EQ(dotted(""), "");
  EXPECT_EQ(dotted("/a/b/0"), "a.b.0");
  EXPECT_EQ(dotted("/a~1b/c~0d"), "a/b.c~d");
}

}  // namespace
}  // namespace sluice::app
