// A request and its answer, without sockets: what routes work on.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "base/refusal.hpp"

namespace sluice::admin {

class LiveStream;

enum class Method : std::uint8_t { Get, Post, Put, Patch, Delete, Other };

[[nodiscard]] std::string_view name_of(Method method);

// As received, nothing decoded. Of the headers only those that matter here; empty: not there.
struct Request {
  Method method = Method::Get;
  std::string target;  // path and query, percent-encoded
  std::string host;
  bool has_host = false;
  std::string origin;
  std::string fetch_site;  // Sec-Fetch-Site
  std::string content_type;
  std::string authorization;
  std::string cookie;
  std::string if_match;
  std::string origins;  // Sluice-Origins: the tasks that carried the message
  std::string if_none_match;
  std::string accept;
  std::string accept_encoding;
  std::string last_event_id;
  std::string body;
  bool is_encrypted = false;
  std::string remote_address;  // without port
  std::string local_address;   // that the client connected to, without port
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::shared_ptr<LiveStream> live = {};  // what follows the header, as long as it lasts
};

[[nodiscard]] std::string_view status_phrase(unsigned status);

[[nodiscard]] Response json_response(unsigned status, const boost::json::object& body);
[[nodiscard]] Response no_content();

// Problem JSON (RFC 9457): interface.md §3.
struct Problem {
  unsigned status = 500;
  std::string code;
  std::string detail;
  std::string hint = {};
  std::vector<schema::Problem> fields = {};
};
[[nodiscard]] Response problem_response(const Problem& problem);
[[nodiscard]] Response problem_response(const Refusal& refusal);
[[nodiscard]] unsigned status_of(Errc errc);

}  // namespace sluice::admin
