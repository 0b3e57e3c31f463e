// What is done with clients.
#include "admin/actions.hpp"
#include "admin/page.hpp"
#include "broker/drain.hpp"

namespace sluice::admin {

const schema::Fields& drain_fields() {
  using enum schema::Type;
  static const schema::Fields kFields = {
      {.name = "server",
       .help =
           "Where they are to go, as host:port: the Server Reference of MQTT 5. Empty: they know.",
       .fallback = "",
       .maximum = 1024},
      {.name = "permanent",
       .type = Boolean,
       .help = "Tell them that they need not come back (0x9D instead of 0x9C).",
       .fallback = false},
      {.name = "per_second",
       .type = Integer,
       .help = "So many a second, so that the other server is not overrun.",
       .fallback = 1000,
       .minimum = 1,
       .maximum = 1'000'000},
  };
  return kFields;
}

Response drain_clients(Context& context, const Call& call) {
  if (!context.sources.drain) return no_clients_here();
  const auto checked = schema::check(drain_fields(), call.body);
  if (!checked.problems.empty()) {
    return problem_response(Problem{.status = 422,
                                    .code = "invalid_document",
                                    .detail = "clients cannot be sent anywhere by this",
                                    .hint = R"(send {"server": "other.example.org:1883"})",
                                    .fields = checked.problems});
  }
  const broker::Redirect to{.server = std::string(checked.value.at("server").get_string()),
                            .permanently = checked.value.at("permanent").get_bool()};
  const auto clients =
      context.sources.drain(to, static_cast<double>(checked.value.at("per_second").get_int64()));
  return json_response(202, {{"clients", clients}});
}

Response show_client(Context& context, const Call& call) {
  if (!context.sources.client) return no_clients_here();
  const auto has_subscriptions = switch_of(call, "subscriptions", "true");
  if (!has_subscriptions) return has_subscriptions.error();
  auto client = context.sources.client(call.name());
  if (client) {
    const auto* subscriptions = client->if_contains("subscriptions");
    const bool has_list = subscriptions != nullptr && subscriptions->is_array();
    (*client)["subscription_count"] = has_list ? subscriptions->get_array().size() : 0;
    if (!*has_subscriptions) client->erase("subscriptions");
  }
  return entity_response(client);
}

Response disconnect_client(Context& context, const Call& call) {
  if (!context.sources.disconnect_client) return no_clients_here();
  return entity_response(context.sources.disconnect_client(call.name()));
}

Response delete_client(Context& context, const Call& call) {
  if (!context.sources.end_client_session) return no_clients_here();
  return deleted_response(context.sources.end_client_session(call.name()));
}

}  // namespace sluice::admin
