#include "admin/actions.hpp"
#include "admin/origin.hpp"
#include "base/log.hpp"
#include "base/peer.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kBearer = "Bearer ";

std::string cookie_in(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const auto end = header.find(';');
    auto pair = header.substr(0, end);
    header.remove_prefix(end == std::string_view::npos ? header.size() : end + 1);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return std::string(pair.substr(equals + 1));
    }
  }
  return {};
}

bool is_bearer(std::string_view header) {
  if (header.size() < kBearer.size()) return false;
  for (std::size_t i = 0; i < kBearer.size(); ++i) {
    if ((header[i] | 0x20) != (kBearer[i] | 0x20)) return false;
  }
  return true;
}

std::string cookie(const Request& request, std::string_view token, std::string_view attributes) {
  return std::string(kSessionCookie) + "=" + std::string(token) +
         "; Path=/; HttpOnly; SameSite=Strict" + (request.is_encrypted ? "; Secure" : "") +
         std::string(attributes);
}

void note_refusal(Context& context, std::string_view why, const std::string& user,
                  const std::string& address) {
  const auto untold = context.refusal_lines.due(peer_of(address));
  if (!untold) return;
  log::warn("administrator login refused", {{"reason", why},
                                            {"user", user},
                                            {"address", address},
                                            {"refused_since_last_line", *untold}});
  context.audit.note_refusal({{"id", ""},
                              {"time", ""},
                              {"user", user},
                              {"token", nullptr},
                              {"address", address},
                              {"operation", "logIn"},
                              {"subject", user},
                              {"reason", why},
                              {"left_out", *untold}});
}

Response wrong_credentials(Context& context, const std::string& user, const std::string& address) {
  note_refusal(context, "user or password is wrong", user, address);
  return problem_response(
      Problem{.status = 401,
              .code = "wrong_credentials",
              .detail = "user or password is wrong",
              .hint = "a first start without SLUICE_ADMIN_PASSWORD prints the password of admin "
                      "once, the Debian package none; who may read the data directory sets "
                      "another: sluice administrator update admin --password-file - --data DIR"});
}

Response welcome(Context& context, const Account& account, const Request& request) {
  log::info("administrator logged in",
            {{"user", account.name}, {"address", request.remote_address}});
  const auto opened = context.sessions.open(account);
  auto response = json_response(
      200, {{"token", opened.token}, {"expires", broker::rfc3339(opened.expires_ms)}});
  response.headers.emplace_back("Set-Cookie", cookie(request, opened.token, "; Max-Age=43200"));
  return response;
}

// Nothing when the password is right; else the answer.
std::optional<Response> refuse_password(Context& context, const std::string& user,
                                        std::string_view password, const std::string& address) {
  // Who is known to be right is not held back for the guesses of others.
  const auto known = context.accounts.remembered(user, password);
  if (known.value_or(false)) {
    context.logins.was_right(address, user);
    return std::nullopt;
  }
  if (known) return wrong_credentials(context, user, address);
  if (const auto attempt = context.logins.begin(address, user); !attempt) {
    note_refusal(context, "too many attempts to log in", user, address);
    auto response = problem_response(Problem{.status = 429,
                                             .code = "too_many_logins",
                                             .detail = "too many attempts to log in",
                                             .hint = "wait as long as Retry-After says"});
    response.headers.emplace_back("Retry-After", std::to_string(attempt.retry_after.count()));
    return response;
  }
  const bool is_right = context.accounts.verify(user, password);
  context.logins.finished(address, user, is_right);
  if (is_right) return std::nullopt;
  return wrong_credentials(context, user, address);
}

}  // namespace

GivenToken token_of(const Request& request) {
  if (is_bearer(request.authorization)) {
    return {.token = request.authorization.substr(kBearer.size())};
  }
  return {.token = cookie_in(request.cookie, kSessionCookie), .by_cookie = true};
}

const schema::Fields& login_fields() {
  static const schema::Fields kFields = {
      {.name = "user", .help = "The administrator.", .required = true, .maximum = 64},
      {.name = "password",
       .help = "That of admin is printed once at the first start.",
       .required = true,
       .secret = true,
       .maximum = 1024},
  };
  return kFields;
}

Response log_in(Context& context, const Call& call) {
  if (is_cross_origin(call.request)) {
    return problem_response(Problem{.status = 403,
                                    .code = "cross_origin",
                                    .detail = "a page of another origin may not log in",
                                    .hint = "use the console that this server serves"});
  }
  const auto checked = schema::check(login_fields(), call.body);
  if (!checked.problems.empty()) {
    return problem_response(Problem{.status = 422,
                                    .code = "invalid_document",
                                    .detail = "user and password are needed",
                                    .hint = R"(send {"user": "admin", "password": "..."})",
                                    .fields = checked.problems});
  }
  const std::string user(checked.value.at("user").get_string());
  const std::string_view password = checked.value.at("password").get_string();
  // As it was before the password is found to be right: a change in between ends this login.
  const auto account = context.accounts.account(user);
  const auto& address = call.request.remote_address;
  if (auto refused = refuse_password(context, user, password, address)) return *std::move(refused);
  if (!account) return wrong_credentials(context, user, address);
  return welcome(context, *account, call.request);
}

const schema::Fields& own_password_fields() {
  static const schema::Fields kFields = {
      {.name = "password",
       .help = "The one that holds now.",
       .required = true,
       .secret = true,
       .maximum = 1024},
      {.name = "new_password",
       .help = "The one that is to hold.",
       .required = true,
       .secret = true,
       .minimum = std::int64_t{AdministratorAccounts::kShortestPassword},
       .maximum = 256},
  };
  return kFields;
}

Response change_own_password(Context& context, const Call& call) {
  const auto& identity = *call.identity;
  if (identity.via != Via::Session)
    return problem_response(
        Problem{.status = 403,
                .code = "login_needed",
                .detail = "a token does not change the password of its owner",
                .hint = "log in: POST /api/v1/session; or PATCH /api/v1/administrators/{name}"});
  const auto checked = schema::check(own_password_fields(), call.body);
  if (!checked.problems.empty())
    return problem_response(Problem{.status = 422,
                                    .code = "invalid_document",
                                    .detail = "both passwords are needed",
                                    .hint = R"(send {"password": "...", "new_password": "..."})",
                                    .fields = checked.problems});
  const std::string_view password = checked.value.at("password").get_string();
  if (auto refused = refuse_password(context, identity.user, password, call.request.remote_address))
    return *std::move(refused);
  if (checked.value.at("new_password") == checked.value.at("password"))
    return problem_response(
        Problem{.status = 422,
                .code = "invalid_document",
                .detail = "the new password is the one that holds",
                .hint = "choose another one",
                .fields = {{"/new_password", "must be another one than the one that holds now"}}});
  const auto changed = context.accounts.set_password(identity.account_id,
                                                     checked.value.at("new_password").get_string());
  if (!changed) return problem_response(changed.error());
  return welcome(context, *changed, call.request);
}

Response show_session(Context& context, const Call& call) {
  const auto& who = *call.identity;
  const auto account = context.accounts.account_with_id(who.account_id);
  json::object shown{{"user", who.user}, {"role", name_of(who.role)}, {"token", nullptr}};
  shown["has_first_password"] = account && account->has_first_password;
  if (who.via == Via::Token) {
    shown["token"] = who.token;
    shown["scope"] = json::array(who.scope.begin(), who.scope.end());
    shown["expires"] = broker::rfc3339(who.expires_ms);
  }
  return json_response(200, shown);
}

Response log_out(Context& context, const Call& call) {
  if (call.identity->via == Via::Token) {
    return problem_response(Problem{.status = 409,
                                    .code = "wrong_state",
                                    .detail = "a token is no login, which could be ended",
                                    .hint = "DELETE /api/v1/tokens/{name} ends it"});
  }
  if (!context.sessions.close(token_of(call.request).token)) {
    return problem_response(
        Problem{.status = 409,
                .code = "local_token",
                .detail = "the token of this machine is no session: it ends when the server stops",
                .hint = "a token from POST /api/v1/session can be ended"});
  }
  auto response = no_content();
  response.headers.emplace_back("Set-Cookie", cookie(call.request, "", "; Max-Age=0"));
  return response;
}

}  // namespace sluice::admin
