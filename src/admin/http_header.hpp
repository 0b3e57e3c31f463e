#pragma once
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include "admin/http.hpp"

namespace sluice::admin {

// What every answer says, and what this one does.
template <class Message>
void set_header(Message& message, const Response& response) {
  namespace http = boost::beast::http;
  message.reason(status_phrase(response.status));
  message.set(http::field::server, "sluice");
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
}

}  // namespace sluice::admin
