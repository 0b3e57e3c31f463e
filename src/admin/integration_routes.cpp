#include "admin/integration_routes.hpp"

#include "admin/actions.hpp"
#include "admin/letter_query.hpp"
#include "admin/page.hpp"
#include "connect/documents.hpp"

namespace sluice::admin {
namespace {

using enum Method;

constexpr Parameter kId{"id", "Only the one with this id."};
constexpr Parameter kStatus{"status", "Only those with this status."};
constexpr Parameter kType{"type", "Only those of this type."};
constexpr Parameter kVerify{"verify", "false: save it without reaching the other side."};
constexpr Parameter kTopic{"topic", "Find out, too, whether records may be written to this topic."};
constexpr Parameter kForce{
    "force", "true: also where a source leaves behind what it has at the other side."};

}  // namespace

std::vector<Route> connection_routes() {
  return {
      {.method = Post,
       .path = "/api/v1/connections",
       .id = "createConnection",
       .summary = "Save the address and credentials of an outside system, once verified.",
       .answers = {201},
       .run = create_connection,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document_of = "Connection",
       .query = {kVerify, kTopic}},
      {.path = "/api/v1/connections",
       .id = "listConnections",
       .summary = "Connections, by name, or as `sort` says.",
       .run = list_connections,
       .guard = Guard::Viewer,
       .query = {kName, kNameContains, kId, kStatus, kType, sort_by(kConnectionSorts)},
       .is_list = true},
      {.method = Post,
       .path = "/api/v1/connections:verify",
       .id = "verifyConnection",
       .summary = "Try settings that are not saved: `ok` and every step.",
       .run = verify_connection,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document_of = "Connection",
       .query = {kTopic}},
      {.path = "/api/v1/connections/{name}",
       .id = "showConnection",
       .summary = "One connection; secrets are masked.",
       .run = show_connection,
       .guard = Guard::Viewer},
      {.method = Post,
       .path = "/api/v1/connections/{name}:verify",
       .id = "verifySavedConnection",
       .summary = "Try a saved connection: `ok` and every step.",
       .run = verify_saved_connection,
       .guard = Guard::Operator,
       .query = {kTopic}},
      {.method = Patch,
       .path = "/api/v1/connections/{name}",
       .id = "changeConnection",
       .summary = "Change a connection, once verified, and restart its tasks: what is in flight is "
                  "settled first, and each goes on where it stopped.",
       .run = change_connection,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "Connection",
       .query = {kVerify,
                 kTopic,
                 {"restart_tasks",
                  "false: tasks go on with the old settings until they start "
                  "again."},
                 kForce}},
      {.method = Delete,
       .path = "/api/v1/connections/{name}",
       .id = "deleteConnection",
       .summary = "Delete a connection that no task uses.",
       .answers = {204},
       .run = delete_connection,
       .guard = Guard::Administrator},
  };
}

std::vector<Route> task_routes() {
  return {
      {.method = Post,
       .path = "/api/v1/imports/{format}",
       .id = "importFlow",
       .summary = "A connection and a task from another server's document as it is, and notes on "
                  "what is not as it was there. Formats: `tbmq`, a Kafka integration of TBMQ; "
                  "`emqx`, {\"action\", \"connector\", \"rule\"} of EMQX.",
       .answers = {201},
       .run = import_flow,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .query = {kVerify, kTopic}},
      {.method = Post,
       .path = "/api/v1/tasks",
       .id = "createTask",
       .summary = "Make a task; it starts unless `enabled` is false.",
       .answers = {201},
       .run = create_task,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document_of = "Task",
       .query = {{"create_account",
                  "true: make the user that it runs as, too, with policies for exactly what it "
                  "reads or publishes; nothing is made unless all is. They go with the task."}}},
      {.method = Post,
       .path = "/api/v1/tasks:preview",
       .id = "previewTask",
       .summary = "The record that a task, saved or not, makes of a stored or given message; or "
                  "why it makes none. Nothing is written.",
       .run = preview_task,
       .guard = Guard::Operator,
       .body = Body::Document,
       .document = preview_fields,
       .is_audited = false},
      {.path = "/api/v1/tasks",
       .id = "listTasks",
       .summary = "Tasks with their status, by name, or as `sort` says.",
       .run = list_tasks,
       .guard = Guard::Viewer,
       .query = {kName, kNameContains, kId, kStatus, sort_by(kTaskSorts)},
       .is_list = true},
      {.path = "/api/v1/tasks/{name}",
       .id = "showTask",
       .summary = "One task with its status.",
       .run = show_task,
       .guard = Guard::Viewer},
      {.method = Patch,
       .path = "/api/v1/tasks/{name}",
       .id = "changeTask",
       .summary = "Change a task, while it runs too: what is in flight is settled first, and it "
                  "goes on where it stopped. A filter that is added counts from now on.",
       .answers = {200, 202},
       .run = change_task,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "Task",
       .query = {kForce}},
      {.method = Post,
       .path = "/api/v1/tasks/{name}:copy",
       .id = "copyTask",
       .summary = "Make a task like this one, with these changes: a `name` at least. It does not "
                  "run unless they say `enabled`.",
       .answers = {201},
       .run = copy_task,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "Task"},
      {.method = Post,
       .path = "/api/v1/tasks/{name}:start",
       .id = "startTask",
       .summary = "Start a paused or failed task where it stopped.",
       .answers = {200, 202},
       .run = start_task,
       .guard = Guard::Operator},
      {.method = Post,
       .path = "/api/v1/tasks/{name}:pause",
       .id = "pauseTask",
       .summary = "Pause a task; what is in flight is settled first.",
       .run = pause_task,
       .guard = Guard::Operator},
      {.method = Post,
       .path = "/api/v1/tasks/{name}:seek",
       .id = "seekTask",
       .summary = "Go on from another place in the log; what is in flight is settled first.",
       .answers = {200, 202},
       .run = seek_task,
       .guard = Guard::Operator,
       .body = Body::Document,
       .document = connect::seek_fields},
      {.method = Post,
       .path = "/api/v1/tasks/{name}:replay",
       .id = "replayTask",
       .summary = "Send a range of the log again, to another topic: by a task of its own, which is "
                  "`finished` when it has. Deleting it takes nothing back.",
       .answers = {201},
       .run = replay_task,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = connect::replay_fields},
      {.path = "/api/v1/tasks/{name}/seek-preview",
       .id = "previewSeek",
       .summary = "What a seek would mean, in messages: `again` go once more, `passed_over` wait "
                  "and would not be delivered. Nothing is moved. The log is counted for a second "
                  "or two; what has been counted by then is a lower bound, and `..._at_least` is "
                  "true.",
       .run = preview_seek,
       .guard = Guard::Viewer,
       .query = {{"start", "Where it would go on: `now`, `earliest`, a time, or a position."}},
       .takes_long = true,
       .is_query = true},
      {.path = "/api/v1/tasks/{name}/replay-preview",
       .id = "previewReplay",
       .summary = "How many messages a replay would take, counted likewise; what its condition and "
                  "processing do is not asked.",
       .run = preview_replay,
       .guard = Guard::Viewer,
       .query = {{"from", "The first: `now`, `earliest`, a time, or a position."},
                 {"to", "The last: `now`, a time (before it), or a position."}},
       .takes_long = true,
       .is_query = true},
      {.method = Delete,
       .path = "/api/v1/tasks/{name}",
       .id = "deleteTask",
       .summary = "Delete a task and its cursor.",
       .answers = {204},
       .run = delete_task,
       .guard = Guard::Administrator},
  };
}

std::vector<Route> dead_letter_routes() {
  return {
      {.path = "/api/v1/tasks/{name}/dead-letters",
       .id = "listDeadLetters",
       .summary =
           "Messages that the sink refused, with the reason, in the order of the log. A page "
           "may hold fewer than `limit`, or none, while `next` goes on: one request looks "
           "at a bounded part of them.",
       .run = list_dead_letters,
       .guard = Guard::Viewer,
       .query = letter_parameters(),
       .is_list = true,
       .is_query = true},
      {.path = "/api/v1/tasks/{name}/dead-letters-preview",
       .id = "previewDeadLetters",
       .summary = "What an action on all that match would take: `letters`, `bytes`. They are "
                  "counted for a second or two; what has been counted by then is a lower bound, "
                  "and `at_least` is true. Given to the action, `to` keeps from it what came "
                  "since.",
       .run = preview_dead_letters,
       .guard = Guard::Viewer,
       .query = letter_parameters(),
       .takes_long = true,
       .is_query = true},
      {.path = "/api/v1/dead-letters",
       .id = "listLettersOfTasks",
       .summary =
           "Tasks that have dead letters, by name: how many, with their bytes, when the task "
           "gave one up last, and the commonest `reason` with how many it is of; one of very "
           "many different reasons it may not know. Beside them the sum of all tasks, and "
           "the bound of its bytes.",
       .run = list_letters_of_tasks,
       .guard = Guard::Viewer,
       .query = {kName, kId},
       .is_list = true,
       .resource = "tasks"},
      {.path = "/api/v1/tasks/{name}/dead-letters/{id}",
       .id = "showDeadLetter",
       .summary = "One dead letter, whole.",
       .run = show_dead_letter,
       .guard = Guard::Viewer},
      {.method = Post,
       .path = "/api/v1/tasks/{name}/dead-letters:redrive",
       .id = "redriveDeadLetters",
       .summary =
           "Send dead letters again, by the task's document as it is now. A letter goes once "
           "its record is acknowledged; one that is refused again stays, with the new "
           "reason. Ends after half a minute: `left` says how many the task has still.",
       .run = redrive_dead_letters,
       .guard = Guard::Operator,
       .body = Body::Document,
       .document = redrive_fields,
       .query = letter_parameters()},
      {.method = Post,
       .path = "/api/v1/tasks/{name}/dead-letters/{id}:redrive",
       .id = "redriveDeadLetter",
       .summary = "Send one dead letter again.",
       .run = redrive_dead_letter,
       .guard = Guard::Operator},
      {.method = Delete,
       .path = "/api/v1/tasks/{name}/dead-letters/{id}",
       .id = "deleteDeadLetter",
       .summary = "Delete a dead letter: its message is given up.",
       .answers = {204},
       .run = delete_dead_letter,
       .guard = Guard::Operator},
      {.method = Delete,
       .path = "/api/v1/tasks/{name}/dead-letters",
       .id = "deleteDeadLetters",
       .summary = "Delete all dead letters of a task. With filters those that match: 200 says how "
                  "many it `deleted`, how many the task has `left`, and, when it `stopped` after "
                  "half a minute, that.",
       .answers = {200, 204},
       .run = delete_dead_letters,
       .guard = Guard::Operator,
       .query = letter_parameters()},
  };
}

}  // namespace sluice::admin
