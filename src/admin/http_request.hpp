// A request as Beast reads it, as one of ours.
#pragma once
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "admin/http.hpp"
#include "admin/server.hpp"

namespace sluice::admin {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;
using RequestMessage = boost::beast::http::request<boost::beast::http::string_body>;

// Before its first byte.
void set_bounds(RequestParser& parser, const Options& options);

// What the bytes say; the addresses and whether TLS was spoken are left to whoever has the socket.
[[nodiscard]] Request request_of(const RequestMessage& message);

}  // namespace sluice::admin
