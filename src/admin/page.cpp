#include "admin/page.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "admin/target.hpp"
#include "base/json_text.hpp"
#include "broker/access/secrets.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaximumPage = 1000;
constexpr std::string_view kContains = "_contains";
constexpr char kPlaceEnd = '\0';  // in no value and no name that lists go by

std::string name_in(const json::object& item) {
  return text_at(item, "name");
}

bool has_value(const json::object& item, const std::string& field, const std::string& wanted) {
  const auto* value = item.if_contains(field);
  if (value == nullptr) return false;
  if (value->is_string()) return value->get_string() == wanted;
  return json::serialize(*value) == wanted;
}

bool is_met(const json::object& item, const std::string& filter, const std::string& wanted) {
  if (!filter.ends_with(kContains)) return has_value(item, filter, wanted);
  const auto field = filter.substr(0, filter.size() - kContains.size());
  return text_at(item, field).find(wanted) != std::string::npos;
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
  return parameter != "limit" && parameter != "page" && parameter != "sort";
}

// Where an item stands in its list.
struct ListPlace {
  std::int64_t figure = 0;  // in thousandths, which ages have; -1: there is none
  std::string text = {};
  std::string name = {};  // decides where these are the same
};

struct ListOrder {
  std::string field = "name";
  bool is_descending = false;

  [[nodiscard]] bool is_before(const ListPlace& one, const ListPlace& other) const {
    const auto key = [](const ListPlace& place) { return std::tie(place.figure, place.text); };
    if (key(one) != key(other)) return (key(one) < key(other)) != is_descending;
    return one.name < other.name;
  }

  [[nodiscard]] ListPlace place_of(const json::object& item) const {
    const auto* value = item.if_contains(field);
    if (value != nullptr && value->is_number())
      return {.figure = std::llround(value->to_number<double>() * 1000), .name = name_in(item)};
    auto text = text_at(item, field);
    return {.figure = text.empty() ? -1 : 0, .text = std::move(text), .name = name_in(item)};
  }

  // What the page after it begins with.
  [[nodiscard]] std::string page_after(const ListPlace& place) const {
    if (field == "name") return encode_page(place.name);
    return encode_page(std::to_string(place.figure) + kPlaceEnd + place.text + kPlaceEnd +
                       place.name);
  }

  [[nodiscard]] std::optional<ListPlace> place_in(const std::string& after) const {
    if (field == "name") return ListPlace{.text = after, .name = after};
    const auto first = after.find(kPlaceEnd);
    const auto second = after.find(kPlaceEnd, first + 1);
    if (first == std::string::npos || second == std::string::npos) return std::nullopt;
    ListPlace place{.text = after.substr(first + 1, second - first - 1),
                    .name = after.substr(second + 1)};
    const auto* end = after.data() + first;
    const auto [parsed, error] = std::from_chars(after.data(), end, place.figure);
    if (error != std::errc() || parsed != end) return std::nullopt;
    return place;
  }
};

tl::expected<ListOrder, Response> order_in(const Call& call,
                                           std::span<const std::string_view> sorts) {
  const auto given = call.parameter("sort");
  if (!given) return ListOrder{};
  ListOrder order{.field = *given, .is_descending = given->starts_with('-')};
  if (order.is_descending) order.field.erase(0, 1);
  if (std::ranges::find(sorts, order.field) != sorts.end()) return order;
  std::string rule = "must be one of these, or one of them behind a `-`:";
  for (const auto& name : sorts) rule.append(" ").append(name);
  return tl::unexpected(wrong_parameter("sort", rule));
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

tl::expected<bool, Response> switch_of(const Call& call, const std::string& name,
                                       const std::string& fallback) {
  const auto given = call.parameter(name).value_or(fallback);
  if (given == "true" || given == "false") return given == "true";
  return tl::unexpected(problem_response(Problem{.status = 400,
                                                 .code = "invalid_parameter",
                                                 .detail = name + " must be true or false",
                                                 .hint = "leave it out: then it is " + fallback}));
}

bool passes_filters(const Call& call, const json::object& item) {
  return std::all_of(call.query.begin(), call.query.end(), [&](const auto& parameter) {
    return !is_filter(parameter.first) || is_met(item, parameter.first, parameter.second);
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

Response list_response(const Call& call, std::vector<json::object> items, json::object beside,
                       std::span<const std::string_view> sorts) {
  const auto page = page_request(call);
  if (!page) return page.error();
  const auto order = order_in(call, sorts);
  if (!order) return order.error();
  std::optional<ListPlace> after;
  if (!page->after.empty()) {
    after = order->place_in(page->after);
    if (!after)
      return wrong_parameter("page", "must be the `next` of the page before, sorted alike");
  }
  std::vector<std::pair<ListPlace, const json::object*>> placed;
  for (const auto& item : items) {
    auto place = order->place_of(item);
    if ((!after || order->is_before(*after, place)) && passes_filters(call, item))
      placed.emplace_back(std::move(place), &item);
  }
  std::ranges::sort(placed, [&](const auto& one, const auto& other) {
    return order->is_before(one.first, other.first);
  });

  json::array shown;
  const std::size_t count = std::min(placed.size(), page->limit);
  for (std::size_t i = 0; i < count; ++i) shown.push_back(*placed[i].second);
  json::value next;
  if (placed.size() > count) next = order->page_after(placed[count - 1].first);
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
