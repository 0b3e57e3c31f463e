#include "admin/event_actions.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "admin/actions.hpp"
#include "admin/api.hpp"
#include "admin/record_list.hpp"
#include "base/json_text.hpp"

namespace sluice::admin {
namespace {

// A token with a scope listens to those parts alone that it may read.
bool is_in_scope(const Identity& who, EventKind kind) {
  return who.is_for(resource_of(kind));
}

Problem scope_needed(EventKind kind) {
  return {.status = 403,
          .code = "scope_needed",
          .detail = fmt::format("listening to {} needs the scope {}, too; the token is for other "
                                "parts",
                                name_of(kind), resource_of(kind)),
          .hint = "make a token whose scope names it, or ask for other `kinds`"};
}

EventKinds all_in_scope(const Identity& who) {
  EventKinds kinds;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    kinds.set(i, is_in_scope(who, static_cast<EventKind>(i)));
  return kinds;
}

tl::expected<EventKinds, Response> wanted_kinds(const Call& call) {
  const auto text = call.parameter("kinds");
  if (!text) return all_in_scope(*call.identity);
  EventKinds kinds;
  for (std::size_t begin = 0; begin <= text->size();) {
    const auto end = std::min(text->find(',', begin), text->size());
    const auto kind = event_kind_of(std::string_view(*text).substr(begin, end - begin));
    if (!kind)
      return tl::unexpected(
          wrong_parameter("kinds", fmt::format("must be some of {}, separated by commas",
                                               fmt::join(kEventKindNames, ", "))));
    if (!is_in_scope(*call.identity, *kind))
      return tl::unexpected(problem_response(scope_needed(*kind)));
    kinds.set(index_of(*kind));
    begin = end + 1;
  }
  return kinds;
}

// `/tasks?limit=50 /overview`: what stands behind /api/v1 of GET requests; a space in one of them
// is percent-encoded there.
tl::expected<std::vector<std::string>, Response> watched_targets(const Call& call) {
  const auto text = call.parameter("watch").value_or("");
  std::vector<std::string> targets;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(' ', begin), text.size());
    auto target = std::string(WatchedAnswers::kApi) + text.substr(begin, end - begin);
    begin = end + 1;
    if (!Api::is_watchable(target))
      return tl::unexpected(wrong_parameter(
          "watch", fmt::format("must be paths of GET requests with a JSON answer, without /api/v1, "
                               "separated by spaces; {} is none, or counts for long",
                               target.substr(0, 200))));
    targets.push_back(std::move(target));
  }
  if (targets.size() > WatchedAnswers::kMostOfStream)
    return tl::unexpected(wrong_parameter(
        "watch", fmt::format("may name {} at most", WatchedAnswers::kMostOfStream)));
  return targets;
}

void watch(const Context& context, const std::shared_ptr<LiveStream>& stream, const Call& call,
           const std::vector<std::string>& targets) {
  std::vector<std::string> quick, queries;
  for (const auto& target : targets) {
    Request asked;
    asked.target = target;
    (Api::is_query(asked) ? queries : quick).push_back(target);
  }
  if (!quick.empty()) context.watched.watch(stream, call.request, quick);
  if (!queries.empty()) context.watched_queries.watch(stream, call.request, queries);
}

Response listen(Context& context, const Call& call) {
  auto targets = watched_targets(call);
  if (!targets) return targets.error();
  auto kinds = wanted_kinds(call);
  if (!kinds) return kinds.error();
  auto is_allowed = [&knows = context.knows, given = token_of(call.request)] {
    return knows(given);
  };
  auto after = read_number(call.request.last_event_id);
  if (const auto asked = call.parameter("after"); asked && !after) {
    after = read_number(*asked);
    if (!after) return wrong_parameter("after", "must be the `id` of an event");
  }
  auto stream = context.feed.open({.kinds = *kinds,
                                   .account = call.identity->account_id,
                                   .after = after,
                                   .is_allowed = std::move(is_allowed)});
  if (!stream) return problem_response(stream.error());
  watch(context, *stream, call, *targets);
  return {.status = 200,
          .content_type = "text/event-stream",
          .body = {},
          // Else a proxy of nginx waits for more before it passes on what there is.
          .headers = {{"X-Accel-Buffering", "no"}},
          .live = std::move(*stream)};
}

// What all lists of events are asked for, or the answer to what is wrong.
tl::expected<EventFeed::Query, Response> event_query(const Call& call) {
  const auto page = record_page(call);
  if (!page) return tl::unexpected(page.error());
  EventFeed::Query query{.event = call.parameter("event").value_or(""),
                         .subject = call.parameter("subject").value_or(""),
                         .before = page->before,
                         .limit = page->limit};
  if (auto wrong = read_time(call, "from", query.from_ms)) return tl::unexpected(*wrong);
  if (auto wrong = read_time(call, "to", query.to_ms)) return tl::unexpected(*wrong);
  if (const auto after = call.parameter("after")) {
    const auto number = read_number(*after);
    if (!number) return tl::unexpected(wrong_parameter("after", "must be the `id` of an event"));
    query.after = *number;
  }
  if (const auto name = call.parameter("kind")) {
    query.kind = event_kind_of(*name);
    if (!query.kind || index_of(*query.kind) >= kKindsOfEvents)
      return tl::unexpected(
          wrong_parameter("kind", "must be clients, sessions, messages or tasks"));
  }
  return query;
}

Response list_events(Context& context, const Call& call) {
  const auto query = event_query(call);
  return query ? records_response(context.feed.find(*query)) : query.error();
}

// Also of one that has no session any more.
Response list_client_events(Context& context, const Call& call) {
  auto query = event_query(call);
  if (!query) return query.error();
  query->subject = call.name();
  query->kinds.reset(index_of(EventKind::Tasks));
  return records_response(context.feed.find(*query));
}

// By its id: a task that is renamed keeps what happened to it.
Response list_task_events(Context& context, const Call& call) {
  const auto task = context.sources.integration.task(call.name());
  if (!task) return problem_response(task.error());
  auto query = event_query(call);
  if (!query) return query.error();
  query->kind = EventKind::Tasks;
  query->task_id = text_at(*task, "id");
  return records_response(context.feed.find(*query));
}

Response list_task_errors(Context& context, const Call& call) {
  const auto task = context.sources.integration.task(call.name());
  if (!task) return problem_response(task.error());
  const auto errors = context.feed.errors_of(text_at(*task, "id"));
  if (!errors) return store_problem(errors.error());
  return list_response(call, *errors);
}

const std::vector<Parameter> kEventFilters = {
    {"event", "Only these, such as `client.connected`."},
    {"from", "Then or later: RFC 3339."},
    {"to", "Before then: RFC 3339."},
    {"after", "Only those that came after the event with this `id`."}};

std::vector<Parameter> with_filters(std::vector<Parameter> parameters) {
  parameters.insert(parameters.end(), kEventFilters.begin(), kEventFilters.end());
  return parameters;
}

}  // namespace

std::vector<Route> event_routes() {
  return {
      {.path = "/api/v1/events",
       .id = "listEvents",
       .summary = "What happened to clients, sessions, messages and tasks, newest first; of very "
                  "much a sample, and `left_out` says how many came before an event and were not "
                  "taken.",
       .run = list_events,
       .guard = Guard::Viewer,
       .query =
           with_filters({{"kind", "Only `clients`, `sessions`, `messages` or `tasks`."},
                         {"subject", "Only of this client id, or of the task with this name."}}),
       .is_list = true,
       .is_query = true},
      {.path = "/api/v1/clients/{name}/events",
       .id = "listClientEvents",
       .summary = "What happened to a client, its session and its messages, newest first.",
       .run = list_client_events,
       .guard = Guard::Viewer,
       .query = with_filters({}),
       .is_list = true,
       .is_query = true},
      {.path = "/api/v1/tasks/{name}/events",
       .id = "listTaskEvents",
       .summary = "Changes of a task's state, and what it rejected, newest first. `task.rejected` "
                  "stands for `count` messages with one reason, from `first` to `last`; "
                  "`message_id` is one of them.",
       .run = list_task_events,
       .guard = Guard::Viewer,
       .query = with_filters({}),
       .is_list = true,
       .is_query = true},
      {.path = "/api/v1/tasks/{name}/errors",
       .id = "listTaskErrors",
       .summary = "Why a task waited, failed or rejected messages, as far as events are kept: each "
                  "reason with how often, when first and last, and one message.",
       .run = list_task_errors,
       .guard = Guard::Viewer,
       .query = {{"event", "Only `task.waiting`, `task.failed` or `task.rejected`."}},
       .is_list = true,
       .is_query = true},
      {.path = "/api/v1/stream",
       .id = "listen",
       .summary = "What happens, while it does, as server-sent events: `event` is one of `kinds`, "
                  "`data` one JSON object. `missed` says how many a slow reader has missed; `end` "
                  "comes last, with why in `code`. At most 16 for an account, 48 in all.",
       .run = listen,
       .guard = Guard::Viewer,
       .query =
           {{"kinds",
             "Only these, separated by commas: `clients`, `sessions`, `messages`, `tasks`, "
             "`audit`, `overview` (figures, every two seconds). Without it all of them."},
            {"watch",
             "GET requests without `/api/v1`, separated by spaces, `/tasks?limit=50 "
             "/overview`; at most 16. Each is answered every two seconds, "
             "and an answer that differs from the last one is told: `event: answer`, "
             "`data` with `target`, `status` and, up to 64 KiB, `body`; `event: unchanged` has "
             "the `targets` of the others."},
            {"after",
             "Begin with the kept events that came after the one with this `id`; the header "
             "Last-Event-ID says the same, and wins."}},
       .content_type = "text/event-stream"},
  };
}

}  // namespace sluice::admin
