#include "admin/record_list.hpp"

#include <charconv>

#include <boost/json/array.hpp>

#include "connect/text.hpp"

namespace sluice::admin {

namespace json = boost::json;

std::optional<Response> read_time(const Call& call, const std::string& name,
                                  std::optional<std::int64_t>& time) {
  const auto text = call.parameter(name);
  if (!text) return std::nullopt;
  if (std::int64_t wall_ms = 0; connect::parse_rfc3339(*text, wall_ms)) {
    time = wall_ms;
    return std::nullopt;
  }
  return wrong_parameter(name, "must be a time such as 2026-03-01T12:00:00Z");
}

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return number;
}

tl::expected<RecordPage, Response> record_page(const Call& call) {
  const auto page = page_request(call);
  if (!page) return tl::unexpected(page.error());
  RecordPage found{.limit = page->limit};
  if (page->after.empty()) return found;
  const auto number = read_number(page->after);
  if (!number)
    return tl::unexpected(wrong_parameter("page", "must be the `next` of the page before"));
  found.before = *number;
  return found;
}

Response store_problem(const Error& error) {
  return problem_response(Refusal{.errc = error.code,
                                  .code = std::string(sluice::name_of(error.code)),
                                  .detail = error.detail,
                                  .hint = "see /health/ready for the state of the store"});
}

Response records_response(Result<KeptRecords::Page> page) {
  if (!page) return store_problem(page.error());
  json::array items;
  for (auto& record : page->records) items.push_back(std::move(record));
  json::value next;
  if (page->next) next = encode_page(std::to_string(*page->next));
  return json_response(200, {{"items", std::move(items)}, {"next", std::move(next)}});
}

}  // namespace sluice::admin
