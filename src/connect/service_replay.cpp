// A range of the log once more: by a task of its own, so that it survives a restart, has a place,
// dead letters and figures as every task, and holds up nobody.
#include "connect/documents.hpp"
#include "connect/merge_patch.hpp"
#include "connect/service_state.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

constexpr int kMostNames = 1000;

// Without what of the task's document would pass over, or hold up, what is old on purpose.
json::object document_of(json::object document, const json::object& range) {
  document = merge_patch(std::move(document),
                         json::object{{"enabled", true},
                                      {"delivery", json::object{{"backpressure", "buffer"},
                                                                {"maximum_age", nullptr},
                                                                {"drain", "in_order"}}}});
  auto& source = document["source"].as_object();
  source["start"] = range.at("from");
  source["end"] = range.at("to");
  if (const auto& topic = range.at("topic").as_string(); !topic.empty())
    document["map"].as_object()["topic"] = topic;
  return document;
}

tl::unexpected<Refusal> reads_no_range() {
  return refuse({.errc = Errc::WrongState,
                 .code = "wrong_state",
                 .detail = "the task brings messages in, and reads no range of this server's log",
                 .hint = "seek it: from Kafka it goes back",
                 .fields = {}});
}

}  // namespace

Outcome<json::object> Service::preview_seek(std::string_view which, const Start& start) const {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (task->spec().is_inbound()) return reads_no_range();
  const auto effect = task->effect_of_seek(start);
  if (!effect) return failed(effect.error());
  return json::object{{"again", effect->again.messages},
                      {"again_at_least", effect->again.is_least},
                      {"passed_over", effect->passed_over.messages},
                      {"passed_over_at_least", effect->passed_over.is_least}};
}

Outcome<json::object> Service::preview_replay(std::string_view which, const Start& from,
                                              const Start& to) const {
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (task->spec().is_inbound()) return reads_no_range();
  const auto count = task->count_range(from, to);
  if (!count && count.error().code == Errc::InvalidArgument)
    return refuse({.errc = Errc::InvalidArgument,
                   .code = "invalid_document",
                   .detail = "this is no range",
                   .hint = "`to` may be left out: it is now",
                   .fields = {{"/to", count.error().detail}}});
  if (!count) return failed(count.error());
  return json::object{{"messages", count->messages}, {"at_least", count->is_least}};
}

Outcome<json::object> Service::replay_task(std::string_view which, const json::object& range) {
  auto checked = schema::check(replay_fields(), range);
  if (!checked.problems.empty())
    return refuse({.errc = Errc::InvalidArgument,
                   .code = "invalid_document",
                   .detail = "this does not say what is to go again",
                   .hint = R"(send {"from": "earliest", "topic": "again"}, for example)",
                   .fields = std::move(checked.problems)});
  const auto task = state_->find_task(which);
  if (!task) return not_found("task", which);
  if (task->spec().is_inbound()) return reads_no_range();
  auto document = document_of(task->record().document, checked.value);
  auto name = std::string(checked.value.at("name").as_string());
  if (name.empty()) {
    name = task->name() + "-replay";
    for (int number = 2; state_->find_task(name) && number < kMostNames; ++number)
      name = task->name() + "-replay-" + std::to_string(number);
  }
  document["name"] = std::move(name);
  auto made = create_task(document);
  if (made) return made;
  // The caller knows the places by other names.
  for (auto& field : made.error().fields) {
    if (field.pointer == "/source/start") field.pointer = "/from";
    if (field.pointer == "/source/end") field.pointer = "/to";
    if (field.pointer == "/map/topic") field.pointer = "/topic";
  }
  return made;
}

}  // namespace sluice::connect
