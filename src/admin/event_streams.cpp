// Who listens, and what they have missed since they listened last.
#include <algorithm>
#include <fmt/format.h>

#include "admin/event_feed.hpp"
#include "admin/event_record.hpp"
#include "base/json_text.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostAgain = 1000;  // events that a stream begins with

bool fits(const EventFeed::Query& query, const json::object& record) {
  for (const auto& [name, wanted] :
       {std::pair("event", &query.event), std::pair("subject", &query.subject),
        std::pair("task_id", &query.task_id)}) {
    if (!wanted->empty() && text_at(record, name) != *wanted) return false;
  }
  const auto kind = event_kind_of(text_at(record, "kind"));
  if (!kind || !query.kinds.test(index_of(*kind))) return false;
  if (!query.from_ms && !query.to_ms) return true;
  const auto time = broker::parse_utc(text_at(record, "time")).value_or(0);
  return time >= query.from_ms.value_or(INT64_MIN) && time < query.to_ms.value_or(INT64_MAX);
}

std::optional<Problem> refuse_stream(std::size_t of_account, std::size_t of_all) {
  if (of_account >= EventFeed::kMostOfAccount)
    return Problem{
        .status = 429,
        .code = "too_many_streams",
        .detail = fmt::format("the account listens {} times already", EventFeed::kMostOfAccount),
        .hint = "close one of its pages or programs that listen to /stream"};
  if (of_all >= EventFeed::kMostStreams)
    return Problem{.status = 503,
                   .code = "overloaded",
                   .detail = fmt::format("{} clients listen already", EventFeed::kMostStreams),
                   .hint = "try again later, or ask GET /events now and then"};
  return std::nullopt;
}

}  // namespace

tl::expected<std::shared_ptr<LiveStream>, Problem> EventFeed::open(Wanted wanted) {
  auto stream =
      std::make_shared<LiveStream>(wanted.kinds, wanted.account, std::move(wanted.is_allowed));
  std::uint64_t told = 0;
  auto refused = open_.with([&](Open& open) -> std::optional<Problem> {
    auto& streams = open.streams;
    std::erase_if(streams, [](const auto& each) { return each.expired(); });
    const auto is_of_account = [&](const auto& each) {
      const auto other = each.lock();
      return other && other->account() == wanted.account;
    };
    const auto of_account = std::ranges::count_if(streams, is_of_account);
    auto problem = refuse_stream(static_cast<std::size_t>(of_account), streams.size());
    if (problem) return problem;
    streams.push_back(stream);
    is_listened_ = true;
    told = open.told;
    return std::nullopt;
  });
  if (refused) return tl::unexpected(*std::move(refused));
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) stream->end("server_stopping");
  }
  changed_.notify_one();
  stream->begin_with(missed_events(wanted, told));
  return stream;
}

// The newest of those that are kept, as many as leave room for what comes.
std::string EventFeed::missed_events(const Wanted& wanted, std::uint64_t until) const {
  if (!wanted.after || until <= *wanted.after) return {};
  const auto page = find(
      {.after = *wanted.after, .before = until + 1, .limit = kMostAgain, .kinds = wanted.kinds});
  if (!page) return "event: missed\ndata: {\"missed\":null}\n\n";
  std::vector<std::string> texts;  // newest first
  std::size_t bytes = 0;
  for (const auto& record : page->records) {
    const auto kind = event_kind_of(text_at(record, "kind"));
    auto text = server_sent(kind.value_or(EventKind::Messages), record);
    if (bytes + text.size() > LiveStream::kMostBytes / 2) break;
    bytes += text.size();
    texts.push_back(std::move(text));
  }
  const bool is_all =
      texts.size() == page->records.size() && !page->next && records_.has_all_since(*wanted.after);
  std::string all = is_all ? "" : "event: missed\ndata: {\"missed\":null}\n\n";
  for (auto text = texts.rbegin(); text != texts.rend(); ++text) all += *text;
  return all;
}

Result<KeptRecords::Page> EventFeed::find(const Query& query) const {
  const auto part = query.kind ? std::optional(index_of(*query.kind)) : std::nullopt;
  return records_.find(
      {.part = part, .after = query.after, .before = query.before, .limit = query.limit},
      [&](const json::object& record) { return fits(query, record); });
}

Result<std::vector<json::object>> EventFeed::errors_of(const std::string& task_id) const {
  const Query query{.kind = EventKind::Tasks,
                    .task_id = task_id,
                    .limit = KeptRecords::kLooked,
                    .kinds = EventKinds().set()};
  SL_TRY(page, find(query));
  std::map<std::pair<std::string, std::string>, json::object> errors;
  for (const auto& record : page.records) {  // newest first
    const auto reason = text_at(record, "reason");
    if (reason.empty()) continue;
    const auto event = text_at(record, "event");
    const auto* count = record.if_contains("count");
    const auto times = count == nullptr ? 1 : count->to_number<std::int64_t>();
    const auto* first = record.if_contains(count == nullptr ? "time" : "first");
    auto [it, is_new] = errors.try_emplace({event, reason});
    auto& error = it->second;
    if (is_new) {
      const auto* example = record.if_contains("message_id");
      error = {{"name", event + " " + reason},
               {"event", event},
               {"reason", reason},
               {"count", 0},
               {"first", nullptr},
               {"last", text_at(record, count == nullptr ? "time" : "last")},
               {"message_id", example == nullptr ? json::value() : *example}};
    }
    error["count"] = error["count"].to_number<std::int64_t>() + times;
    if (first != nullptr) error["first"] = *first;
  }
  std::vector<json::object> all;
  for (auto& [key, error] : errors) all.push_back(std::move(error));
  return all;
}

}  // namespace sluice::admin
