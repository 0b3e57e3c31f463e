#include "app/rest_commands.hpp"

#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <poll.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "app/failure.hpp"
#include "app/rest_answer.hpp"
#include "app/rest_client.hpp"
#include "app/rest_files.hpp"
#include "app/rest_lists.hpp"
#include "app/rest_output.hpp"
#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "io/http_client.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

constexpr int kRepeatEveryMs = 2000;  // --watch of a list

int publish(RestClient& client, const RestCommand& command) {
  const auto& given = command.message;
  json::object document{{"topic", command.name}, {"qos", given.qos}, {"retain", given.retain}};
  if (given.payload) document["payload"] = *given.payload;
  if (command.file) {
    const auto bytes = read_text(*command.file, kLargestDocument);
    if (!bytes) return fail_with(bytes.error().detail);
    document["payload_base64"] = base64(*bytes);
  }
  if (!given.username.empty()) document["username"] = given.username;
  if (!given.content_type.empty()) document["content_type"] = given.content_type;
  const auto answer =
      client.send("POST", std::string(command.noun->path), json::serialize(document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int drain(RestClient& client, const RestCommand& command) {
  const json::object document{{"server", command.drain.server},
                              {"permanent", command.drain.permanently},
                              {"per_second", command.drain.per_second}};
  const auto answer =
      client.send("POST", std::string(command.noun->path) + ":drain", json::serialize(document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int test_policies(RestClient& client, const RestCommand& command) {
  const auto& asked = command.question;
  json::object document{{"operation", asked.operation},
                        {"client_id", asked.client_id},
                        {"address", asked.address},
                        {"listener", asked.listener},
                        {"qos", asked.qos},
                        {"retained", asked.retained}};
  if (asked.topic) document["topic"] = *asked.topic;
  if (asked.user) document["user"] = *asked.user;
  const auto answer =
      client.send("POST", std::string(command.noun->path) + ":test", json::serialize(document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int import_policies(RestClient& client, const RestCommand& command) {
  const auto document = read_document(*command.file);
  if (!document) return fail_with(document.error().detail);
  const auto path = fmt::format("{}:import?format={}&dry_run={}", command.noun->path,
                                command.import.format, command.import.dry_run);
  const auto answer = client.send("POST", path, json::serialize(*document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

Result<std::string> read_password(const std::string& path) {
  SL_TRY(text, read_text(path, 4096));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return std::move(text);
}

// Of an account or a token: what was given of it.
Result<json::object> account_of(const RestCommand& command) {
  json::object document;
  if (command.role) document["role"] = *command.role;
  const auto& token = command.token;
  if (token.expires_in) document["expires_in"] = *token.expires_in;
  if (!token.scope.empty()) document["scope"] = json::array(token.scope.begin(), token.scope.end());
  if (!token.description.empty()) document["description"] = token.description;
  if (command.password) document["password"] = *command.password;
  if (command.password_file) {
    SL_TRY(text, read_password(*command.password_file));
    document["password"] = text;
  }
  return document;
}

Result<json::object> new_account(const RestCommand& command) {
  SL_TRY(document, account_of(command));
  document["name"] = command.name;
  return document;
}

// An account or a token may be given by name alone; a path or `-` where the name stands is a
// document.
bool names_a_file(const RestCommand& command) {
  return !command.noun->is_made_by_name || command.name == "-" || command.name.ends_with(".json") ||
         command.name.find('/') != std::string::npos;
}

// How a connection is tried: `?verify=false`, `?topic=T`.
std::string verification_query(const RestCommand& command) {
  std::string query;
  if (!command.verify) query += "&verify=false";
  if (!command.topic.empty()) query += "&topic=" + io::percent_encoded(command.topic);
  if (!query.empty()) query.front() = '?';
  return query;
}

int create(RestClient& client, const RestCommand& command) {
  const bool is_document = command.file.has_value() || names_a_file(command);
  const auto document =
      is_document ? read_document(command.file.value_or(command.name)) : new_account(command);
  if (!document) return fail_with(document.error().detail);
  auto path = std::string(command.noun->path) + verification_query(command);
  if (command.creates_account) path += "?create_account=true";
  const auto answer = client.send("POST", path, json::serialize(*document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int verify_unsaved(RestClient& client, const RestCommand& command) {
  const auto document = read_document(*command.file);
  if (!document) return fail_with(document.error().detail);
  const auto answer =
      client.send("POST", std::string(command.noun->path) + ":verify" + verification_query(command),
                  json::serialize(*document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

// Of the document in the file, or of what stands there instead.
int change(RestClient& client, const RestCommand& command, const std::string& one) {
  const auto patch = command.file ? read_document(*command.file) : account_of(command);
  if (!patch) return fail_with(patch.error().detail);
  auto query = verification_query(command);
  if (!command.restart) query += (query.empty() ? "?" : "&") + std::string("restart_tasks=false");
  if (command.force) query += (query.empty() ? "?" : "&") + std::string("force=true");
  const auto answer = client.send("PATCH", one + query, json::serialize(*patch));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int copy_task(RestClient& client, const RestCommand& command, const std::string& one) {
  auto changes = command.file ? read_document(*command.file) : Result<json::object>(json::object());
  if (!changes) return fail_with(changes.error().detail);
  (*changes)["name"] = command.other;
  const auto answer = client.send("POST", one + ":copy", json::serialize(*changes));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

// `now`, `earliest`, a position or a time; from Kafka `latest`, too.
json::value place_of(const std::string& text) {
  if (text.find_first_not_of("0123456789") == std::string::npos && !text.empty())
    return json::object{{"position", json::parse(text)}};
  if (text != "now" && text != "earliest" && text != "latest") return json::object{{"time", text}};
  return json::value(text);
}

int replay_task(RestClient& client, const RestCommand& command, const std::string& one) {
  json::object document{{"from", place_of(command.replay.from)},
                        {"to", place_of(command.replay.to)}};
  if (!command.replay.topic.empty()) document["topic"] = command.replay.topic;
  if (!command.other.empty()) document["name"] = command.other;
  const auto answer = client.send("POST", one + ":replay", json::serialize(document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int preview_move(RestClient& client, const RestCommand& command, const std::string& one) {
  const auto& [from, to, topic] = command.replay;
  const auto query =
      command.verb == "seek"
          ? "/seek-preview?start=" + io::percent_encoded(command.other)
          : "/replay-preview?from=" + io::percent_encoded(from) + "&to=" + io::percent_encoded(to);
  const auto answer = client.send("GET", one + query);
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int seek_task(RestClient& client, const RestCommand& command, const std::string& one) {
  const json::object document{{"start", place_of(command.other)}};
  const auto answer = client.send("POST", one + ":seek", json::serialize(document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int preview(RestClient& client, const RestCommand& command) {
  const auto document = read_document(*command.file);
  if (!document) return fail_with(document.error().detail);
  const auto answer = client.send("POST", "/tasks:preview", json::serialize(*document));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

// One request ends after half a minute: again until none is left, or none goes any more. `taken`
// says in the answer how many it was.
int act_on_all(RestClient& client, const RestCommand& command, const std::string& method,
               const std::string& target, std::string_view taken) {
  while (true) {
    const auto answer = client.send(method, target, method == "POST" ? R"({"all":true})" : "");
    if (!answer) return fail_with(answer.error().detail);
    json::error_code error;
    const auto parsed = json::parse(answer->body, error);
    const auto* report = error ? nullptr : parsed.if_object();
    const auto* count = report == nullptr ? nullptr : report->if_contains(taken);
    const bool goes_on = answer->status == 200 && count != nullptr && *count != 0 &&
                         !text_at(*report, "stopped").empty();
    if (!goes_on) return show(command, *answer);
  }
}

int run_dead_letters(RestClient& client, const RestCommand& command, const std::string& one) {
  const auto letters = one + "/dead-letters";
  const auto& verb = command.verb;
  if (verb == "list" && command.name.empty()) {  // how many each task has
    constexpr std::array<std::string_view, 5> kColumns = {"name", "dead_letters", "bytes",
                                                          "last_rejected_at", "reason"};
    return list(client, command, "/dead-letters", kColumns);
  }
  const auto& wanted = command.letters;
  auto query = query_of({{"class", &wanted.error},
                         {"reason_contains", &wanted.reason},
                         {"filter", &wanted.filter},
                         {"client_id", &wanted.client_id},
                         {"from", &wanted.from},
                         {"to", &wanted.to}});
  if (verb == "list") return list(client, command, letters, command.noun->columns, query);
  if (!query.empty()) query.front() = '?';
  if (verb == "redrive" && command.all)
    return act_on_all(client, command, "POST", letters + ":redrive" + query, "redriven");
  if (verb == "delete" && command.all)
    return act_on_all(client, command, "DELETE", letters + query, "deleted");
  Result<io::HttpResponse> answer;
  if (verb == "redrive") {
    const json::object which{{"message_ids", json::array(command.ids.begin(), command.ids.end())}};
    answer = client.send("POST", letters + ":redrive", json::serialize(which));
  } else {
    for (const auto& id : command.ids) {
      answer =
          client.send(verb == "show" ? "GET" : "DELETE", letters + "/" + io::percent_encoded(id));
      if (!answer || answer->status >= 300 || id == command.ids.back()) break;
    }
  }
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

int run_subscriptions(RestClient& client, const RestCommand& command, const std::string& one) {
  const auto path = one + "/subscriptions";
  const auto& wanted = command.subscription;
  const bool is_chosen =
      !wanted.topic.empty() || !wanted.filter_prefix.empty() || !wanted.group.empty();
  if (command.verb == "list" && (command.name.empty() || is_chosen))
    return list_all_subscriptions(client, command);
  if (command.verb == "list") return list(client, command, path, command.noun->columns);
  const auto& filter = command.other;
  const json::object document{
      {"filter", filter}, {"qos", command.message.qos}, {"where", command.where}};
  const auto answer = command.verb == "add"
                          ? client.send("POST", path, json::serialize(document))
                          : client.send("DELETE", path + "/" + io::percent_encoded(filter));
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

// No pages: there are as many as are declared.
int run_settings(RestClient& client, const RestCommand& command, const std::string& path) {
  Result<json::object> patch;
  if (command.verb == "update") patch = read_document(command.file.value_or("-"));
  if (!patch) return fail_with(patch.error().detail);
  const auto answer = command.verb == "update" ? client.send("PATCH", path, json::serialize(*patch))
                                               : client.send("GET", path);
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

// Of who is logged in, with the password of that login.
int change_own_password(RestClient& client, const RestCommand& command, const RestTarget& target) {
  if (!target.token.empty())
    return fail_with(
        "a token does not change a password: set SLUICE_USER and SLUICE_PASSWORD, and "
        "not SLUICE_TOKEN");
  const auto text = read_password(*command.password_file);
  if (!text) return fail_with(text.error().detail);
  const json::object document{{"password", target.password}, {"new_password", *text}};
  const auto answer = client.send("POST", "/session:password", json::serialize(document));
  if (!answer) return fail_with(answer.error().detail);
  if (answer->status != 200) return show(command, *answer);
  if (const auto adopted = client.adopt(*answer); !adopted)
    return fail_with(adopted.error().detail);
  fmt::print("the password of {} is another one; all logins before have ended\n", target.user);
  return 0;
}

int run(RestClient& client, const RestCommand& command) {
  const std::string path(command.noun->path);
  const auto one = path + "/" + io::percent_encoded(command.name);
  const auto& verb = command.verb;
  if (command.noun->name == "dead-letter") return run_dead_letters(client, command, one);
  if (command.noun->name == "subscription") return run_subscriptions(client, command, one);
  if (command.noun->name == "setting") return run_settings(client, command, path);
  if (verb == "create") return create(client, command);
  if (verb == "import") return import_policies(client, command);
  if (command.noun->name == "message" && verb == "list") return list_messages(client, command);
  if (command.noun->name == "audit" && verb == "list") return list_audit(client, command);
  if (command.noun->name == "event") return list_events(client, command, path);
  if (verb == "events") return list_events(client, command, one + "/events");
  if (verb == "errors") {
    constexpr std::array<std::string_view, 6> kColumns = {"event", "count",  "first",
                                                          "last",  "reason", "message_id"};
    return list(client, command, one + "/errors", kColumns);
  }
  if (command.noun->name == "client" && verb == "trace") {
    constexpr std::array<std::string_view, 6> kColumns = {"time",  "event",     "qos",
                                                          "topic", "publisher", "message_id"};
    return list(client, command, one + "/trace", kColumns);
  }
  if (verb == "publish") return publish(client, command);
  if (verb == "drain") return drain(client, command);
  if (verb == "test") return test_policies(client, command);
  if (verb == "list") return list_noun(client, command);
  if (verb == "dead-letters")
    return list(client, command, one + "/dead-letters", find_noun("dead-letter")->columns);
  if (verb == "verify" && command.file) return verify_unsaved(client, command);
  if (verb == "update") return change(client, command, one);
  if (verb == "copy") return copy_task(client, command, one);
  if (command.previews) return preview_move(client, command, one);
  if (verb == "seek") return seek_task(client, command, one);
  if (verb == "replay") return replay_task(client, command, one);
  if (verb == "preview") return preview(client, command);

  Result<io::HttpResponse> answer;
  if (verb.empty()) answer = client.send("GET", path);
  if (verb == "show") answer = client.send("GET", one);
  if (verb == "trace") answer = client.send("GET", one + "/trace");
  if (verb == "delete") answer = client.send("DELETE", one + (command.force ? "?force=true" : ""));
  if (verb == "start" || verb == "pause" || verb == "verify" || verb == "disconnect") {
    answer = client.send("POST", one + ":" + verb + verification_query(command));
  }
  return answer ? show(command, *answer) : fail_with(answer.error().detail);
}

// Over and over, until somebody stops it; on a terminal always at its top.
int repeat(RestClient& client, const RestCommand& command) {
  const bool is_terminal = terminal_width() != SIZE_MAX;
  while (true) {
    if (is_terminal) fmt::print("\x1b[H\x1b[2J");
    if (const int failed = run(client, command); failed != 0) return failed;
    if (!is_terminal) fmt::print("\n");
    std::fflush(stdout);
    ::poll(nullptr, 0, kRepeatEveryMs);
  }
}

std::string variable(const Environment& environment, std::string_view name) {
  for (const auto& [key, value] : environment)
    if (key == name) return value;
  return {};
}

bool is_this_machine(const std::string& url) {
  const auto parsed = io::parse_web_url(url);
  return parsed &&
         (parsed->host.starts_with("127.") || parsed->host == "localhost" || parsed->host == "::1");
}

// The address in DATA/run/addresses.json, as one to connect to.
std::string url_of_server_in(const std::string& data, bool has_certificate) {
  auto text = read_text(data + "/run/addresses.json", 64 * 1024);
  if (!text) return {};
  json::error_code error;
  const auto parsed = json::parse(*text, error);
  const auto* addresses = error ? nullptr : parsed.if_object();
  const auto* admin = addresses == nullptr ? nullptr : addresses->if_contains("admin");
  if (admin == nullptr || !admin->is_string()) return {};
  std::string address(admin->get_string());
  if (address.starts_with("0.0.0.0:")) address.replace(0, 7, "127.0.0.1");
  if (address.starts_with("[::]:")) address.replace(0, 4, "[::1]");
  return (has_certificate ? "https://" : "http://") + address;
}

}  // namespace

Result<RestTarget> find_rest_target(const Environment& environment,
                                    const std::optional<std::string>& data) {
  RestTarget target;
  const auto named_data = variable(environment, "SLUICE_DATA");
  const auto directory = data.value_or(named_data.empty() ? "./data" : named_data);
  const auto url = variable(environment, "SLUICE_URL");
  const auto certificate = read_text(directory + "/run/admin.pem", 64 * 1024);
  const auto local = url_of_server_in(directory, certificate.has_value());
  if (!url.empty()) {
    target.url = url;
  } else if (!local.empty()) {
    target.url = local;
  }
  while (target.url.ends_with('/')) target.url.pop_back();
  // Whatever names stand in it: it lies where the token does.
  if (certificate && (target.url == local || is_this_machine(target.url)))
    target.certificate_pem = *certificate;

  target.token = variable(environment, "SLUICE_TOKEN");
  if (!target.token.empty()) return target;
  target.user = variable(environment, "SLUICE_USER");
  target.password = variable(environment, "SLUICE_PASSWORD");
  if (!target.user.empty()) return target;

  if (data || is_this_machine(target.url)) {
    if (auto token = read_text(directory + "/run/admin.token", 4096)) {
      while (token->ends_with('\n')) token->pop_back();
      target.token = *token;
    }
  }
  if (target.token.empty()) {
    return fail(
        Errc::NotAuthorized,
        fmt::format("who asks? Set SLUICE_TOKEN, or SLUICE_USER and SLUICE_PASSWORD; on the "
                    "server's machine give its --data ({}/run/admin.token cannot be read)",
                    directory));
  }
  return target;
}

Result<json::object> get_document(const RestTarget& target, const std::string& path) {
  RestClient client(target);
  SL_TRY(answer, client.send("GET", path));
  json::error_code error;
  auto value = json::parse(answer.body, error);
  if (answer.status != 200 || error || !value.is_object()) {
    return fail(Errc::IoFailed,
                fmt::format("{} answered {} to GET /api/v1{}", target.url, answer.status, path));
  }
  return std::move(value.get_object());
}

int run_rest_command(const RestCommand& command, const RestTarget& target) {
  RestClient client(target);
  if (target.token.empty()) {
    const auto login = client.log_in(target);
    if (!login) return fail_with(login.error().detail);
    if (login->status != 200) return show(command, *login);
  }
  if (command.verb == "password") return change_own_password(client, command, target);
  return command.repeats ? repeat(client, command) : run(client, command);
}

}  // namespace sluice::app
