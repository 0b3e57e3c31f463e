#include "admin/letter_query.hpp"

#include <algorithm>
#include <array>

#include "admin/page.hpp"
#include "admin/record_list.hpp"
#include "connect/dead_letters.hpp"
#include "mqtt/topic.hpp"

namespace sluice::admin {
namespace {

using connect::LetterClass;

bool is_class(std::string_view name) {
  static constexpr std::array kClasses = {LetterClass::Unmapped, LetterClass::Refused,
                                          LetterClass::Denied, LetterClass::GivenUp};
  return std::ranges::any_of(kClasses, [&](auto each) { return connect::name_of(each) == name; });
}

bool is_topic_filter(std::string_view filter) {
  return mqtt::is_valid_utf8(filter) && mqtt::is_valid_topic_filter(filter) &&
         !filter.starts_with("$share/");
}

tl::unexpected<Response> no_such_filter(std::string_view name, std::string_view rule) {
  return tl::unexpected(wrong_parameter(name, rule));
}

}  // namespace

std::vector<Parameter> letter_parameters() {
  return {{"class",
           "Only those of this kind: `unmapped` (no record could be made of the message), "
           "`refused` (the other side will never take it), `denied` (the task's account may not), "
           "`given_up` (tried for longer than `delivery.retry.give_up_after`)."},
          {"reason_contains", "Only those with this in their reason; case does not count."},
          {"filter", "Only those whose message has a topic that this filter matches."},
          {"client_id", "Only those whose message came from the client with this id."},
          {"from", "Rejected, last, then or later: RFC 3339."},
          {"to", "Rejected, last, before then: RFC 3339."}};
}

tl::expected<connect::LetterFilter, Response> letter_filter(const Call& call) {
  for (const auto& parameter : letter_parameters()) {
    if (call.parameter(std::string(parameter.name)) == "")
      return no_such_filter(parameter.name, "must not be empty: leave it out");
  }
  connect::LetterFilter filter{.error = call.parameter("class").value_or(""),
                               .reason = call.parameter("reason_contains").value_or(""),
                               .topic = call.parameter("filter").value_or(""),
                               .client_id = call.parameter("client_id").value_or("")};
  if (!filter.error.empty() && !is_class(filter.error))
    return no_such_filter("class", "must be unmapped, refused, denied or given_up");
  if (!filter.topic.empty() && !is_topic_filter(filter.topic))
    return no_such_filter("filter", "must be a topic filter as in plant/+/state or plant/#");
  if (auto wrong = read_time(call, "from", filter.from_ms)) return tl::unexpected(*wrong);
  if (auto wrong = read_time(call, "to", filter.before_ms)) return tl::unexpected(*wrong);
  if (filter.from_ms && filter.before_ms && *filter.from_ms > *filter.before_ms)
    return no_such_filter("from", "must not be later than `to`");
  return filter;
}

}  // namespace sluice::admin
