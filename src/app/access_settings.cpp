#include "app/access_settings.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

#include "app/setting_sources.hpp"
#include "io/http_client.hpp"
#include "io/pem_text.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;
using broker::JwtKeys;
using schema::Field;
using schema::Problem;
using schema::Type;

constexpr std::string_view kJwt = "jwt";
constexpr std::string_view kUsers = "users";
constexpr std::string_view kHttp = "http";

bool is_safe_url(std::string_view text) {
  if (text.empty()) return true;
  const auto url = io::parse_web_url(text);
  if (!url) return false;
  // Whoever can change the answer on its way could log in as anybody.
  return url->is_tls || url->host == "127.0.0.1" || url->host == "::1" || url->host == "localhost";
}

constexpr std::string_view kSafeUrl =
    "an address that begins with https://, or http:// on this machine";

Field duration_field(std::string name, std::string help, std::string fallback) {
  return {.name = std::move(name),
          .type = Type::Duration,
          .help = std::move(help),
          .fallback = json::value(fallback),
          .minimum = 1000,
          .maximum = 7LL * 24 * 3600 * 1000,
          .reloadable = true};
}

Field text_field(std::string name, std::string help, std::string fallback = "") {
  return {.name = std::move(name),
          .help = std::move(help),
          .fallback = json::value(fallback),
          .maximum = 4096,
          .reloadable = true};
}

Field jwt_field() {
  auto secret = text_field("secret",
                           "HS256: the secret, 32 bytes at least; `file:PATH` or `env:NAME`. "
                           "SIGHUP reads it again, as it does the keys below.");
  secret.secret = true;
  secret.maximum = 64 * 1024;
  auto username = text_field("username_claim",
                             "The claim that is the user name, whatever CONNECT says.", "sub");
  username.minimum = 1;
  auto url = text_field("jwks_url",
                        "The same from an identity provider, under the address rule of HTTP "
                        "(`connect.allowed_networks`), beside all others.");
  url.pattern_help = std::string(kSafeUrl);
  url.allowed = is_safe_url;
  return {
      .name = std::string(kJwt),
      .type = Type::Object,
      .help = "Tokens (JWT) as logins. A key is for algorithms of its kind, whatever a token says.",
      .fields = {
          std::move(secret),
          text_field(
              "public_key",
              "File of public keys or certificates (PEM): RSA of 2048 bits or more (RS256 to "
              "RS512, PS256 to PS512), on P-256 (ES256), Ed25519 (EdDSA)."),
          text_field("jwks", "File of a JSON Web Key Set, with keys of these kinds."),
          std::move(url),
          text_field("jwks_ca",
                     "File of the authorities that vouch for it (PEM); empty: those of the "
                     "machine."),
          duration_field("jwks_refresh",
                         "How often it is fetched; a token with an unknown `kid` makes it sooner, "
                         "once in ten seconds.",
                         "5m"),
          duration_field("jwks_keep",
                         "How long its keys hold while it cannot be fetched; afterwards no token "
                         "of theirs is taken.",
                         "1h"),
          text_field("issuer", "What `iss` must be; empty: any."),
          text_field("audience", "What `aud` must be or hold; empty: any."),
          std::move(username),
          text_field("client_id_claim", "The claim that must be the client id; empty: none."),
          text_field("rules_claim",
                     "The claim with topic rules, which hold beside the policies for that client "
                     "alone, such as `acl`; empty: tokens carry none."),
          {.name = "leeway",
           .type = Type::Duration,
           .help = "How far the clock of the issuer may be off.",
           .fallback = "30s",
           .minimum = 0,
           .maximum = 10 * 60 * 1000,
           .reloadable = true},
          {.name = "expiry_required",
           .type = Type::Boolean,
           .help = "Whether a token must have `exp`. When it expires its connection ends (0x87).",
           .fallback = true,
           .reloadable = true}}};
}

Field http_field() {
  Field url{.name = "url",
            .help =
                "POST of a JSON object to this address, under the address rule of HTTP "
                "(`connect.allowed_networks`), with name, password, client id and address.",
            .fallback = "",
            .maximum = 4096,
            .pattern_help = std::string(kSafeUrl),
            .allowed = is_safe_url};
  return {
      .name = std::string(kHttp),
      .type = Type::Object,
      .help = "Another server is asked about each login.",
      .fields = {
          std::move(url),
          {.name = "ca",
           .help = "File of the authorities that vouch for it (PEM); empty: those of the machine.",
           .fallback = "",
           .maximum = 4096},
          {.name = "token",
           .help = "Goes with each request as `Authorization: Bearer`; `file:PATH` or `env:NAME`.",
           .fallback = "",
           .secret = true,
           .maximum = 4096},
          {.name = "timeout",
           .type = Type::Duration,
           .help = "Within this an answer must be there, or the login is refused.",
           .fallback = "5s",
           .minimum = 100,
           .maximum = 10 * 1000},
          {.name = "remember",
           .type = Type::Duration,
           .help = "How long an answer holds for the same login; 0s: each is asked about.",
           .fallback = "1m",
           .minimum = 0,
           .maximum = 24LL * 3600 * 1000},
          {.name = "concurrency",
           .type = Type::Integer,
           .help = "Requests at one time; other logins wait.",
           .fallback = 8,
           .minimum = 1,
           .maximum = 64}}};
}

Result<void> add(JwtKeys& keys, std::string_view setting, Result<JwtKeys> found) {
  if (!found)
    return fail(found.error().code,
                "access.jwt." + std::string(setting) + " " + found.error().detail);
  for (auto& key : *found) keys.push_back(std::move(key));
  return {};
}

template <class Parse>
Result<void> add_file(JwtKeys& keys, std::string_view setting, const std::string& path,
                      Parse parse) {
  if (path.empty()) return {};
  const auto text = read_file(path);
  if (!text)
    return add(keys, setting,
               fail(text.error().code,
                    "names " + path + ", which cannot be read: " + text.error().detail));
  auto found = parse(*text);
  if (!found)
    return add(keys, setting, fail(found.error().code, path + " " + found.error().detail));
  return add(keys, setting, std::move(found));
}

bool uses(const std::vector<std::string>& methods, std::string_view method) {
  return std::ranges::find(methods, method) != methods.end();
}

}  // namespace

Field access_field() {
  return {
      .name = "access",
      .type = Type::Object,
      .help = "Access control of MQTT clients.",
      .fields = {{.name = "enabled",
                  .type = Type::Boolean,
                  .help = "Off: every client is admitted and may do everything.",
                  .fallback = true},
                 {.name = "authentication",
                  .type = Type::TextList,
                  .help = "How clients log in, asked in this order: stored users with a password, "
                          "tokens (JWT) in the password or in the place of the user name, another "
                          "server by HTTP. Client "
                          "certificates (`user_from`) come before all of them.",
                  .fallback = json::array{json::value(kUsers)},
                  .choices = {std::string(kUsers), std::string(kJwt), std::string(kHttp)},
                  .minimum = 1,
                  .maximum = 3},
                 {.name = "refused_subscription",
                  .type = Type::Choice,
                  .help = "How MQTT 5 is told that no policy allows a subscription: 0x87, or 0x80, "
                          "which says no more than that it failed. MQTT 3 has 0x80 alone.",
                  .fallback = "not_authorized",
                  .choices = {"not_authorized", "unspecified"}},
                 login_attempts_field(),
                 jwt_field(),
                 http_field()}};
}

Field login_attempts_field() {
  using broker::LoginGuard;
  const auto bound = [](std::string name, std::string help, int fallback) {
    return Field{.name = std::move(name),
                 .type = Type::Integer,
                 .help = std::move(help),
                 .fallback = fallback,
                 .minimum = 0,
                 .maximum = 1'000'000};
  };
  return {.name = "login_attempts",
          .type = Type::Object,
          .help =
              "How many wrong logins there may be before further ones have to wait. They are "
              "forgotten ten minutes after the last one.",
          .fields = {bound("per_address",
                           "From one address (IPv6: its /64): then it waits for a second, twice as "
                           "long with each further one, at most a minute. 0: no bound.",
                           LoginGuard::kFree),
                     bound("per_user",
                           "For one user, from wherever: then addresses from which that user has "
                           "not logged in before try it one after the other, with pauses of one to "
                           "ten seconds. 0: no bound.",
                           LoginGuard::kFreeOfUser)}};
}

broker::LoginBounds login_bounds_of(const SettingReader& section) {
  const auto bounds = section.in("login_attempts");
  return {.per_address = bounds.number<int>("per_address"),
          .per_user = bounds.number<int>("per_user")};
}

AuthenticationSettings authentication_of(const SettingReader& access) {
  const auto jwt = access.in(kJwt);
  const auto http = access.in(kHttp);
  return {
      .methods = access.texts("authentication"),
      .http = {.url = http.text("url"),
               .ca = http.text("ca"),
               .token = http.text("token"),
               .timeout = std::chrono::milliseconds(http.number<std::int64_t>("timeout")),
               .remember = std::chrono::milliseconds(http.number<std::int64_t>("remember")),
               .concurrency = http.number<std::size_t>("concurrency")},
      .jwt = {.secret = jwt.text("secret"),
              .public_key = jwt.text("public_key"),
              .jwks = jwt.text("jwks"),
              .jwks_url = jwt.text("jwks_url"),
              .jwks_ca = jwt.text("jwks_ca"),
              .jwks_refresh = std::chrono::milliseconds(jwt.number<std::int64_t>("jwks_refresh")),
              .jwks_keep = std::chrono::milliseconds(jwt.number<std::int64_t>("jwks_keep")),
              .rules = {.issuer = jwt.text("issuer"),
                        .audience = jwt.text("audience"),
                        .username_claim = jwt.text("username_claim"),
                        .client_id_claim = jwt.text("client_id_claim"),
                        .rules_claim = jwt.text("rules_claim"),
                        .leeway = std::chrono::milliseconds(jwt.number<std::int64_t>("leeway")),
                        .expiry_required = jwt.flag("expiry_required")}}};
}

void check_access(const json::object& values, std::vector<Problem>& problems) {
  const auto* access = values.if_contains("access");
  const auto* found = access != nullptr && access->is_object()
                          ? access->get_object().if_contains("authentication")
                          : nullptr;
  if (found == nullptr || !found->is_array()) return;
  std::vector<std::string> methods;
  for (const auto& method : found->get_array()) {
    if (!method.is_string()) return;
    std::string name(method.get_string());
    if (uses(methods, name))
      problems.push_back({"/access/authentication", "must name " + name + " once"});
    methods.push_back(std::move(name));
  }
}

namespace {

// "access.jwt.jwks is damaged" is a problem of that setting.
Problem problem_of(const Error& error) {
  const auto name = error.detail.substr(0, error.detail.find(' '));
  auto pointer = "/" + name;
  std::ranges::replace(pointer, '.', '/');
  return {std::move(pointer), error.detail.substr(std::min(name.size() + 1, error.detail.size()))};
}

void check_jwt_keys(const JwtSettings& settings, std::vector<Problem>& problems) {
  const auto read = jwt_options(settings);
  const auto from_afar = fetch_options(settings);
  if (!read || !from_afar) {
    problems.push_back(problem_of(read ? from_afar.error() : read.error()));
  } else if (read->keys.empty() && from_afar->url.empty()) {
    problems.push_back({"/access/authentication",
                        "names jwt, and there is no key: give access.jwt.secret, "
                        "access.jwt.public_key, access.jwt.jwks or access.jwt.jwks_url"});
  } else if (settings.jwks_keep < settings.jwks_refresh) {
    problems.push_back(
        {"/access/jwt/jwks_keep", "must not be shorter than access.jwt.jwks_refresh"});
  }
}

// Nothing where `path` is empty. Errors: with the name of the setting.
Result<std::string> authorities(std::string_view setting, const std::string& path) {
  if (path.empty()) return std::string();
  auto pem = read_file(path);
  const std::string start(setting);
  if (!pem)
    return fail(pem.error().code,
                start + " names " + path + ", which cannot be read: " + pem.error().detail);
  if (const auto why = io::why_not_certificates(*pem))
    return fail(Errc::InvalidArgument, start + " " + path + " " + *why);
  return pem;
}

}  // namespace

void check_keys(const AuthenticationSettings& settings, std::vector<Problem>& problems) {
  if (uses(settings.methods, kJwt)) check_jwt_keys(settings.jwt, problems);
  if (!uses(settings.methods, kHttp)) return;
  if (settings.http.url.empty())
    problems.push_back({"/access/authentication", "names http: give access.http.url"});
  const auto call_out = call_out_options(settings.http);
  if (!call_out) problems.push_back(problem_of(call_out.error()));
}

Result<broker::JwtAuthenticator::Options> jwt_options(const JwtSettings& settings) {
  broker::JwtAuthenticator::Options options{.keys = {}, .rules = settings.rules};
  if (!settings.secret.empty()) {
    auto key = broker::jwt_secret(settings.secret);
    if (!key) return fail(key.error().code, "access.jwt.secret " + key.error().detail);
    options.keys.push_back(*std::move(key));
  }
  SL_TRY_VOID(add_file(options.keys, "public_key", settings.public_key, broker::jwt_keys_from_pem));
  SL_TRY_VOID(add_file(options.keys, "jwks", settings.jwks, broker::jwt_keys_from_jwks));
  return options;
}

Result<KeyFetcher::Options> fetch_options(const JwtSettings& settings) {
  SL_TRY(pem, authorities("access.jwt.jwks_ca", settings.jwks_ca));
  return KeyFetcher::Options{.url = settings.jwks_url,
                             .ca_pem = std::move(pem),
                             .refresh = settings.jwks_refresh,
                             .keep = settings.jwks_keep};
}

Result<HttpLogin::Options> call_out_options(const HttpLoginSettings& settings) {
  SL_TRY(pem, authorities("access.http.ca", settings.ca));
  return HttpLogin::Options{.url = settings.url,
                            .ca_pem = std::move(pem),
                            .token = settings.token,
                            .timeout = settings.timeout,
                            .remember = settings.remember,
                            .concurrency = settings.concurrency};
}

}  // namespace sluice::app
