#include "app/rest_arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace sluice::app {
namespace {

// An empty value is a variable that was not set: it must not stand for all there is.
void refuse_empty(CLI::App& command) {
  static const CLI::Validator kGiven(
      [](const std::string& value) {
        return value.empty() ? std::string("must not be empty: leave it out") : std::string();
      },
      "");
  for (auto* option : command.get_options()) {
    if (!option->get_positional() && option->get_type_size() > 0) option->check(kGiven);
  }
}

// From when to when, and how many, of records that come with a time.
template <class Arguments>
void add_stretch(CLI::App& command, Arguments& of) {
  command.add_option("--from", of.from, "Then or later: 2026-03-01T12:00:00Z")->type_name("TIME");
  command.add_option("--to", of.to, "Before then")->type_name("TIME");
  command.add_option("--limit", of.limit, "How many at most, the newest first")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  refuse_empty(command);
}

std::vector<CLI::Option*> add_letter_filters(CLI::App& command, LetterArguments& letters) {
  return {
      command.add_option("--class", letters.error, "Only of this kind of error")
          ->check(CLI::IsMember({"unmapped", "refused", "denied", "given_up"})),
      command.add_option("--reason", letters.reason, "Only with this in their reason")
          ->type_name("TEXT"),
      command.add_option("--filter", letters.filter, "Only of topics that this filter matches")
          ->type_name("FILTER"),
      command.add_option("--client-id", letters.client_id, "Only of this client's messages")
          ->type_name("CLIENT"),
      command
          .add_option("--from", letters.from, "Rejected, last, then or later: 2026-03-01T12:00:00Z")
          ->type_name("TIME"),
      command.add_option("--to", letters.to, "Rejected, last, before then")->type_name("TIME")};
}

// `client_id_contains`: what is looked at is the client id.
std::string in_words(std::string_view contains) {
  std::string words(contains.substr(0, contains.rfind('_')));
  std::ranges::replace(words, '_', ' ');
  return words;
}

}  // namespace

void add_audit_arguments(CLI::App& command, AuditArguments& audit) {
  command.add_option("--user", audit.user, "Only by this account")->type_name("NAME");
  command.add_option("--operation", audit.operation, "Only this, such as createPolicy")
      ->type_name("ID");
  command.add_option("--subject", audit.subject, "Only with this name, or client id")
      ->type_name("NAME");
  command.add_option("--outcome", audit.outcome, "Only done, failed, refused or unknown")
      ->type_name("OUTCOME");
  add_stretch(command, audit);
}

void add_event_arguments(CLI::App& command, EventArguments& event, bool of_all) {
  if (of_all) {
    command.add_option("--kind", event.kind, "Only clients, sessions, messages or tasks")
        ->type_name("KIND");
    command.add_option("--subject", event.subject, "Only of this client id, or task")
        ->type_name("NAME");
  }
  command.add_option("--event", event.event, "Only these, such as client.connected")
      ->type_name("EVENT");
  add_stretch(command, event);
  command.add_flag("--watch", event.watch, "Go on with what happens, newest last");
}

void add_new_password_argument(CLI::App& command, RestCommand& rest) {
  command
      .add_option("--new-password-file", rest.password_file,
                  "File with the new password; -: standard input")
      ->type_name("FILE")
      ->required();
}

void add_import_arguments(CLI::App& command, RestCommand& rest) {
  command.add_option("file", rest.file, "JSON document; -: standard input")
      ->type_name("FILE")
      ->required();
  command.add_option("--format", rest.import.format, "sluice: as `policy list -o json`; tdmq")
      ->check(CLI::IsMember({"sluice", "tdmq"}))
      ->capture_default_str();
  command.add_flag("--dry-run", rest.import.dry_run, "Make nothing; tell what would be");
}

void add_question_arguments(CLI::App& command, QuestionArguments& asked) {
  command.add_option("operation", asked.operation, "connect, publish, subscribe or receive")
      ->check(CLI::IsMember({"connect", "publish", "subscribe", "receive"}))
      ->required();
  command.add_option("topic", asked.topic, "The topic, or the filter of a subscription");
  command.add_option("--user", asked.user, "Its user name; without one it has none");
  command.add_option("--client-id", asked.client_id, "Its client id");
  command.add_option("--address", asked.address, "From which address it comes")
      ->type_name("ADDRESS");
  command.add_option("--listener", asked.listener, "Through which listener; admin: by REST");
  command.add_option("--qos", asked.qos, "Quality of service: 0, 1 or 2")
      ->check(CLI::Range(0, 2))
      ->capture_default_str();
  command.add_flag("--retained", asked.retained, "The publish has the retain flag");
}

void add_subscription_arguments(CLI::App& command, std::string_view verb, RestCommand& rest) {
  auto* client = command.add_option("client", rest.name, "Its client id")->type_name("CLIENT");
  if (verb == "list") {
    auto& wanted = rest.subscription;
    client->description("Only those of this client");
    command.add_option("--topic", wanted.topic, "Only filters that match this topic");
    command.add_option("--filter-prefix", wanted.filter_prefix, "Only filters that begin so");
    command.add_option("--group", wanted.group, "Only those in this shared group");
    return;  // what a list has besides is add_list_arguments()'s
  }
  client->required();
  command.add_option("filter", rest.other, "Topic filter")->type_name("FILTER")->required();
  if (verb != "add") return;
  command.add_option("--qos", rest.message.qos, "Quality of service: 0, 1 or 2")
      ->check(CLI::Range(0, 2))
      ->capture_default_str();
  command.add_option("--where", rest.where, "Only messages that meet this condition")
      ->type_name("CONDITION");
}

void add_list_arguments(CLI::App& command, const Noun& noun, RestCommand& rest) {
  const auto& [contains, sorts] = noun.list;
  if (!contains.empty()) {
    command
        .add_option(
            "--contains", rest.contains,
            fmt::format("Only those with this in their {}; case counts", in_words(contains)))
        ->type_name("TEXT");
  }
  // Which there are is the server's to say: it may be another version.
  if (!sorts.empty()) {
    command.add_option("--sort", rest.sort, "What it goes by; with a - in front downwards")
        ->type_name(fmt::format("FIELD:{{{}}}", fmt::join(sorts, ",")));
  }
  refuse_empty(command);
}

void add_dead_letter_arguments(CLI::App& command, std::string_view verb, RestCommand& rest) {
  auto* task = command.add_option("task", rest.name, "Name or id of the task")->type_name("TASK");
  if (verb == "list") {
    task->description("Name or id of the task; without one: the tasks that have some");
    for (auto* filter : add_letter_filters(command, rest.letters)) filter->needs(task);
    return;  // what a list has besides is add_list_arguments()'s
  }
  task->required();
  auto* ids = command.add_option("ids", rest.ids, "Ids of their messages")->type_name("ID");
  if (verb == "show") {
    ids->required()->expected(1);
  } else {
    auto* all = command.add_flag("--all", rest.all, "All of them, or all that match");
    all->excludes(ids);
    for (auto* filter : add_letter_filters(command, rest.letters)) filter->needs(all);
  }
  refuse_empty(command);
}

void add_drain_arguments(CLI::App& command, RestCommand& rest) {
  auto& drain = rest.drain;
  command.add_option("--to", drain.server, "The other server, as host:port")->type_name("SERVER");
  command.add_flag("--permanently", drain.permanently, "They need not come back");
  command.add_option("--per-second", drain.per_second, "So many clients a second")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  refuse_empty(command);
}

void add_seek_arguments(CLI::App& command, RestCommand& rest) {
  command.add_option("--to", rest.other, "now, earliest, 2026-03-01T12:00:00Z, or a position")
      ->type_name("PLACE")
      ->required();
  command.add_flag("--dry-run", rest.previews,
                   "Move nothing; tell what would go again, and what would be passed over");
}

void add_replay_arguments(CLI::App& command, RestCommand& rest) {
  auto& replay = rest.replay;
  command
      .add_option("--from", replay.from,
                  "The first message: earliest, 2026-03-01T12:00:00Z, or a position")
      ->type_name("PLACE")
      ->required();
  command.add_option("--to", replay.to, "The last one: now, a time (before it), or a position")
      ->type_name("PLACE")
      ->capture_default_str();
  command.add_option("--topic", replay.topic, "Where to; without it where the task itself writes")
      ->type_name("TOPIC");
  command.add_option("--name", rest.other, "Of the task that does it; else NAME-replay")
      ->type_name("NAME");
  command.add_flag("--dry-run", rest.previews, "Make nothing; tell how many messages it would be");
  refuse_empty(command);
}

void add_message_arguments(CLI::App& command, std::string_view verb, RestCommand& rest) {
  auto& message = rest.message;
  if (verb == "list") {
    command.add_option("--filter", message.filter, "Topic filter; without one all messages")
        ->type_name("FILTER");
    command.add_option("--from", message.from, "Stored then or later: 2026-03-01T12:00:00Z")
        ->type_name("TIME");
    command.add_option("--to", message.to, "Stored before then")->type_name("TIME");
    command.add_option("--order", message.order, "newest or oldest first")->capture_default_str();
    command.add_option("--limit", message.limit, "How many at most")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
        ->capture_default_str();
    return;
  }
  command.add_option("topic", rest.name, "Topic name")->type_name("TOPIC")->required();
  auto* payload = command.add_option("--payload", message.payload, "The payload, as text");
  command.add_option("-f,--file", rest.file, "File that holds the payload; -: standard input")
      ->type_name("FILE")
      ->excludes(payload);
  command.add_option("--qos", message.qos, "Quality of service: 0, 1 or 2")
      ->check(CLI::Range(0, 2))
      ->capture_default_str();
  command.add_flag("--retain", message.retain, "Keep it as the topic's retained message");
  command.add_option("--username", message.username,
                     "MQTT user whose policies decide; without one your own right does");
  command.add_option("--content-type", message.content_type, "MQTT 5 content type");
}

}  // namespace sluice::app
