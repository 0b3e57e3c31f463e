#pragma once
#include <optional>
#include <string>
#include <utility>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "io/http_client.hpp"

namespace sluice::io {

// What comes before the answer (100 Continue, 103 Early Hints) answers nothing: taken for the
// answer, the answer itself would be read as that of the next request. RFC 9110 §15.2
//
// Nothing: read on. Errors: IoFailed.
class AnswerReader {
 public:
  using Message = boost::beast::http::response<boost::beast::http::string_body>;

  [[nodiscard]] Result<std::optional<HttpResponse>> take(Message message) {
    const auto status = message.result_int();
    if (status == 101) return fail(Errc::IoFailed, "the other side wants another protocol");
    if (status < 200) {
      if (++interim_ <= kMostInterim) return std::nullopt;
      return fail(Errc::IoFailed, "the other side announces its answer and does not give it");
    }
    HttpResponse response;
    response.status = status;
    for (const auto& field : message)
      response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    response.body = std::move(message.body());
    return response;
  }

 private:
  static constexpr int kMostInterim = 8;
  int interim_ = 0;
};

}  // namespace sluice::io
