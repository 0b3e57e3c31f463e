// What the routes do. Each takes a call that has been authenticated, and whose body is an object.
#pragma once
#include <array>

#include "admin/route.hpp"

namespace sluice::admin {

inline constexpr std::string_view kSessionCookie = "sluice_session";
// The token of a request's header or cookie; empty: none.
struct GivenToken {
  std::string token;
  bool by_cookie = false;
};
[[nodiscard]] GivenToken token_of(const Request& request);

[[nodiscard]] const schema::Fields& login_fields();
[[nodiscard]] Response log_in(Context& context, const Call& call);
[[nodiscard]] Response show_session(Context& context, const Call& call);
[[nodiscard]] Response log_out(Context& context, const Call& call);
[[nodiscard]] const schema::Fields& own_password_fields();
[[nodiscard]] Response change_own_password(Context& context, const Call& call);

[[nodiscard]] boost::json::object overview_of(const Context& context);
[[nodiscard]] Response show_overview(Context& context, const Call& call);
[[nodiscard]] Response show_settings(Context& context, const Call& call);
[[nodiscard]] Response change_settings(Context& context, const Call& call);
[[nodiscard]] Response show_openapi(Context& context, const Call& call);
[[nodiscard]] Response show_metrics(Context& context, const Call& call);
[[nodiscard]] Response show_live(Context& context, const Call& call);
[[nodiscard]] Response show_ready(Context& context, const Call& call);

[[nodiscard]] Response create_user(Context& context, const Call& call);
[[nodiscard]] Response list_users(Context& context, const Call& call);
[[nodiscard]] Response show_user(Context& context, const Call& call);
[[nodiscard]] Response change_user(Context& context, const Call& call);
[[nodiscard]] Response delete_user(Context& context, const Call& call);
[[nodiscard]] Response create_policy(Context& context, const Call& call);
[[nodiscard]] Response list_policies(Context& context, const Call& call);
[[nodiscard]] Response show_policy(Context& context, const Call& call);
[[nodiscard]] Response change_policy(Context& context, const Call& call);
[[nodiscard]] Response delete_policy(Context& context, const Call& call);
[[nodiscard]] Response import_policies(Context& context, const Call& call);
[[nodiscard]] Response test_policies(Context& context, const Call& call);
[[nodiscard]] const schema::Fields& policy_change_fields();
[[nodiscard]] Response preview_policy_change(Context& context, const Call& call);
[[nodiscard]] Response list_clients(Context& context, const Call& call);

[[nodiscard]] Response list_subscriptions(Context& context, const Call& call);
[[nodiscard]] const schema::Fields& client_subscription_fields();
[[nodiscard]] Response list_client_subscriptions(Context& context, const Call& call);
[[nodiscard]] Response create_client_subscription(Context& context, const Call& call);
[[nodiscard]] Response delete_client_subscription(Context& context, const Call& call);

[[nodiscard]] Response show_client(Context& context, const Call& call);
[[nodiscard]] Response list_client_trace(Context& context, const Call& call);
[[nodiscard]] Response disconnect_client(Context& context, const Call& call);
[[nodiscard]] Response delete_client(Context& context, const Call& call);

[[nodiscard]] Response list_retained(Context& context, const Call& call);
[[nodiscard]] Response show_retained(Context& context, const Call& call);
[[nodiscard]] Response delete_retained(Context& context, const Call& call);

[[nodiscard]] Response list_topics(Context& context, const Call& call);
[[nodiscard]] Response list_messages(Context& context, const Call& call);
[[nodiscard]] Response show_message(Context& context, const Call& call);
[[nodiscard]] Response trace_message(Context& context, const Call& call);
[[nodiscard]] Response publish_message(Context& context, const Call& call);
[[nodiscard]] const schema::Fields& tracing_fields();
[[nodiscard]] const schema::Fields& drain_fields();
[[nodiscard]] Response drain_clients(Context& context, const Call& call);
[[nodiscard]] Response show_tracing(Context& context, const Call& call);
[[nodiscard]] Response set_tracing(Context& context, const Call& call);

[[nodiscard]] Response create_connection(Context& context, const Call& call);
// What these lists may go by.
inline constexpr std::array<std::string_view, 5> kConnectionSorts = {"name", "status", "type",
                                                                     "tasks", "created"};
inline constexpr std::array<std::string_view, 6> kTaskSorts = {
    "name", "status", "lag_messages", "oldest_unsent_age_seconds", "delivered", "created"};
[[nodiscard]] Response list_connections(Context& context, const Call& call);
[[nodiscard]] Response show_connection(Context& context, const Call& call);
[[nodiscard]] Response change_connection(Context& context, const Call& call);
[[nodiscard]] Response delete_connection(Context& context, const Call& call);
[[nodiscard]] Response verify_connection(Context& context, const Call& call);
[[nodiscard]] Response verify_saved_connection(Context& context, const Call& call);
[[nodiscard]] Response create_task(Context& context, const Call& call);
[[nodiscard]] Response list_tasks(Context& context, const Call& call);
[[nodiscard]] Response show_task(Context& context, const Call& call);
[[nodiscard]] Response change_task(Context& context, const Call& call);
[[nodiscard]] Response copy_task(Context& context, const Call& call);
[[nodiscard]] Response start_task(Context& context, const Call& call);
[[nodiscard]] Response pause_task(Context& context, const Call& call);
[[nodiscard]] Response seek_task(Context& context, const Call& call);
[[nodiscard]] Response replay_task(Context& context, const Call& call);
[[nodiscard]] Response preview_seek(Context& context, const Call& call);
[[nodiscard]] Response preview_replay(Context& context, const Call& call);
[[nodiscard]] Response delete_task(Context& context, const Call& call);
[[nodiscard]] Response list_dead_letters(Context& context, const Call& call);
[[nodiscard]] Response preview_dead_letters(Context& context, const Call& call);
[[nodiscard]] Response list_letters_of_tasks(Context& context, const Call& call);
[[nodiscard]] Response show_dead_letter(Context& context, const Call& call);
[[nodiscard]] const schema::Fields& redrive_fields();
[[nodiscard]] Response redrive_dead_letters(Context& context, const Call& call);
[[nodiscard]] Response redrive_dead_letter(Context& context, const Call& call);
[[nodiscard]] Response delete_dead_letter(Context& context, const Call& call);
[[nodiscard]] Response delete_dead_letters(Context& context, const Call& call);
[[nodiscard]] const schema::Fields& preview_fields();
[[nodiscard]] Response preview_task(Context& context, const Call& call);
[[nodiscard]] Response import_flow(Context& context, const Call& call);
[[nodiscard]] Response list_connectors(Context& context, const Call& call);

}  // namespace sluice::admin
