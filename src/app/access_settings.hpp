// The settings of `access`: who logs in how.
#pragma once
#include <vector>

#include <boost/json/object.hpp>

#include "app/http_login.hpp"
#include "app/key_fetcher.hpp"
#include "app/setting_reader.hpp"
#include "app/settings.hpp"
#include "base/schema.hpp"
#include "broker/access/jwt_authenticator.hpp"
#include "broker/access/login_guard.hpp"

namespace sluice::app {

[[nodiscard]] schema::Field access_field();
// Of `access` and of `admin` alike.
[[nodiscard]] schema::Field login_attempts_field();
[[nodiscard]] broker::LoginBounds login_bounds_of(const SettingReader& section);
// `access`, checked.
[[nodiscard]] AuthenticationSettings authentication_of(const SettingReader& access);

// Rules across them. `values` are all settings.
void check_access(const boost::json::object& values, std::vector<schema::Problem>& problems);
// What is wrong with the keys that they name.
void check_keys(const AuthenticationSettings& settings, std::vector<schema::Problem>& problems);

// Reads the keys. Errors: with the name of the setting.
[[nodiscard]] Result<broker::JwtAuthenticator::Options> jwt_options(const JwtSettings& settings);

// Where more of them come from. Errors: likewise.
[[nodiscard]] Result<KeyFetcher::Options> fetch_options(const JwtSettings& settings);

[[nodiscard]] Result<HttpLogin::Options> call_out_options(const HttpLoginSettings& settings);

}  // namespace sluice::app
