#include "admin/console.hpp"

#include "fixture.hpp"

namespace sluice::admin {
namespace {

constexpr std::string_view kPack =
    "sluice-console 1\n"
    "e1 identity 48 index.html text/html; charset=utf-8\n"
    "e2 gzip 4 assets/app-1a2b.js text/javascript; charset=utf-8\n"
    "e3 identity 6 favicon.svg image/svg+xml\n"
    "\n"
    "<base href=\"%BASE%\"><script nonce=\"%NONCE%\"></p>"
    "\x1f\x8b\x08."
    "<svg/>";

class ConsoleTest : public AdminTest {
 protected:
  ConsoleTest() { make_api({.console_pack = kPack}); }

  Response ask_for(std::string target, std::string accept = "text/html,*/*;q=0.8") {
    auto wanted = request(Method::Get, std::move(target));
    wanted.authorization.clear();
    wanted.accept = std::move(accept);
    wanted.accept_encoding = "gzip, deflate, br";
    return api_->answer(wanted);
  }
};

std::string nonce_in(const std::string& policy) {
  const auto at = policy.find("'nonce-") + 7;
  return policy.substr(at, policy.find('\'', at) - at);
}

TEST_F(ConsoleTest, IsThereWithoutALogin) {
  const auto answer = ask_for("/");

  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(answer.body.starts_with("<base href=\"./\">")) << answer.body;
}

TEST_F(ConsoleTest, EachPageHasANonceOfItsOwnForStylesAlone) {
  const auto one = ask_for("/");
  const auto other = ask_for("/");
  const auto policy = header_of(one, "Content-Security-Policy");
  const auto nonce = nonce_in(policy);

  EXPECT_EQ(nonce.size(), 32U);
  EXPECT_NE(one.body.find("nonce=\"" + nonce + "\""), std::string::npos);
  EXPECT_NE(nonce, nonce_in(header_of(other, "Content-Security-Policy")));
  EXPECT_NE(policy.find("default-src 'self';"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(policy.find("script-src"), std::string::npos);
}

TEST_F(ConsoleTest, ItsWebSocketClientReachesTheSameHostAlone) {
  const auto connections_at = [&](std::string host) {
    auto wanted = request(Method::Get, "/");
    wanted.accept = "text/html";
    wanted.has_host = true;
    wanted.host = std::move(host);
    const auto policy = header_of(api_->answer(wanted), "Content-Security-Policy");
    const auto at = policy.find("connect-src ");
    return policy.substr(at, policy.find(';', at) - at);
  };

  EXPECT_EQ(connections_at("127.0.0.1:8080"),
            "connect-src 'self' ws://127.0.0.1:* wss://127.0.0.1:*");
  EXPECT_EQ(connections_at("LocalHost"), "connect-src 'self' ws://localhost:* wss://localhost:*");
  EXPECT_EQ(connections_at("[::1]:8080"), "connect-src 'self'");
  EXPECT_EQ(connections_at("a;script-src *.localhost"), "connect-src 'self'");
}

TEST_F(ConsoleTest, ItsOwnPagesAreReachedByAddress) {
  EXPECT_TRUE(ask_for("/tasks/plant.a").body.starts_with("<base href=\"../\">"));
  EXPECT_TRUE(ask_for("/clients/x/y?tab=1").body.starts_with("<base href=\"../../\">"));
}

TEST_F(ConsoleTest, ProgramsAreToldThatAPageIsNotThere) {
  const auto answer = ask_for("/tasks/plant", "*/*");

  EXPECT_EQ(answer.status, 404U);
  EXPECT_EQ(problem_code(answer), "unknown_path");
}

TEST_F(ConsoleTest, HashedFilesAreKeptByBrowsersAndOthersAskedForAgain) {
  const auto hashed = ask_for("/assets/app-1a2b.js", "*/*");
  const auto plain = ask_for("/favicon.svg", "*/*");

  EXPECT_EQ(hashed.body, "\x1f\x8b\x08.");
  EXPECT_EQ(header_of(hashed, "Content-Encoding"), "gzip");
  EXPECT_EQ(header_of(hashed, "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(plain.body, "<svg/>");
  EXPECT_EQ(header_of(plain, "Content-Encoding"), "");
  EXPECT_EQ(header_of(plain, "Cache-Control"), "no-cache");
}

TEST_F(ConsoleTest, AFileThatIsKnownIsNotSentAgain) {
  auto wanted = request(Method::Get, "/favicon.svg");
  wanted.if_none_match = R"(W/"e0", "e3")";

  const auto answer = api_->answer(wanted);

  EXPECT_EQ(answer.status, 304U);
  EXPECT_EQ(answer.body, "");
}

TEST_F(ConsoleTest, WhoCannotReadItIsToldSo) {
  auto wanted = request(Method::Get, "/assets/app-1a2b.js");

  EXPECT_EQ(problem_code(api_->answer(wanted)), "not_acceptable");
}

TEST_F(ConsoleTest, AHashedFileOfAnotherBuildIsNotAPage) {
  EXPECT_EQ(ask_for("/assets/app-0000.js").status, 404U);
}

TEST_F(ConsoleTest, DoesNotStandBeforeTheApi) {
  EXPECT_EQ(ask_for("/api/v1/overview").status, 401U);
  EXPECT_EQ(ask_for("/health/live").content_type, "application/json");
  for (const auto* path : {"/api", "/api/v1/nothing", "/metrics/x", "/health"})
    EXPECT_EQ(problem_code(ask_for(path)), "unknown_path") << path;
}

TEST_F(ConsoleTest, IsForKnownHostsAlone) {
  auto wanted = request(Method::Get, "/");
  wanted.host = "evil.example";

  EXPECT_EQ(problem_code(api_->answer(wanted)), "unknown_host");
}

TEST_F(ConsoleTest, ABuildWithoutOneSaysSo) {
  make_api();

  const auto answer = ask_for("/");

  EXPECT_EQ(answer.status, 200U);
  EXPECT_NE(answer.body.find("without its web console"), std::string::npos);
  EXPECT_EQ(ask_for("/tasks").status, 404U);
}

}  // namespace
}  // namespace sluice::admin
