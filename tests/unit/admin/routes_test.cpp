// Paths, methods, bodies and the description of it all.
#include <set>
#include <yaml-cpp/yaml.h>

#include <boost/json/array.hpp>
#include <gmock/gmock.h>

#include "admin/duplicate_names.hpp"
#include "admin/error_catalogue.hpp"
#include "admin/openapi.hpp"
#include "admin/target.hpp"
#include "base/escape.hpp"
#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

using RoutesTest = AdminTest;

std::string concrete(std::string_view path) {
  std::string made(path);
  if (const auto brace = made.find("{name}"); brace != std::string::npos) {
    made.replace(brace, 6, "no-such-one");
  }
  return made;
}

TEST_F(RoutesTest, AnswerWithoutATokenOnlyWhereTheyAreOpen) {
  token_.clear();
  const std::set<std::string> open{"POST /api/v1/session", "GET /health/live", "GET /health/ready"};
  for (const auto& route : routes()) {
    const auto answer = ask(route.method, concrete(route.path));
    const auto name = std::string(name_of(route.method)) + " " + std::string(route.path);
    EXPECT_EQ(answer.status != 401, open.contains(name)) << name << " " << answer.status;
    if (answer.status == 401) {
      EXPECT_EQ(problem_code(answer), "not_logged_in");
      EXPECT_THAT(header_of(answer, "WWW-Authenticate"), HasSubstr("Bearer"));
    }
  }
}

TEST_F(RoutesTest, RefuseANameThatIsGivenTwice) {
  const auto answer = post("/api/v1/users", R"({"name":"a","n\u0061me":"b","password":"p"})");

  EXPECT_EQ(answer.status, 422U);
  EXPECT_EQ(problem_code(answer), "invalid_document");
  const auto fields = object_of(answer).at("fields").get_array();
  ASSERT_EQ(fields.size(), 1U);
  EXPECT_EQ(fields[0].at("pointer").get_string(), "/name");
  EXPECT_EQ(fields[0].at("detail").get_string(), "is given twice");
  EXPECT_TRUE(access_.users().empty());
}

TEST(DuplicateNames, AreFoundWhereverTheyAre) {
  const auto pointers = [](std::string_view text) {
    std::vector<std::string> found;
    for (const auto& problem : duplicate_names(text, 32)) found.push_back(problem.pointer);
    return found;
  };
  EXPECT_THAT(pointers(R"({"a":{"b":1},"c":[{"b":1},{"b":2,"x":[[]],"b":3}]})"),
              testing::ElementsAre("/c/1/b"));
  EXPECT_THAT(pointers(R"({"a/b":1,"a/b":{"c":1,"c":2}})"),
              testing::ElementsAre("/a~1b", "/a~1b/c"));
  EXPECT_THAT(pointers(R"({"a":["a","a"],"b":{"a":"a"}})"), testing::IsEmpty());
  EXPECT_THAT(pointers(R"({"a":1,"a":)"), testing::IsEmpty());
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += "\"a\":1,";
  EXPECT_EQ(pointers(many + "\"a\":1}").size(), 10U);
}

TEST_F(RoutesTest, TakeUtf8Only) {
  for (const auto* path : {"/api/v1/users/%FF", "/api/v1/users/\xFF", "/api/v1/tasks/x:%C0%80",
                           "/api/v1/users?page=%ED%A0%80", "/api/v1/users?%FE=1"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 400U) << path;
    EXPECT_EQ(problem_code(answer), "invalid_target") << path;
    EXPECT_TRUE(is_utf8(answer.body)) << path;
  }
  EXPECT_EQ(get("/api/v1/users/%C3%A9").status, 404U);
}

TEST_F(RoutesTest, AllAnswerSomethingKnown) {
  for (const auto& route : routes()) {
    const auto answer = ask(route.method, concrete(route.path), "{}");
    EXPECT_NE(answer.status, 500U) << route.path;
    EXPECT_NE(answer.status, 405U) << route.path;
    if (answer.status >= 400) {
      EXPECT_NE(problem_code(answer), "unknown_path") << route.path;
    }
  }
}

TEST_F(RoutesTest, SayWhatIsNotThere) {
  for (const auto* path : {"/api", "/api/v1", "/api/v2/users", "/api/v1/users/", "/metrics/",
                           "/api/v1/users//", "/api/v1/tasks/x:stop", "/health", "/api/v1/../users",
                           "/%2e%2e/etc/passwd", "/api%2Fv1%2Fusers"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 404U) << path;
    EXPECT_EQ(problem_code(answer), "unknown_path") << path;
  }
}

TEST_F(RoutesTest, SayWhichMethodsThereAre) {
  const auto answer = ask(Method::Put, "/api/v1/users");

  EXPECT_EQ(answer.status, 405U);
  EXPECT_EQ(problem_code(answer), "method_not_allowed");
  EXPECT_EQ(header_of(answer, "Allow"), "POST, GET");
  EXPECT_EQ(ask(Method::Other, "/api/v1/users").status, 405U);
  EXPECT_EQ(ask(Method::Post, "/metrics").status, 405U);
}

TEST_F(RoutesTest, RefuseTargetsThatCannotBeRead) {
  for (const auto* target :
       {"", "*", "http://host/api/v1/users", "/api/v1/users/%", "/%zz", "/api/v1/users?limit=%2"}) {
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 400U) << target;
    EXPECT_EQ(problem_code(answer), "invalid_target") << target;
  }
}

TEST_F(RoutesTest, WantJsonBodies) {
  auto made = request(Method::Post, "/api/v1/users", R"({"name":"x"})");
  made.authorization = "Bearer " + token_;
  for (const auto* type : {"", "text/plain", "application/x-www-form-urlencoded",
                           "multipart/form-data", "application/jsonp"}) {
    made.content_type = type;
    const auto answer = api_->answer(made);
    EXPECT_EQ(answer.status, 415U) << type;
    EXPECT_EQ(problem_code(answer), "unsupported_media_type");
  }
  made.content_type = "Application/JSON ; charset=utf-8";
  EXPECT_EQ(api_->answer(made).status, 201U);
}

TEST_F(RoutesTest, RefuseBodiesThatAreNoJson) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const auto& body : {std::string("{"), std::string("{} x"), std::string("\"\xff\""),
                           R"({"name":)" + deep + "}", std::string("nul")}) {
    const auto answer = post("/api/v1/users", body);
    EXPECT_EQ(answer.status, 400U) << body;
    EXPECT_EQ(problem_code(answer), "not_json");
  }
  for (const auto* body : {"[]", "1", "\"x\"", "null"}) {
    const auto answer = post("/api/v1/users", body);
    EXPECT_EQ(answer.status, 422U) << body;
    EXPECT_EQ(problem_code(answer), "invalid_document");
  }
}

TEST_F(RoutesTest, AreAllInTheDescription) {
  const auto answer = get("/api/v1/openapi.yaml");
  ASSERT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.content_type, "application/yaml");

  const auto document = YAML::Load(answer.body);

  EXPECT_EQ(document["openapi"].as<std::string>(), "3.1.0");
  std::set<std::string> ids;
  for (const auto& route : routes()) {
    std::string method(name_of(route.method));
    for (auto& character : method) character = static_cast<char>(std::tolower(character));
    const auto operation = document["paths"][std::string(route.path)][method];
    ASSERT_TRUE(operation.IsDefined()) << route.path;
    EXPECT_TRUE(ids.insert(operation["operationId"].as<std::string>()).second) << route.id;
    EXPECT_FALSE(operation["summary"].as<std::string>().empty());
    for (const unsigned status : route.answers) {
      EXPECT_TRUE(operation["responses"][std::to_string(status)].IsDefined()) << route.path;
    }
  }
  const auto policy = document["paths"]["/api/v1/policies"]["post"]["requestBody"]["content"]
                              ["application/json"]["schema"]["properties"]["effect"];
  EXPECT_EQ(policy["enum"][0].as<std::string>(), "allow");
  const auto connections = document["components"]["schemas"]["Connection"]["oneOf"];
  ASSERT_EQ(connections.size(), 1U);
  EXPECT_EQ(connections[0]["title"].as<std::string>(), "memory");
  EXPECT_TRUE(connections[0]["properties"]["settings"]["properties"]["address"].IsDefined());
}

// Every `$ref` leads somewhere.
TEST_F(RoutesTest, AreDescribedWithoutLooseEnds) {
  const json::value document = openapi_document(connectors_);
  std::vector<const json::value*> open{&document};
  int references = 0;
  while (!open.empty()) {
    const auto* value = open.back();
    open.pop_back();
    if (const auto* list = value->if_array()) {
      for (const auto& member : *list) open.push_back(&member);
    }
    const auto* object = value->if_object();
    if (object == nullptr) continue;
    for (const auto& [name, member] : *object) {
      open.push_back(&member);
      if (name != "$ref" || !member.is_string()) continue;
      ++references;
      boost::system::error_code error;
      const auto pointer = std::string_view(member.get_string()).substr(1);
      EXPECT_NE(document.find_pointer(pointer, error), nullptr) << pointer;
    }
  }

  EXPECT_GT(references, 30);
}

TEST(ErrorCatalogue, IsSortedAndWhole) {
  const auto& catalogue = error_catalogue();
  for (std::size_t i = 1; i < catalogue.size(); ++i) {
    EXPECT_LT(catalogue[i - 1].code, catalogue[i].code);
  }
  for (const auto& kind : catalogue) EXPECT_NE(status_phrase(kind.status), "") << kind.code;
  EXPECT_THAT(error_catalogue_markdown(), HasSubstr("| `name_taken` | 409 Conflict |"));
  for (int errc = 0; errc <= static_cast<int>(Errc::Unsupported); ++errc) {
    const auto code = name_of(static_cast<Errc>(errc));
    const auto found = std::find_if(catalogue.begin(), catalogue.end(),
                                    [&](const ErrorKind& kind) { return kind.code == code; });
    if (found == catalogue.end()) continue;
    EXPECT_EQ(found->status, status_of(static_cast<Errc>(errc))) << code;
  }
}

TEST(Yaml, SaysTheSameAsItsJson) {
  const json::value value = {{"true", "true"},
                             {"number", 12},
                             {"text", "a: b # c"},
                             {"empty", ""},
                             {"list", {1, "2", json::object{}}},
                             {"nothing", nullptr},
                             {"quote", "\"\\\n"},
                             {"no", "no"},
                             {"nested", {{"a", json::array{json::object{{"b", json::array{}}}}}}}};

  const auto node = YAML::Load(to_yaml(value));

  EXPECT_EQ(node["true"].as<std::string>(), "true");
  EXPECT_EQ(node["number"].as<int>(), 12);
  EXPECT_EQ(node["text"].as<std::string>(), "a: b # c");
  EXPECT_EQ(node["empty"].as<std::string>(), "");
  EXPECT_EQ(node["list"].size(), 3U);
  EXPECT_TRUE(node["list"][2].IsMap());
  EXPECT_TRUE(node["nothing"].IsNull());
  EXPECT_EQ(node["quote"].as<std::string>(), "\"\\\n");
  EXPECT_TRUE(node["nested"]["a"][0]["b"].IsSequence());
}

TEST(Target, SplitsAndDecodes) {
  const auto target = parse_target("/a%2Fb/c%3Ad:do?x=1+2&y=%26&flag");

  ASSERT_TRUE(target.has_value());
  EXPECT_THAT(target->parts, testing::ElementsAre("a/b", "c:d"));
  EXPECT_EQ(target->verb, "do");
  EXPECT_THAT(target->query,
              testing::UnorderedElementsAre(testing::Pair("x", "1 2"), testing::Pair("y", "&"),
                                            testing::Pair("flag", "")));
  EXPECT_EQ(target->repeated, "");
}

TEST(Target, SaysWhatIsThereTwice) {
  EXPECT_EQ(parse_target("/a?x=1&y=2&%78=1")->repeated, "x");
}

TEST(Target, FindsNoVerbInEarlierParts) {
  const auto target = parse_target("/a:b/c");

  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->verb, "");
  EXPECT_THAT(target->parts, testing::ElementsAre("a:b", "c"));
}

TEST(Target, EncodesWhatItDecodes) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all.push_back(static_cast<char>(byte));

  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

}  // namespace
}  // namespace sluice::admin
