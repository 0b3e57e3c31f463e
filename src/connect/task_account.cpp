#include "connect/task_account.hpp"

#include <algorithm>

#include "connect/local_sink.hpp"

namespace sluice::connect {
namespace {

using schema::Problem;

// Its text has no `/` in it, whatever comes.
bool is_one_level(const Template::Part& part) {
  if (part.fallback && part.fallback->find('/') != std::string::npos) return false;
  switch (*part.name) {
    case TemplateName::TopicLevel:
    case TemplateName::Qos:
    case TemplateName::Retain:
    case TemplateName::Dup:
    case TemplateName::MessageId:
    case TemplateName::Timestamp:
    case TemplateName::Node:
      return true;
    default:
      return false;
  }
}

// Every topic that the template can make. A level with something in it that has no `/` is `+`; from
// the first that may have one on it is `#`.
std::string widest_filter(const Template& topic) {
  std::string filter;
  bool is_any = false;  // the level that is being read
  for (const auto& part : topic.parts()) {
    if (!part.name) {
      for (const char each : part.literal) {
        if (each == '/') is_any = false;
        if (!is_any) filter += each;
      }
      continue;
    }
    const auto level = filter.rfind('/') + 1;  // npos + 1 is 0
    filter.resize(is_any ? filter.size() - 1 : level);
    is_any = is_one_level(part);
    filter += is_any ? '+' : '#';
    if (!is_any) return filter;
  }
  return filter;
}

std::string lacks(const TaskSpec& spec, std::string_view what, const std::string& why) {
  return "the account `" + spec.account + "` may not " + std::string(what) + ": " + why;
}

// `place`: of the topic, in the document.
std::vector<Problem> missing_to_publish(const TaskSpec& spec, std::string_view place,
                                        const Template& made, mqtt::Qos qos, bool retain,
                                        const broker::AccountRights& rights) {
  if (const auto topic = made.constant()) {
    const auto why = rights.why_not_publish(*topic, qos, retain);
    if (why.empty()) return {};
    return {{std::string(place), lacks(spec, "publish `" + std::string(*topic) + '`', why)}};
  }
  if (rights.may_publish_something()) return {};
  return {{std::string(place), lacks(spec, "publish anything", "no policy allows it")}};
}

}  // namespace

std::vector<std::string> needed_resources(const TaskSpec& spec) {
  if (spec.is_inbound()) return {widest_filter(spec.inbound.topic)};
  return spec.filters;
}

std::string place_of_resource(const TaskSpec& spec, std::size_t n) {
  return spec.is_inbound() ? "/map/topic" : "/source/filters/" + std::to_string(n);
}

std::vector<std::string> copied_here(const TaskSpec& spec) {
  if (!spec.letter_copy || spec.letter_copy->type != kLocal) return {};
  return {widest_filter(spec.letter_copy->topic)};
}

bool needs_same_rights(const TaskSpec& before, const TaskSpec& after) {
  const auto constant = [](const TaskSpec& spec) { return spec.inbound.topic.constant(); };
  return before.account == after.account && before.workers >= after.workers &&
         needed_resources(before) == needed_resources(after) &&
         (copied_here(after).empty() || copied_here(before) == copied_here(after)) &&
         constant(before) == constant(after) && before.inbound.qos == after.inbound.qos &&
         before.inbound.retain == after.inbound.retain;
}

std::vector<Problem> missing_rights(const TaskSpec& spec, const broker::AccountRights& rights) {
  if (!rights.exists()) return {{"/account", "there is no user `" + spec.account + '`'}};
  if (spec.is_inbound())
    return missing_to_publish(spec, "/map/topic", spec.inbound.topic,
                              spec.inbound.qos.value_or(mqtt::Qos::AtLeastOnce),
                              spec.inbound.retain.value_or(false), rights);
  std::vector<Problem> problems;
  for (std::size_t i = 0; i < spec.filters.size(); ++i) {
    const auto& filter = spec.filters[i];
    if (const auto why = rights.why_not_read(filter); !why.empty())
      problems.push_back(
          {place_of_resource(spec, i), lacks(spec, "subscribe to `" + filter + '`', why)});
  }
  return problems;
}

std::vector<Problem> missing_copy_rights(const TaskSpec& spec,
                                         const broker::AccountRights& rights) {
  if (copied_here(spec).empty()) return {};
  return missing_to_publish(spec, kCopyTopic, spec.letter_copy->topic, LocalSink::kQos, false,
                            rights);
}

}  // namespace sluice::connect
