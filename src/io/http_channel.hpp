#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/http_client.hpp"
#include "io/reach.hpp"
#include "io/stream.hpp"

namespace sluice::io {

// Requests to one HTTP server over one connection, which is kept open between them. Every request
// goes to an address that the address rule allows now, over a connection that is open as over a new
// one; redirects are not followed.
//
// Owns:    the connection.
// Threads: one at a time; every call blocks until its deadline at most.
class HttpChannel {
 public:
  // `url` begins with http:// or https://.
  HttpChannel(Url url, TlsIdentity identity);
  ~HttpChannel();
  HttpChannel(const HttpChannel&) = delete;
  HttpChannel& operator=(const HttpChannel&) = delete;

  struct Failure {
    Error error;  // NotAuthorized (address rule, certificate), Unavailable, Timeout, IoFailed,
                  // Overloaded
    bool maybe_arrived = false;  // the request was on its way
  };
  // The request's `url` and `timeout` are the channel's.
  [[nodiscard]] Result<HttpResponse, Failure> exchange(const HttpRequest& request,
                                                       SteadyTime until);

 private:
  [[nodiscard]] Result<void> connect(SteadyTime until);
  [[nodiscard]] Result<HttpResponse> receive(const HttpRequest& request, SteadyTime until,
                                             bool& stays_open);
  template <class Parser>
  [[nodiscard]] Result<void> read_into(Parser& parser, std::string& buffer, SteadyTime until);

  const Url url_;
  const TlsIdentity identity_;
  std::optional<Stream> stream_;  // nothing: not connected
};

}  // namespace sluice::io
