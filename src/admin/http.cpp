#include "admin/http.hpp"

#include <boost/json/array.hpp>

#include "base/json_text.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

// `name_taken` -> "Name taken"
std::string title_of(std::string_view code) {
  std::string title(code);
  for (auto& character : title) {
    if (character == '_') character = ' ';
  }
  if (!title.empty() && title.front() >= 'a' && title.front() <= 'z') {
    title.front() = static_cast<char>(title.front() - 'a' + 'A');
  }
  return title;
}

}  // namespace

std::string_view name_of(Method method) {
  switch (method) {
    case Method::Get:
      return "GET";
    case Method::Post:
      return "POST";
    case Method::Put:
      return "PUT";
    case Method::Patch:
      return "PATCH";
    case Method::Delete:
      return "DELETE";
    case Method::Other:
      return "other";
  }
  return "other";
}

std::string_view status_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "Internal Server Error";
  }
}

Response json_response(unsigned status, const json::object& body) {
  return {.status = status, .body = json_text(body) + "\n"};
}

Response no_content() {
  return {.status = 204, .content_type = {}, .body = {}};
}

Response problem_response(const Problem& problem) {
  json::array fields;
  for (const auto& field : problem.fields) {
    fields.push_back(json::object{{"pointer", field.pointer}, {"detail", field.detail}});
  }
  const json::object body{{"type", "urn:sluice:error:" + problem.code},
                          {"title", title_of(problem.code)},
                          {"status", problem.status},
                          {"detail", problem.detail},
                          {"code", problem.code},
                          {"hint", problem.hint},
                          {"fields", std::move(fields)}};
  auto response = json_response(problem.status, body);
  response.content_type = "application/problem+json";
  return response;
}

Response problem_response(const Refusal& refusal) {
  return problem_response(Problem{.status = status_of(refusal.errc),
                                  .code = refusal.code,
                                  .detail = refusal.detail,
                                  .hint = refusal.hint,
                                  .fields = refusal.fields});
}

unsigned status_of(Errc errc) {
  switch (errc) {
    case Errc::InvalidArgument:
      return 422;
    case Errc::NotFound:
      return 404;
    case Errc::AlreadyExists:
    case Errc::WrongState:
      return 409;
    case Errc::NotAuthorized:
      return 403;
    case Errc::Overloaded:
    case Errc::Closed:
    case Errc::Unavailable:
      return 503;
    case Errc::NoSpace:
      return 507;
    case Errc::Timeout:
      return 504;
    case Errc::Unsupported:
      return 501;
    case Errc::Corrupt:
    case Errc::IoFailed:
      return 500;
  }
  return 500;
}

}  // namespace sluice::admin
