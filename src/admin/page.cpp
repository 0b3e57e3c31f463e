#include "admin/page.hpp"

#include <algorithm>
#include <charconv>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "admin/target.hpp"
#include "base/json_text.hpp"
#include "broker/access/secrets.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaximumPage = 1000;

std::string name_in(const json::object& item) {
  return text_at(item, "name");
}

bool has_value(const json::object& item, const std::string& field, const std::string& wanted) {
  const auto* value = item.if_contains(field);
  if (value == nullptr) return false;
  if (value->is_string()) return value->get_string() == wanted;
  return json::serialize(*value) == wanted;
}

// Of the document's version; empty for what is no entity.
std::string etag_of(const json::object& entity) {
  const auto* id = entity.if_contains("id");
  // What is never changed, as a token, is the version that was made.
  const auto* updated = entity.if_contains(entity.contains("updated") ? "updated" : "created");
  if (id == nullptr || updated == nullptr || !id->is_string() || !updated->is_string()) return {};
  const auto version = std::string(id->get_string()) + " " + std::string(updated->get_string());
  return '"' + broker::to_hex(broker::sha256(version)).substr(0, 32) + '"';
}

void add_etag(const json::object& entity, Response& response) {
  if (auto etag = etag_of(entity); !etag.empty()) response.headers.emplace_back("ETag", etag);
}

bool is_filter(const std::string& parameter) {
  return parameter != "limit" && parameter != "page";
}

}  // namespace

Response no_clients_here() {
  return problem_response(Problem{.status = 503,
                                  .code = "unavailable",
                                  .detail = "there are no clients here",
                                  .hint = "start the server"});
}

Response wrong_parameter(std::string_view name, std::string_view rule) {
  return problem_response(Problem{.status = 400,
                                  .code = "invalid_parameter",
                                  .detail = std::string(name) + " " + std::string(rule),
                                  .hint = "see /api/v1/openapi.yaml"});
}

bool passes_filters(const Call& call, const json::object& item) {
  return std::all_of(call.query.begin(), call.query.end(), [&](const auto& parameter) {
    return !is_filter(parameter.first) || has_value(item, parameter.first, parameter.second);
  });
}

tl::expected<PageRequest, Response> page_request(const Call& call) {
  PageRequest page;
  if (const auto limit = call.parameter("limit")) {
    const auto* end = limit->data() + limit->size();
    const auto [parsed, error] = std::from_chars(limit->data(), end, page.limit);
    if (error != std::errc() || parsed != end || page.limit < 1 || page.limit > kMaximumPage) {
      return tl::unexpected(wrong_parameter("limit", "must be 1 to 1000"));
    }
  }
  if (const auto after = call.parameter("page"); after && !after->empty()) {
    auto decoded = broker::from_hex(*after);
    if (!decoded) {
      return tl::unexpected(wrong_parameter("page", "must be the `next` of the page before"));
    }
    page.after = std::move(*decoded);
  }
  return page;
}

std::string encode_page(std::string_view last) {
  return broker::to_hex(last);
}

Response list_response(const Call& call, std::vector<json::object> items, json::object beside) {
  const auto page = page_request(call);
  if (!page) return page.error();
  std::vector<std::pair<std::string, const json::object*>> named;
  for (const auto& item : items) {
    auto name = name_in(item);
    if (name > page->after && passes_filters(call, item))
      named.emplace_back(std::move(name), &item);
  }
  std::sort(named.begin(), named.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });

  json::array shown;
  const std::size_t count = std::min(named.size(), page->limit);
  for (std::size_t i = 0; i < count; ++i) shown.push_back(*named[i].second);
  json::value next;
  if (named.size() > count) next = encode_page(named[count - 1].first);
  beside["items"] = std::move(shown);
  beside["next"] = std::move(next);
  return json_response(200, std::move(beside));
}

std::optional<Response> refuse_stale(const Call& call, const Outcome<json::object>& current) {
  const auto& wanted = call.request.if_match;
  if (wanted.empty() || !current || wanted == "*") return std::nullopt;
  if (wanted.find(etag_of(*current)) != std::string::npos) return std::nullopt;
  return problem_response(Problem{.status = 412,
                                  .code = "changed_meanwhile",
                                  .detail = "it is not the version that If-Match names any more",
                                  .hint = "read it again, and decide again"});
}

Response entity_response(const Outcome<json::object>& outcome) {
  if (!outcome) return problem_response(outcome.error());
  auto response = json_response(200, *outcome);
  add_etag(*outcome, response);
  return response;
}

Response created_response(const Outcome<json::object>& outcome, std::string_view collection) {
  if (!outcome) return problem_response(outcome.error());
  auto response = json_response(201, *outcome);
  response.headers.emplace_back("Location",
                                std::string(collection) + "/" + percent_encode(name_in(*outcome)));
  add_etag(*outcome, response);
  return response;
}

Response deleted_response(const Outcome<void>& outcome) {
  return outcome ? no_content() : problem_response(outcome.error());
}

}  // namespace sluice::admin
