#include "admin/error_catalogue.hpp"

#include "admin/http.hpp"

namespace sluice::admin {

const std::vector<ErrorKind>& error_catalogue() {
  static const std::vector<ErrorKind> kKinds = {
      {"account_lacks_right", 422,
       "The task's account may not do what the task needs; `fields` says what, and why."},
      {"body_too_large", 413, "The body is larger than 1 MiB."},
      {"changed_meanwhile", 412, "`If-Match` names a version that is not the current one."},
      {"closed", 503, "The store ended after a failed write; it comes back with a restart."},
      {"connection_in_use", 409, "Tasks use the connection; delete them first."},
      {"corrupt", 500, "What was read is not what was written."},
      {"cross_origin", 403, "A browser sent this from a page that is not the server's own."},
      {"group_has_members", 409,
       "Clients are in the group; `?force=true` ends their subscriptions."},
      {"group_name_taken", 409, "A task's group has the name this one would have."},
      {"header_too_large", 431, "The request's header is larger than 16 KiB."},
      {"internal_error", 500, "A fault of the server; its log says more."},
      {"invalid_document", 422, "The document is wrong; `fields` says where and what is right."},
      {"invalid_parameter", 400, "A query parameter has a value it cannot have."},
      {"invalid_target", 400, "The path or query cannot be decoded."},
      {"io_failed", 500, "A file could not be read or written."},
      {"last_administrator", 409,
       "Without it no account would have the role administrator any more."},
      {"limit_reached", 409,
       "There are as many of these as there may be; `hint` says what makes room."},
      {"local_token", 409, "`data/run/admin.token` ends when the server stops, not by a request."},
      {"login_needed", 403, "A token may not do this: log in with the password."},
      {"method_not_allowed", 405,
       "The path does not take this method; `Allow` lists those it takes."},
      {"name_taken", 409, "Another one has this name."},
      {"no_space", 507, "The disk is full; service returns when space does."},
      {"not_acceptable", 406, "A file of the console is kept compressed alone; browsers take it."},
      {"not_allowed", 403, "No policy allows the user to do this."},
      {"not_found", 404, "There is none with this name or id."},
      {"not_http", 400, "The request is not HTTP/1.1, or its length is ambiguous."},
      {"not_json", 400, "The body is not JSON, or nested deeper than 32."},
      {"not_logged_in", 401, "A token is needed."},
      {"not_yours", 403, "It belongs to another account; an administrator may."},
      {"order_needs_in_order", 422, "`drain: fresh_first` where `order` is to be kept."},
      {"order_needs_key", 422, "The key does not keep together what `order` promises."},
      {"overloaded", 503, "A bound of the server is reached; try again in a moment."},
      {"role_needed", 403, "The account may not do this; `detail` names the role that may."},
      {"scope_needed", 403, "The token is for other parts of the API; `detail` names this one."},
      {"session_ended", 401, "The token has ended, or never was one."},
      {"session_left_behind", 409,
       "A source would leave its session at another server; `?force=true` does it."},
      {"timeout", 504, "The other side did not answer in time."},
      {"too_many_logins", 429, "Too many attempts to log in; wait as long as `Retry-After` says."},
      {"too_many_messages", 429,
       "The user publishes faster than `mqtt.messages_per_second_per_client` allows."},
      {"too_many_streams", 429, "The account listens to `/stream` as often as it may."},
      {"unavailable", 503, "The other side is away."},
      {"unexpected_body", 400, "A request that takes no body came with one."},
      {"unknown_host", 421, "The Host header names no host of this server."},
      {"unknown_parameter", 400, "The path takes no such query parameter."},
      {"unknown_path", 404, "There is nothing at this path."},
      {"unsupported", 501, "This is not there yet."},
      {"unsupported_media_type", 415, "The body must be sent as application/json."},
      {"verification_failed", 422,
       "The outside system did not pass a step; `hint` says what to do."},
      {"wrong_credentials", 401, "User or password is wrong."},
      {"wrong_state", 409, "It cannot be done in the state the thing is in."},
  };
  return kKinds;
}

std::string error_catalogue_markdown() {
  std::string page = "| code | status | meaning |\n|---|---|---|\n";
  for (const auto& kind : error_catalogue()) {
    page += "| `" + std::string(kind.code) + "` | " + std::to_string(kind.status) + " " +
            std::string(status_phrase(kind.status)) + " | " + std::string(kind.meaning) + " |\n";
  }
  return page;
}

}  // namespace sluice::admin
