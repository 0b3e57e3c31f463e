#include "app/rest_client.hpp"

#include <chrono>
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "io/http_channel.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

// A changed connection is tried, and its tasks settle what is in flight.
constexpr std::chrono::seconds kAnswerWithin{150};

io::TlsIdentity identity_of(const RestTarget& target) {
  io::TlsIdentity identity;
  identity.ca_pem = target.certificate_pem;
  identity.is_pinned = !target.certificate_pem.empty();
  return identity;
}

}  // namespace

RestClient::RestClient(const RestTarget& target)
    : url_(target.url), identity_(identity_of(target)), token_(target.token) {}

RestClient::~RestClient() {
  if (is_login_) (void)send("DELETE", "/session");
}

Result<io::HttpResponse> RestClient::log_in(const RestTarget& target) {
  const json::object credentials{{"user", target.user}, {"password", target.password}};
  SL_TRY(answer, send("POST", "/session", json::serialize(credentials)));
  if (answer.status != 200) return answer;
  SL_TRY_VOID(adopt(answer));
  return answer;
}

Result<void> RestClient::adopt(const io::HttpResponse& answer) {
  json::error_code error;
  const auto parsed = json::parse(answer.body, error);
  const auto* session = error ? nullptr : parsed.if_object();
  const auto* token = session == nullptr ? nullptr : session->if_contains("token");
  if (token == nullptr || !token->is_string()) {
    return fail(Errc::IoFailed, "the server's answer to the login holds no token");
  }
  token_ = std::string(token->get_string());
  is_login_ = true;
  return {};
}

Result<io::HttpResponse> RestClient::send(std::string_view method, const std::string& path,
                                          std::string body) {
  io::HttpRequest request;
  request.method = method;
  request.url = url_ + "/api/v1" + path;
  if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  request.timeout = kAnswerWithin;
  auto answer = exchange(request);
  if (answer) return answer;
  auto detail = fmt::format("{}: {}", url_, answer.error().detail);
  if (answer.error().code == Errc::Unavailable) {
    detail += "; is the server running there? SLUICE_URL or --data says where";
  }
  return fail(answer.error().code, detail);
}

Result<io::HttpResponse> RestClient::exchange(const io::HttpRequest& request) const {
  if (!url_.starts_with("https://")) return io::send(request);
  SL_TRY(url, io::parse_web_url(request.url));
  io::HttpChannel channel(std::move(url), identity_);
  auto answer = channel.exchange(request, std::chrono::steady_clock::now() + request.timeout);
  if (!answer) return tl::unexpected(std::move(answer.error().error));
  return std::move(*answer);
}

}  // namespace sluice::app
