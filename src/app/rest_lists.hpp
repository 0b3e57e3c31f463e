// Lists of the administration, page by page, and what happens while one watches.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "app/rest_client.hpp"
#include "app/rest_commands.hpp"

namespace sluice::app {

// All of these return the exit code.

// All pages as one, or as many items of them as are wanted.
int list(RestClient& client, const RestCommand& command, const std::string& path,
         std::span<const std::string_view> columns, const std::string& query = {},
         std::size_t wanted = SIZE_MAX);
// All of its noun, or those that are asked for.
int list_noun(RestClient& client, const RestCommand& command);
int list_audit(RestClient& client, const RestCommand& command);
// Of everything, or of what `path` names.
int list_events(RestClient& client, const RestCommand& command, const std::string& path);
int list_messages(RestClient& client, const RestCommand& command);
// Of all clients, or of one with something that its own list cannot be asked.
int list_all_subscriptions(RestClient& client, const RestCommand& command);

// `&name=value` of what is given.
[[nodiscard]] std::string query_of(
    std::initializer_list<std::pair<std::string_view, const std::string*>> wanted);

}  // namespace sluice::app
