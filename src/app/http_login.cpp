#include "app/http_login.hpp"

#include <cmath>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/base64.hpp"
#include "base/escape.hpp"
#include "base/json_text.hpp"
#include "base/peer.hpp"
#include "broker/access/token_rules.hpp"
#include "broker/limits.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;
using broker::LoginAnswer;
using mqtt::ReasonCode;

constexpr double kLastSecond = 1e10;

LoginAnswer refused(ReasonCode reason, std::string why, bool is_guess) {
  return {.reason = reason, .why = "call-out: " + std::move(why), .is_guess = is_guess};
}

// One server, one connection, kept open.
HttpLogin::MakePost posts_to(const HttpLogin::Options& options) {
  return [options]() -> HttpLogin::Post {
    auto url = io::parse_web_url(options.url);
    if (!url)
      return [error = url.error()](const std::string&) -> Result<io::HttpResponse> {
        return tl::unexpected(error);
      };
    auto channel = std::make_shared<io::HttpChannel>(*std::move(url),
                                                     io::TlsIdentity{.ca_pem = options.ca_pem});
    return [options, channel](const std::string& body) -> Result<io::HttpResponse> {
      io::HttpRequest request{.method = "POST", .url = options.url};
      request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
      if (!options.token.empty())
        request.headers.emplace_back("Authorization", "Bearer " + options.token);
      request.body = body;
      request.maximum_body_bytes = HttpLogin::kLongestAnswer;
      auto answer = channel->exchange(request, std::chrono::steady_clock::now() + options.timeout);
      if (!answer) return tl::unexpected(std::move(answer.error().error));
      return *std::move(answer);
    };
  };
}

}  // namespace

HttpLogin::HttpLogin(const Clock& clock, Options options, MakePost make_post)
    : clock_(clock),
      options_(std::move(options)),
      make_post_(make_post ? std::move(make_post) : posts_to(options_)),
      pool_(options_.concurrency, {.waiting = broker::kLoginsWaiting,
                                   .waiting_per_peer = broker::kLoginsWaitingPerPeer}) {}

HttpLogin::~HttpLogin() {
  stop();
}

void HttpLogin::stop() {
  pool_.stop();
}

bool HttpLogin::takes(std::string_view credential) const {
  return is_utf8(credential);  // what JSON can carry
}

void HttpLogin::ask(const broker::Client& client, std::string_view credential, Done done) {
  if (!client.has_username) return done(std::nullopt);
  json::object question{{"username", client.username},
                        {"password", credential},
                        {"client_id", client.client_id},
                        {"address", client.host},
                        {"listener", client.listener.text()}};
  auto body = json::serialize(question);
  const auto digest = key_.of(body);
  std::string key(reinterpret_cast<const char*>(digest.data()), digest.size());
  const auto known = remembered_.with([&](auto& all) -> std::optional<Remembered> {
    const auto* found = all.find(key);
    if (found == nullptr || clock_.steady() >= found->until) return std::nullopt;
    return *found;
  });
  if (known) return done(known->answer);
  const auto taken =
      pool_.submit(peer_of(client.host), [this, username = client.username, body = std::move(body),
                                          key, done] { call(username, body, key, done); });
  if (taken != broker::PasswordPool::Admission::Taken)
    done(LoginAnswer{.reason = taken == broker::PasswordPool::Admission::Full
                                   ? ReasonCode::ServerBusy
                                   : ReasonCode::QuotaExceeded,
                     .is_guess = false});
}

HttpLogin::Post HttpLogin::take_post() {
  auto idle = idle_.with([](auto& posts) -> std::optional<Post> {
    if (posts.empty()) return std::nullopt;
    auto post = std::move(posts.back());
    posts.pop_back();
    return post;
  });
  return idle ? *std::move(idle) : make_post_();
}

void HttpLogin::give_back(Post post) {
  idle_.with([&](auto& posts) { posts.push_back(std::move(post)); });
}

void HttpLogin::call(const std::string& username, const std::string& body, const std::string& key,
                     const Done& done) {
  auto post = take_post();
  const auto response = post(body);
  give_back(std::move(post));
  if (!response) {
    // Nobody has said no: the client may try again, and guesses nothing.
    return done(refused(ReasonCode::ServerUnavailable, response.error().detail, false));
  }
  auto said = answer_in(*response);
  if (said && !mqtt::is_error(said->reason)) said->username = username;
  const bool is_clear = !said || said->reason != ReasonCode::ServerUnavailable;
  // An end that comes sooner ends what is remembered too.
  auto until = clock_.steady() + options_.remember;
  if (said && said->terms && said->terms->ends) until = std::min(until, *said->terms->ends);
  if (is_clear && options_.remember.count() > 0)
    remembered_.with([&](auto& all) { all[key] = Remembered{said, until}; });
  done(std::move(said));
}

std::optional<LoginAnswer> HttpLogin::answer_in(const io::HttpResponse& response) const {
  if (response.status == 401 || response.status == 403)
    return refused(ReasonCode::BadUserNameOrPassword, "it says no", true);
  if (response.status != 200)
    return refused(ReasonCode::ServerUnavailable,
                   "the answer is " + std::to_string(response.status), false);
  boost::system::error_code error;
  const auto parsed = json::parse(response.body, error);
  const auto unclear = [](std::string why) {
    return refused(ReasonCode::ServerUnavailable, std::move(why), false);
  };
  if (error || !parsed.is_object()) return unclear("the answer is no JSON object");
  const auto& answer = parsed.get_object();
  const auto result = text_at(answer, "result");
  if (result == "ignore") return std::nullopt;
  if (result == "deny") return refused(ReasonCode::BadUserNameOrPassword, "it says no", true);
  if (result != "allow") return unclear("its `result` is none of allow, deny, ignore");
  const boost::intrusive_ptr<broker::LoginTerms> terms(new broker::LoginTerms);
  if (const auto* rules = answer.if_contains("acl")) {
    auto policies = broker::token_rules(*rules);
    if (!policies) return unclear("its `acl` cannot be read: " + policies.error().detail);
    terms->policies = *std::move(policies);
  }
  if (const auto* at = answer.if_contains("expire_at"); at != nullptr && !at->is_null()) {
    const auto seconds = at->is_number() ? at->to_number<double>() : -1;
    if (!std::isfinite(seconds) || seconds < 0 || seconds > kLastSecond)
      return unclear("its `expire_at` is no time");
    const auto left = static_cast<std::int64_t>(seconds * 1000) - clock_.wall_ms();
    if (left <= 0) return refused(ReasonCode::BadUserNameOrPassword, "it has expired", true);
    terms->ends = clock_.steady() + std::min<std::chrono::milliseconds>(
                                        std::chrono::milliseconds(left), broker::kLongestLogin);
  }
  return LoginAnswer{.reason = ReasonCode::Success, .terms = terms};
}

}  // namespace sluice::app
