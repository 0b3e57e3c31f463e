#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/recent_map.hpp"
#include "broker/access/password_pool.hpp"
#include "broker/access/secrets.hpp"
#include "broker/access_control.hpp"
#include "io/http_channel.hpp"

namespace sluice::app {

// Asks an HTTP server about each login: POST with a JSON object, and its answer decides.
//
//   {"username": "u", "password": "p", "client_id": "c", "address": "192.0.2.1", "listener": "tcp"}
//   200 {"result": "allow" | "deny" | "ignore", "acl": [...], "expire_at": 1800000000}
//
// Owns:    threads that wait for the network, a connection for each of them, and what was answered
//          lately: at most kRemembered answers, under keyed digests of what was asked.
// Threads: ask(): any; stop(): one.
// Fails:   closed: whatever is no clear answer within the time refuses the login.
class HttpLogin final : public broker::Authenticator {
 public:
  struct Options {
    std::string url = {};
    std::string ca_pem = {};
    std::string token = {};  // goes as `Authorization: Bearer`; empty: none
    std::chrono::milliseconds timeout{5000};
    std::chrono::milliseconds remember{60'000};  // 0: every login is asked about
    std::size_t concurrency = 8;
  };
  // One exchange; blocks for at most `timeout`.
  using Post = std::function<Result<io::HttpResponse>(const std::string& body)>;
  using MakePost = std::function<Post()>;  // of one thread at a time
  static constexpr std::size_t kRemembered = 65'536;
  static constexpr std::size_t kLongestAnswer = std::size_t{64} * 1024;

  HttpLogin(const Clock& clock, Options options, MakePost make_post = {});
  ~HttpLogin() override;
  HttpLogin(const HttpLogin&) = delete;
  HttpLogin& operator=(const HttpLogin&) = delete;

  [[nodiscard]] bool takes(std::string_view credential) const override;
  [[nodiscard]] bool is_secret(std::string_view) const override { return false; }
  void ask(const broker::Client& client, std::string_view credential, Done done) override;
  void stop() override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Remembered {
    std::optional<broker::LoginAnswer> answer;
    Time until;
  };
  void call(const std::string& username, const std::string& body, const std::string& key,
            const Done& done);
  [[nodiscard]] std::optional<broker::LoginAnswer> answer_in(
      const io::HttpResponse& response) const;
  [[nodiscard]] Post take_post();
  void give_back(Post post);

  const Clock& clock_;
  const Options options_;
  const MakePost make_post_;
  const broker::KeyedDigest key_;
  Guarded<RecentMap<Remembered>> remembered_{kRemembered};
  Guarded<std::vector<Post>> idle_;
  broker::PasswordPool pool_;  // last: its threads end before what they use
};

}  // namespace sluice::app
