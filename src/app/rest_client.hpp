#pragma once
#include <string>
#include <string_view>

#include "app/rest_commands.hpp"
#include "base/result.hpp"
#include "io/http_channel.hpp"
#include "io/http_client.hpp"

namespace sluice::app {

// One conversation with the administration: a token, made by a login if need be.
//
// Owns:  the login, which it ends.
class RestClient {
 public:
  explicit RestClient(const RestTarget& target);
  ~RestClient();
  RestClient(const RestClient&) = delete;
  RestClient& operator=(const RestClient&) = delete;

  Result<io::HttpResponse> log_in(const RestTarget& target);
  // The login that such an answer holds, in place of the one that it had.
  [[nodiscard]] Result<void> adopt(const io::HttpResponse& answer);
  // `path` is under /api/v1.
  Result<io::HttpResponse> send(std::string_view method, const std::string& path,
                                std::string body = {});

 private:
  [[nodiscard]] Result<io::HttpResponse> exchange(const io::HttpRequest& request) const;

  std::string url_;
  io::TlsIdentity identity_;
  std::string token_;
  bool is_login_ = false;
};

}  // namespace sluice::app
