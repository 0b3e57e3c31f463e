// Which topics there are: counted in the newest messages when somebody asks.
#include <algorithm>
#include <charconv>
#include <map>

#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/page.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"
#include "store/find.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostMessages = 20'000;
constexpr std::size_t kMostAtOnce = 1'000;
constexpr std::chrono::milliseconds kSampleFor{200};
constexpr std::size_t kMostDepth = 128;

struct Seen {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::int64_t last_ms = 0;
};

struct TopicSample {
  std::map<std::string, Seen, std::less<>> topics;
  std::uint64_t messages = 0;
  std::int64_t from_ms = 0;  // of the oldest that was looked at
  bool is_whole = false;     // of the log
};

std::string_view first_levels(std::string_view topic, std::size_t depth) {
  std::size_t end = 0;
  for (std::size_t level = 0; level < depth; ++level) {
    end = topic.find('/', level == 0 ? 0 : end + 1);
    if (end == std::string_view::npos) return topic;
  }
  return topic.substr(0, end);
}

std::optional<std::size_t> depth_in(const Call& call) {
  const auto text = call.parameter("depth").value_or("1");
  std::size_t depth = 0;
  const auto* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, depth);
  if (error != std::errc() || parsed != end || depth < 1 || depth > kMostDepth) return std::nullopt;
  return depth;
}

Result<TopicSample> sample(Context& context, const std::string& filter, std::size_t depth) {
  const auto until = context.sources.clock.steady() + kSampleFor;
  store::FindRequest request{.filter = filter, .newest_first = true};
  request.maximum_messages = kMostAtOnce;
  TopicSample sample;
  while (sample.messages < kMostMessages && !sample.is_whole) {
    SL_TRY(found, context.sources.store.find(request));
    for (const auto& message : found.messages) {
      auto& seen = sample.topics[std::string(first_levels(message->topic, depth))];
      ++seen.messages;
      seen.bytes += message->payload.size();
      seen.last_ms = std::max(seen.last_ms, message->timestamp_ms);
      sample.from_ms = message->timestamp_ms;
      ++sample.messages;
    }
    request.beyond = found.next;
    sample.is_whole = found.at_end;
    if (context.sources.clock.steady() >= until) break;
  }
  return sample;
}

}  // namespace

Response list_topics(Context& context, const Call& call) {
  const auto page = page_request(call);
  if (!page) return page.error();
  if (!page->after.empty())
    return wrong_parameter("page", "is never given: this list has one page");
  const auto filter = call.parameter("filter").value_or("");
  if (!filter.empty() && (!mqtt::is_valid_utf8(filter) || !mqtt::is_valid_topic_filter(filter))) {
    return wrong_parameter("filter", "must be a topic filter as in plant/+/state or plant/#");
  }
  const auto depth = depth_in(call);
  if (!depth) return wrong_parameter("depth", "must be 1 to 128");
  const auto found = sample(context, filter, *depth);
  if (!found) {
    return problem_response(Problem{.status = status_of(found.error().code),
                                    .code = std::string(name_of(found.error().code)),
                                    .detail = found.error().detail,
                                    .hint = "the server's log says more"});
  }
  using Entry = std::pair<std::string_view, const Seen*>;
  std::vector<Entry> entries;
  for (const auto& [topic, seen] : found->topics) entries.emplace_back(topic, &seen);
  std::ranges::sort(entries, {}, [](const Entry& entry) {
    return std::pair(UINT64_MAX - entry.second->messages, entry.first);
  });
  const auto span_ms = std::max<std::int64_t>(context.sources.clock.wall_ms() - found->from_ms, 1);
  json::array items;
  for (const auto& [topic, seen] : entries) {
    if (items.size() >= page->limit) break;
    items.push_back(json::object{
        {"topic", topic},
        {"messages", seen->messages},
        {"payload_bytes", seen->bytes},
        {"per_second", static_cast<double>(seen->messages) * 1000 / static_cast<double>(span_ms)},
        {"last", connect::rfc3339(seen->last_ms)}});
  }
  json::object body{{"items", std::move(items)},      {"next", nullptr},
                    {"topics", found->topics.size()}, {"messages", found->messages},
                    {"whole_log", found->is_whole},   {"from", nullptr}};
  if (found->messages > 0) body["from"] = connect::rfc3339(found->from_ms);
  return json_response(200, body);
}

}  // namespace sluice::admin
