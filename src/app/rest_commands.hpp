// Administration over REST from the command line: what each command asks, and how its answer looks.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.hpp"

namespace sluice::app {

// What the REST list of a noun can be asked for.
struct ListQuery {
  std::string_view contains = {};  // the parameter that finds a part of their names; empty: none
  std::span<const std::string_view> sorts = {};  // what it may go by; empty: by name alone
};

// A noun of the command line, and where it lives under /api/v1.
struct Noun {
  std::string_view name;
  std::string_view path;
  std::string_view help;
  std::span<const std::string_view> verbs;    // empty: the noun alone is the command
  std::span<const std::string_view> columns;  // of a list
  ListQuery list = {};
  bool is_made_by_name = false;  // or by a document
};
[[nodiscard]] std::span<const Noun> nouns();
[[nodiscard]] const Noun* find_noun(std::string_view name);
[[nodiscard]] std::string_view verb_help(std::string_view verb);

// What `message list` looks for, and what `message publish` sends.
struct MessageArguments {
  std::string filter, from, to;
  std::string order = "newest";
  std::size_t limit = 50;
  std::optional<std::string> payload;
  int qos = 1;
  bool retain = false;
  std::string username, content_type;
};

// Where `client drain` sends clients, and how fast.
struct DrainArguments {
  std::string server;
  bool permanently = false;
  std::size_t per_second = 1000;
};

// What `token create` asks for, besides its role.
struct TokenArguments {
  std::optional<std::string> expires_in;
  std::vector<std::string> scope;
  std::string description;
};

// What `policy test` asks.
struct QuestionArguments {
  std::string operation, client_id, address, listener;
  std::optional<std::string> topic, user;
  int qos = 0;
  bool retained = false;
};

// How the document of `policy import` is written, and whether anything is made of it.
struct ImportArguments {
  std::string format = "sluice";
  bool dry_run = false;
};

// Which subscriptions of all clients `subscription list` is to show.
struct SubscriptionArguments {
  std::string topic, filter_prefix, group;
};

// Which dead letters are meant, by `list`, or by an action on all of them.
struct LetterArguments {
  std::string error, reason, filter, client_id, from, to;
};

// What `audit list` looks for.
struct AuditArguments {
  std::string user, operation, subject, outcome, from, to;
  std::size_t limit = 50;
};

// What `event list`, `client events` and `task events` look for.
struct EventArguments {
  std::string kind, event, subject, from, to;
  std::size_t limit = 50;
  bool watch = false;  // go on with what happens
};

enum class OutputFormat : std::uint8_t { Table, Json };

struct RestCommand {
  const Noun* noun = nullptr;
  std::string verb;
  std::string name;                 // of the entity, or what `create` was given
  std::optional<std::string> file;  // a JSON document; `-`: standard input
  std::optional<std::string> password;
  std::optional<std::string> password_file;
  std::optional<std::string> role;  // of an administrator or a token
  TokenArguments token;
  AuditArguments audit;
  EventArguments event;
  bool verify = true;            // connection create
  std::string topic;             // that verification is to try to write to
  bool restart = true;           // connection update: its tasks
  bool creates_account = false;  // task create
  std::string other;             // task copy, replay: the new name; task seek: where to
  bool previews = false;         // task seek, replay: say what it would mean alone
  struct {
    std::string from, to = "now", topic;
  } replay;
  std::string where;             // subscription add: its condition
  std::string contains;          // a list: a part of names
  std::string sort;              // a list: what it goes by, with a `-` in front downwards
  std::vector<std::string> ids;  // dead-letter: of messages
  bool all = false;              // of them, or all that match
  LetterArguments letters;
  bool force = false;    // group delete: with members in it; update: a source leaves its session
  bool repeats = false;  // a list: again and again
  MessageArguments message;
  DrainArguments drain;
  QuestionArguments question;
  ImportArguments import;
  SubscriptionArguments subscription;
  OutputFormat output = OutputFormat::Table;
};

// Where the server is and who asks: from the environment, else from DATA/run of a server here.
struct RestTarget {
  std::string url = "http://127.0.0.1:8080";
  std::string token;
  std::string user;  // with `password`: log in first
  std::string password;
  std::string certificate_pem;  // of the server of DATA; empty: whom the machine trusts
};
using Environment = std::vector<std::pair<std::string, std::string>>;
// `data`: of --data; not given, DATA is what the variable SLUICE_DATA or the default says, and its
// token is sent to this machine only. Fails: no token and no user.
[[nodiscard]] Result<RestTarget> find_rest_target(const Environment& environment,
                                                  const std::optional<std::string>& data);

// The document at `path` under /api/v1, for who has a token.
[[nodiscard]] Result<boost::json::object> get_document(const RestTarget& target,
                                                       const std::string& path);

// Runs it and prints the answer. Returns the exit code.
int run_rest_command(const RestCommand& command, const RestTarget& target);

}  // namespace sluice::app
