// Dead letters over REST, and the preview of a task.
#include <algorithm>
#include <memory>

#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/letter_query.hpp"
#include "admin/message_json.hpp"
#include "admin/page.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using schema::Type;

constexpr std::int64_t kMostIds = 1000;

Response invalid_document(std::string pointer, std::string detail) {
  return problem_response(Problem{.status = 422,
                                  .code = "invalid_document",
                                  .detail = "the document is not valid",
                                  .hint = "`fields` says where and what is right",
                                  .fields = {{std::move(pointer), std::move(detail)}}});
}

Response no_letter() {
  return problem_response(
      Problem{.status = 404,
              .code = "not_found",
              .detail = "this is no id of a message",
              .hint = "an id has 32 hexadecimal digits, as /dead-letters shows it"});
}

// The id in the path.
std::optional<model::MessageId> letter_of(const Call& call) {
  return model::parse_message_id(call.parts.at(1));
}

// A sample that is given, with the memory that its message points into.
struct Sample {
  broker::OutsideMessage given;
  std::string host;
  model::Message message;
};

// The message of a preview is one that is published, and says in addition what only the server
// knows of a received one.
const schema::Fields& sample_fields() {
  static const schema::Fields kFields = [] {
    auto fields = message_fields();
    fields.push_back({.name = "host",
                      .help = "The publisher's address.",
                      .fallback = "127.0.0.1",
                      .maximum = 256});
    fields.push_back({.name = "packet_id",
                      .type = Type::Integer,
                      .help = "Of the PUBLISH; 0 for QoS 0.",
                      .minimum = 0,
                      .maximum = 65'535});
    fields.push_back({.name = "dup",
                      .type = Type::Boolean,
                      .help = "Whether the PUBLISH was sent again.",
                      .fallback = false});
    return fields;
  }();
  return kFields;
}

tl::expected<std::unique_ptr<Sample>, Response> sample_of(const json::object& document,
                                                          const Clock& clock) {
  auto checked = schema::check(sample_fields(), document, "/message");
  if (!checked.problems.empty())
    return tl::unexpected(
        problem_response(Problem{.status = 422,
                                 .code = "invalid_document",
                                 .detail = "the message is not valid",
                                 .hint = R"(send {"topic": "...", "payload": "..."})",
                                 .fields = checked.problems}));
  auto published = document;
  for (const auto* name : {"host", "packet_id", "dup"}) published.erase(name);
  auto parsed = parse_message(published);
  if (!parsed) {
    for (auto& field : parsed.error().fields) field.pointer.insert(0, "/message");
    return tl::unexpected(problem_response(parsed.error()));
  }
  auto sample = std::make_unique<Sample>();
  sample->given = std::move(*parsed);
  sample->host = std::string(checked.value.at("host").as_string());
  const auto& given = sample->given;
  const auto now_ms = clock.wall_ms();
  const auto* packet_id = checked.value.if_contains("packet_id");
  const bool has_packet_id = packet_id != nullptr && packet_id->is_int64();
  sample->message = {
      .id = {.time_and_node = static_cast<std::uint64_t>(now_ms) << 16, .position = 0},
      .timestamp_ms = now_ms,
      .topic = given.topic,
      .payload = given.payload,
      .properties = given.properties,
      .client_id = given.client.client_id,
      .host = sample->host,
      .username = given.client.username,
      .packet_id = static_cast<std::uint16_t>(has_packet_id ? packet_id->get_int64()
                                              : given.qos == mqtt::Qos::AtMostOnce ? 0
                                                                                   : 1),
      .qos = static_cast<std::uint8_t>(given.qos),
      .retain = given.retain,
      .dup = checked.value.at("dup").as_bool(),
      .has_username = given.client.has_username};
  return sample;
}

}  // namespace

Response list_dead_letters(Context& context, const Call& call) {
  auto first = call;
  first.query.erase("page");  // is the runtime's own
  const auto page = page_request(first);
  if (!page) return page.error();
  const auto filter = letter_filter(call);
  if (!filter) return filter.error();
  const auto after = call.parameter("page").value_or("");
  if (after.find_first_not_of("0123456789") != std::string::npos)
    return wrong_parameter("page", "must be the `next` of the page before");
  return entity_response(
      context.sources.integration.dead_letters(call.name(), page->limit, after, *filter));
}

Response preview_dead_letters(Context& context, const Call& call) {
  const auto filter = letter_filter(call);
  if (!filter) return filter.error();
  return entity_response(context.sources.integration.count_dead_letters(call.name(), *filter));
}

// What is known beforehand: no letter is read.
Response list_letters_of_tasks(Context& context, const Call& call) {
  const auto& owner = context.sources.integration;
  auto tasks = owner.letters_of_tasks();
  std::uint64_t letters = 0;
  std::uint64_t bytes = 0;
  for (const auto& task : tasks) {
    letters += task.at("dead_letters").to_number<std::uint64_t>();
    bytes += task.at("bytes").to_number<std::uint64_t>();
  }
  return list_response(
      call, std::move(tasks),
      {{"dead_letters", letters}, {"bytes", bytes}, {"maximum_bytes", owner.dead_letter_bound()}});
}

Response show_dead_letter(Context& context, const Call& call) {
  const auto id = letter_of(call);
  if (!id) return no_letter();
  return entity_response(context.sources.integration.dead_letter(call.name(), *id));
}

const schema::Fields& redrive_fields() {
  static const schema::Fields kFields = {
      {.name = "message_ids",
       .type = Type::TextList,
       .help = "Which of them: 32 hexadecimal digits each.",
       .minimum = 1,
       .maximum = kMostIds},
      {.name = "all",
       .type = Type::Boolean,
       .help = "All of them that the query's filters match, in place of `message_ids`.",
       .fallback = false},
  };
  return kFields;
}

Response redrive_dead_letters(Context& context, const Call& call) {
  const auto checked = schema::check(redrive_fields(), call.body);
  if (!checked.problems.empty())
    return problem_response(Problem{.status = 422,
                                    .code = "invalid_document",
                                    .detail = "this does not say which letters",
                                    .hint = R"(send {"message_ids": ["..."]} or {"all": true})",
                                    .fields = checked.problems});
  const bool all = checked.value.at("all").as_bool();
  const auto* which = checked.value.if_contains("message_ids");
  const bool has_ids = which != nullptr && which->is_array();  // null says nothing
  if (all == has_ids)
    return invalid_document("/message_ids", "give either `message_ids` or `all`: true");
  const auto filter = letter_filter(call);
  if (!filter) return filter.error();
  if (has_ids && !filter->is_empty())
    return invalid_document("/message_ids", "filters go with `all`: true");
  std::vector<model::MessageId> ids;
  if (has_ids) {
    for (const auto& text : which->get_array()) {
      const auto id = model::parse_message_id(text.as_string());
      const auto pointer = "/message_ids/" + std::to_string(ids.size());
      if (!id)
        return invalid_document(pointer,
                                "must be 32 hexadecimal digits, as /dead-letters shows it");
      if (std::ranges::find(ids, id->position, &model::MessageId::position) != ids.end())
        return invalid_document(pointer, "is there already: it would be sent twice");
      ids.push_back(*id);
    }
  }
  return entity_response(context.sources.integration.redrive(call.name(), ids, *filter));
}

Response redrive_dead_letter(Context& context, const Call& call) {
  const auto id = letter_of(call);
  if (!id) return no_letter();
  auto& owner = context.sources.integration;
  if (const auto letter = owner.dead_letter(call.name(), *id); !letter)
    return problem_response(letter.error());
  return entity_response(owner.redrive(call.name(), std::span(&*id, 1)));
}

Response delete_dead_letter(Context& context, const Call& call) {
  const auto id = letter_of(call);
  if (!id) return no_letter();
  return deleted_response(context.sources.integration.remove_dead_letter(call.name(), *id));
}

Response delete_dead_letters(Context& context, const Call& call) {
  const auto filter = letter_filter(call);
  if (!filter) return filter.error();
  auto& owner = context.sources.integration;
  if (filter->is_empty()) return deleted_response(owner.remove_dead_letters(call.name()));
  return entity_response(owner.remove_dead_letters(call.name(), *filter));
}

const schema::Fields& preview_fields() {
  static const schema::Fields kFields = {
      {.name = "task",
       .type = Type::Any,
       .help = "Name or id of a saved task, or the document of one that is not.",
       .required = true},
      {.name = "message_id", .help = "A stored message, by its id: 32 hexadecimal digits."},
      {.name = "message",
       .type = Type::Object,
       .help = "A message that is given, in place of `message_id`.",
       .nullable = true,
       .fields = sample_fields()},
  };
  return kFields;
}

Response preview_task(Context& context, const Call& call) {
  const auto* given = call.body.if_contains("message");
  const bool has_message = given != nullptr && given->is_object();
  const auto* stored = call.body.if_contains("message_id");
  const auto checked = schema::check(preview_fields(), call.body);
  if (!checked.problems.empty())
    return problem_response(Problem{.status = 422,
                                    .code = "invalid_document",
                                    .detail = "the preview's document is not valid",
                                    .hint = R"(send {"task": "...", "message_id": "..."})",
                                    .fields = checked.problems});
  if (has_message == (stored != nullptr))
    return invalid_document("/message", "give either `message` or `message_id`");
  const auto& task = call.body.at("task");
  if (!task.is_string() && !task.is_object())
    return invalid_document("/task", "must be a name, or a task's document");
  auto& owner = context.sources.integration;
  if (has_message) {
    const auto sample = sample_of(given->get_object(), context.sources.clock);
    if (!sample) return sample.error();
    return entity_response(owner.preview(task, (*sample)->message));
  }
  const auto id = model::parse_message_id(stored->get_string());
  if (!id)
    return invalid_document("/message_id",
                            "must be 32 hexadecimal digits, as GET /messages shows it");
  const auto message = context.sources.store.message_at(store::Position(id->position));
  if (!message || (*message)->id != *id)
    return problem_response(Problem{.status = 404,
                                    .code = "not_found",
                                    .detail = "there is no message with this id",
                                    .hint = "GET /messages finds messages by topic"});
  return entity_response(owner.preview(task, **message));
}

}  // namespace sluice::admin
