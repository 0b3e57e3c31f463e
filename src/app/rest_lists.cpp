#include "app/rest_lists.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <iterator>
#include <poll.h>

#include <boost/json/parse.hpp>

#include "app/failure.hpp"
#include "app/rest_answer.hpp"
#include "app/rest_output.hpp"
#include "base/json_text.hpp"
#include "io/http_client.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

constexpr int kAskEveryMs = 1000;           // --watch of events
constexpr std::size_t kMostPages = 10'000;  // a server that never ends its list

// What happens from now on, newest last, until somebody stops it.
int watch(RestClient& client, const RestCommand& command, const std::string& path,
          std::span<const std::string_view> columns, const std::string& query) {
  std::string after;
  for (bool is_first = true;; is_first = false) {
    const auto limit = is_first ? command.event.limit : std::size_t{1000};
    const auto answer =
        client.send("GET", fmt::format("{}?limit={}{}{}", path, limit, query, after));
    if (!answer) return fail_with(answer.error().detail);
    if (answer->status != 200) return show(command, *answer);
    json::error_code error;
    const auto value = json::parse(answer->body, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto* found = object == nullptr ? nullptr : object->if_contains("items");
    if (found == nullptr || !found->is_array()) return fail_with("the server's answer is no list");
    const auto& items = found->get_array();
    const json::array oldest_first(std::make_reverse_iterator(items.end()),
                                   std::make_reverse_iterator(items.begin()));
    const bool as_json = command.output == OutputFormat::Json;
    fmt::print("{}",
               as_json ? lines_text(oldest_first) : table_text(oldest_first, columns, is_first));
    std::fflush(stdout);
    if (!items.empty()) after = "&after=" + text_at(items.front().as_object(), "id");
    ::poll(nullptr, 0, kAskEveryMs);  // answers come at once: nothing here waits for news
  }
}

}  // namespace

int list(RestClient& client, const RestCommand& command, const std::string& path,
         std::span<const std::string_view> columns, const std::string& query, std::size_t wanted) {
  json::array items;
  std::string page;
  for (std::size_t i = 0; i < kMostPages && items.size() < wanted; ++i) {
    const auto limit = std::min<std::size_t>(wanted - items.size(), 1000);
    const auto answer =
        client.send("GET", fmt::format("{}?limit={}{}{}", path, limit, query, page));
    if (!answer) return fail_with(answer.error().detail);
    if (answer->status != 200) return show(command, *answer);
    json::error_code error;
    auto value = json::parse(answer->body, error);
    auto* object = error ? nullptr : value.if_object();
    auto* found = object == nullptr ? nullptr : object->if_contains("items");
    if (found == nullptr || !found->is_array()) return fail_with("the server's answer is no list");
    for (auto& item : found->get_array()) items.push_back(std::move(item));
    const auto* next = object->if_contains("next");
    if (next == nullptr || !next->is_string() || next->get_string().empty()) break;
    page = "&page=" + io::percent_encoded(next->get_string());
  }
  if (command.output == OutputFormat::Json) {
    fmt::print("{}\n", json_text(json::object{{"items", std::move(items)}}));
  } else {
    fmt::print("{}", table_text(items, columns, true, terminal_width()));
  }
  return 0;
}

std::string query_of(
    std::initializer_list<std::pair<std::string_view, const std::string*>> wanted) {
  std::string query;
  for (const auto& [name, value] : wanted)
    if (!value->empty()) query += fmt::format("&{}={}", name, io::percent_encoded(*value));
  return query;
}

int list_noun(RestClient& client, const RestCommand& command) {
  const auto& noun = *command.noun;
  const auto query = query_of({{noun.list.contains, &command.contains}, {"sort", &command.sort}});
  return list(client, command, std::string(noun.path), noun.columns, query);
}

int list_audit(RestClient& client, const RestCommand& command) {
  const auto& wanted = command.audit;
  const auto query = query_of({{"user", &wanted.user},
                               {"operation", &wanted.operation},
                               {"subject", &wanted.subject},
                               {"outcome", &wanted.outcome},
                               {"from", &wanted.from},
                               {"to", &wanted.to}});
  return list(client, command, std::string(command.noun->path), command.noun->columns, query,
              wanted.limit);
}

int list_events(RestClient& client, const RestCommand& command, const std::string& path) {
  const auto& wanted = command.event;
  const auto& columns = find_noun("event")->columns;
  const auto query = query_of({{"kind", &wanted.kind},
                               {"event", &wanted.event},
                               {"subject", &wanted.subject},
                               {"from", &wanted.from},
                               {"to", &wanted.to}});
  if (wanted.watch) return watch(client, command, path, columns, query);
  return list(client, command, path, columns, query, wanted.limit);
}

int list_messages(RestClient& client, const RestCommand& command) {
  const auto& wanted = command.message;
  const auto query = query_of({{"order", &wanted.order},
                               {"filter", &wanted.filter},
                               {"from", &wanted.from},
                               {"to", &wanted.to}});
  return list(client, command, std::string(command.noun->path), command.noun->columns, query,
              wanted.limit);
}

int list_all_subscriptions(RestClient& client, const RestCommand& command) {
  constexpr std::array<std::string_view, 6> kColumns = {"client_id", "status", "filter",
                                                        "qos",       "group",  "where"};
  const auto& wanted = command.subscription;
  const auto query = query_of({{"client_id", &command.name},
                               {"topic", &wanted.topic},
                               {"filter_prefix", &wanted.filter_prefix},
                               {"group", &wanted.group}});
  return list(client, command, "/subscriptions", kColumns, query);
}

}  // namespace sluice::app
