#include "app/access_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/app/scratch_directory.hpp"

namespace sluice::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kSecret = "access.jwt.secret=canary-secret-of-thirty-two-byte";

class AccessSettingsTest : public testing::Test {
 protected:
  std::vector<std::string> problems(const std::vector<std::string>& flags) {
    SettingSources sources;
    for (const auto& flag : flags) sources.flags.push_back(parse_set_flag(flag));
    const auto loaded = load_settings(sources);
    std::vector<std::string> lines;
    if (!loaded)
      for (const auto& problem : loaded.error()) lines.push_back(problem.text());
    return lines;
  }

  ScratchDirectory directory_;
};

TEST_F(AccessSettingsTest, StoredUsersAloneLogInByDefault) {
  const auto loaded = load_settings({});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_THAT(loaded->settings.authentication.methods, ElementsAre("users"));
}

TEST_F(AccessSettingsTest, TakesAMethodWithItsKeys) {
  EXPECT_THAT(problems({"access.authentication=[jwt, users]", kSecret}), IsEmpty());
  EXPECT_THAT(problems({"access.authentication=[jwt]"}),
              ElementsAre(HasSubstr("access.authentication names jwt, and there is no key")));
  EXPECT_THAT(problems({"access.authentication=[users, users]"}),
              ElementsAre(HasSubstr("must name users once")));
  EXPECT_THAT(problems({"access.authentication=[jvt]"}), ElementsAre(HasSubstr("jwt")));
}

TEST_F(AccessSettingsTest, AsksOthersOverHttpsAlone) {
  EXPECT_THAT(problems({"access.authentication=[http]"}),
              ElementsAre(HasSubstr("names http: give access.http.url")));
  for (const std::string setting : {"access.http.url=", "access.jwt.jwks_url="}) {
    EXPECT_THAT(problems({setting + "https://id.example.org/x"}), IsEmpty());
    EXPECT_THAT(problems({setting + "http://127.0.0.1:8000/x"}), IsEmpty());
    for (const std::string url : {"http://id.example.org/x", "ftp://id.example.org/x", "x"})
      EXPECT_THAT(problems({setting + url}), ElementsAre(HasSubstr("https://"))) << url;
  }
  EXPECT_THAT(problems({"access.authentication=[jwt]", kSecret, "access.jwt.jwks_refresh=2h"}),
              ElementsAre(HasSubstr("access.jwt.jwks_keep must not be shorter")));
}

TEST_F(AccessSettingsTest, SaysWhatIsWrongWithAKeyAndNeverWhatItIs) {
  const auto damaged = directory_.write("keys", "canary");
  const auto only = [&](const std::string& flag) {
    const auto found = problems({"access.authentication=[jwt]", flag});
    return found.size() == 1 ? found.front() : std::to_string(found.size()) + " problems";
  };

  EXPECT_THAT(only("access.jwt.secret=canary"), HasSubstr("access.jwt.secret must have at least"));
  EXPECT_THAT(only("access.jwt.secret=-----BEGIN PUBLIC KEY----- and what follows"),
              HasSubstr("access.jwt.public_key takes its file"));
  EXPECT_THAT(only("access.jwt.public_key=" + damaged), HasSubstr("holds no public key in PEM"));
  EXPECT_THAT(only("access.jwt.jwks=" + damaged), HasSubstr("no JSON Web Key Set"));
  EXPECT_THAT(only("access.jwt.jwks=/nowhere"), HasSubstr("cannot be read"));
  for (const auto* setting : {"secret", "public_key", "jwks"})
    EXPECT_THAT(only("access.jwt." + std::string(setting) + "=" +
                     (std::string(setting) == "secret" ? "canary" : damaged)),
                Not(HasSubstr("canary")));
}

TEST_F(AccessSettingsTest, MasksTheSecretAndChangesItWhileRunning) {
  SettingSources sources;
  sources.flags = {parse_set_flag("access.authentication=[jwt]"), parse_set_flag(kSecret)};
  const auto current = load_settings(sources);
  ASSERT_TRUE(current.has_value());
  for (const auto& shown : show_settings(*current))
    EXPECT_EQ(shown.name == "access.jwt.secret", shown.value == "***") << shown.name;

  sources.flags.push_back(parse_set_flag("access.jwt.secret=another-secret-of-thirty-two-byt"));
  const auto fresh = load_settings(sources);
  ASSERT_TRUE(fresh.has_value());
  const auto merged = merge_reloaded(*current, *fresh);

  ASSERT_TRUE(merged.has_value());
  EXPECT_THAT(merged->changed, ElementsAre("access.jwt.secret"));
  EXPECT_EQ(merged->effective.settings.authentication.jwt.secret,
            "another-secret-of-thirty-two-byt");
}

}  // namespace
}  // namespace sluice::app
