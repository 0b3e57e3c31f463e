#include "admin/user_login.hpp"

#include <chrono>
#include <future>
#include <memory>

#include "base/ascii.hpp"
#include "base/base64.hpp"

namespace sluice::admin {
namespace {

using mqtt::ReasonCode;

constexpr std::string_view kBasic = "basic ";
constexpr int kWaitingAtOnce = 2;
// As long as a client waits for CONNACK.
constexpr std::chrono::seconds kDecidedWithin{15};

tl::unexpected<Response> wrong_credentials(std::string detail, std::string hint) {
  // Without WWW-Authenticate: Basic. A browser would ask for the password, keep it, and send it
  // from then on.
  return tl::unexpected(problem_response(Problem{.status = 401,
                                                 .code = "wrong_credentials",
                                                 .detail = std::move(detail),
                                                 .hint = std::move(hint)}));
}

tl::unexpected<Response> later(unsigned status, std::string code, std::string detail) {
  auto response = problem_response(Problem{.status = status,
                                           .code = std::move(code),
                                           .detail = std::move(detail),
                                           .hint = "wait as long as Retry-After says"});
  response.headers.emplace_back("Retry-After", "1");
  return tl::unexpected(std::move(response));
}

struct Login {
  std::string username;
  std::string password;
};
std::optional<Login> read_login(std::string_view authorization) {
  std::string both;
  if (!decode_base64(authorization.substr(kBasic.size()), both)) return std::nullopt;
  const auto colon = both.find(':');
  if (colon == 0 || colon == std::string::npos) return std::nullopt;
  return Login{both.substr(0, colon), both.substr(colon + 1)};
}

// One of the few that wait.
class Turn {
 public:
  explicit Turn(std::atomic<int>& waiting)
      : waiting_(waiting), is_mine_(waiting_++ < kWaitingAtOnce) {}
  ~Turn() { --waiting_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return is_mine_; }

 private:
  std::atomic<int>& waiting_;
  const bool is_mine_;
};

}  // namespace

bool comes_from_a_user(const Request& request) {
  return ascii_lower(request.authorization.substr(0, kBasic.size())) == kBasic;
}

tl::expected<std::string, Response> admit_user(Context& context, const Request& request) {
  auto& access = context.sources.access;
  // Nobody's password is known then, and REST asks for one all the same.
  if (!access.enabled()) {
    return wrong_credentials("with access control switched off there are no users",
                             "administrators log in: POST /api/v1/session");
  }
  auto login = read_login(request.authorization);
  if (!login) {
    return wrong_credentials("the Authorization header cannot be read",
                             "send Basic and the base 64 of NAME:PASSWORD");
  }
  const auto answer = std::make_shared<std::promise<ReasonCode>>();
  auto decided = answer->get_future();
  access.authenticate({.client_id = {},
                       .username = login->username,
                       .has_username = true,
                       .host = request.remote_address,
                       .listener = broker::ListenerName(broker::kAdministration)},
                      std::move(login->password), [answer](const broker::LoginAnswer& said) {
                        answer->set_value(said.reason);
                      });
  if (decided.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    const Turn turn(context.waiting_users);
    if (!turn) return later(429, "too_many_logins", "as many users log in as may at a time");
    if (decided.wait_for(kDecidedWithin) != std::future_status::ready)
      return later(503, "overloaded", "the login took too long");
  }
  switch (decided.get()) {
    case ReasonCode::Success:
      return std::move(login->username);
    case ReasonCode::ConnectionRateExceeded:
    case ReasonCode::QuotaExceeded:
      return later(429, "too_many_logins", "too many attempts to log in from this address");
    case ReasonCode::ServerBusy:
      return later(503, "overloaded", "too many logins wait");
    default:
      return wrong_credentials("user or password is wrong",
                               "of an MQTT user; administrators log in: POST /api/v1/session");
  }
}

}  // namespace sluice::admin
