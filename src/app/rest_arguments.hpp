// What single verbs take: options of the command line, into what is asked over REST.
#pragma once
#include <CLI/App.hpp>
#include <string_view>

#include "app/rest_commands.hpp"

namespace sluice::app {

void add_audit_arguments(CLI::App& command, AuditArguments& audit);
void add_dead_letter_arguments(CLI::App& command, std::string_view verb, RestCommand& rest);
// What the noun's table says that its list takes.
void add_list_arguments(CLI::App& command, const Noun& noun, RestCommand& rest);
void add_drain_arguments(CLI::App& command, RestCommand& rest);
void add_seek_arguments(CLI::App& command, RestCommand& rest);
void add_replay_arguments(CLI::App& command, RestCommand& rest);
// `of_all`: otherwise of one that is named.
void add_event_arguments(CLI::App& command, EventArguments& event, bool of_all);
void add_new_password_argument(CLI::App& command, RestCommand& rest);
void add_import_arguments(CLI::App& command, RestCommand& rest);
void add_question_arguments(CLI::App& command, QuestionArguments& asked);
// `list` and `publish`.
void add_message_arguments(CLI::App& command, std::string_view verb, RestCommand& rest);
void add_subscription_arguments(CLI::App& command, std::string_view verb, RestCommand& rest);

}  // namespace sluice::app
