#include "connect/task_spec.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"
#include "connect/documents.hpp"
#include "connect/source_spec.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using schema::Problem;
using std::chrono::milliseconds;

constexpr std::size_t kLongestSchema = 65536;
constexpr std::int64_t kHighestRate = 1'000'000;

std::string text_of(const json::value& value) {
  return std::string(value.as_string());
}

bool is_text(const json::value& value, std::string_view text) {
  return value.is_string() && std::string_view(value.get_string()) == text;
}

// Reads one checked document. A member function per part; problems collect.
class TaskReader {
 public:
  explicit TaskReader(std::vector<Problem>& problems) : problems_(problems) {}

  void source(const json::object& source);
  void mapping(const json::object& map);
  void delivery(const json::object& delivery);
  void where(const json::value& where);
  void steps(const json::object& document) { read_steps(document, spec_.steps, problems_); }
  TaskSpec take() { return std::move(spec_); }
  [[nodiscard]] const TaskSpec& spec() const { return spec_; }

 private:
  void problem(std::string pointer, std::string detail) {
    problems_.push_back({std::move(pointer), std::move(detail)});
  }
  Template compile(std::string pointer, std::string_view text);
  void start(const json::value& start);
  void end(const json::value& end);
  void value(const json::value& value);
  void headers(const json::value& headers);
  void header(const json::value& header, const std::string& pointer);
  void backpressure(const json::object& delivery);
  void drain(const json::value& drain);

  std::vector<Problem>& problems_;
  TaskSpec spec_;
};

Template TaskReader::compile(std::string pointer, std::string_view text) {
  auto compiled = Template::compile(text);
  if (compiled) return std::move(*compiled);
  problem(std::move(pointer), compiled.error().text());
  return {};
}

void TaskReader::source(const json::object& source) {
  std::size_t index = 0;
  for (const auto& filter : source.at("filters").as_array()) {
    const auto text = text_of(filter);
    const auto pointer = "/source/filters/" + std::to_string(index++);
    if (text.starts_with("$share/")) {
      problem(pointer, "must be a filter without $share: the task is a group of its own");
    } else if (text.size() > 65535 || !mqtt::is_valid_topic_filter(text)) {
      problem(pointer, "must be a topic filter, such as `plant/+/telemetry` or `plant/#`");
    } else if (std::ranges::find(spec_.filters, text) != spec_.filters.end()) {
      problem(pointer, "stands in the list twice");
    } else {
      spec_.filters.push_back(text);
    }
  }
  start(source.at("start"));
  end(source.at("end"));
}

void TaskReader::start(const json::value& start) {
  auto parsed = parse_start(start);
  if (!parsed) return problem("/source/start", std::move(parsed).error());
  spec_.start = *parsed;
}

void TaskReader::end(const json::value& end) {
  if (end.is_null()) return;
  auto parsed = parse_start(end);
  if (!parsed || std::holds_alternative<StartEarliest>(*parsed))
    return problem(
        "/source/end",
        "must be `now`, {\"time\": \"2024-05-01T12:00:00Z\"}, {\"position\": n} or null");
  spec_.end = TaskSpec::End{.where = *parsed, .text = json::serialize(end)};
}

void TaskReader::where(const json::value& where) {
  if (where.as_string().empty()) return;
  auto compiled = where::Condition::compile(where.get_string());
  if (!compiled) return problem("/where", compiled.error().text());
  spec_.where = std::move(*compiled);
}

void TaskReader::mapping(const json::object& map) {
  spec_.mapping.topic = compile("/map/topic", map.at("topic").as_string());
  spec_.key_text = text_of(map.at("key"));
  spec_.mapping.key = compile("/map/key", spec_.key_text);
  value(map.at("value"));
  headers(map.at("headers"));
  if (const auto* schema = map.at("schema").if_object())
    spec_.encoding = parse_encoding(*schema, problems_);
  for (const auto& [name, text] : map.at("metadata").as_object())
    spec_.mapping.metadata.emplace_back(std::string(name), text_of(text));
}

void TaskReader::value(const json::value& value) {
  if (is_text(value, "raw")) return;
  if (is_text(value, "envelope")) {
    spec_.mapping.value_form = ValueForm::Envelope;
    return;
  }
  if (is_text(value, "cloudevents")) {
    spec_.mapping.value_form = ValueForm::CloudEvent;
    return;
  }
  const auto* object = value.if_object();
  const auto* text = object != nullptr ? object->if_contains("template") : nullptr;
  if (text == nullptr || !text->is_string() || object->size() != 1)
    return problem("/map/value",
                   "must be `raw`, `envelope`, `cloudevents` or {\"template\": \"...\"}");
  spec_.mapping.value_form = ValueForm::Template;
  spec_.mapping.value = compile("/map/value/template", text->get_string());
}

void TaskReader::headers(const json::value& headers) {
  if (is_text(headers, "all")) return;
  if (is_text(headers, "none")) {
    spec_.mapping.header_form = HeaderForm::None;
    return;
  }
  if (is_text(headers, "cloudevents")) {
    spec_.mapping.header_form = HeaderForm::CloudEvent;
    if (spec_.mapping.value_form == ValueForm::CloudEvent)
      problem("/map/headers",
              "must not be `cloudevents` while /map/value is: an event is either "
              "structured or binary");
    return;
  }
  const auto* list = headers.if_array();
  if (list == nullptr || list->size() > 256)
    return problem(
        "/map/headers",
        "must be `all`, `none`, `cloudevents` or a list of at most 256 {\"name\", \"value\"}");
  spec_.mapping.header_form = HeaderForm::List;
  std::size_t index = 0;
  for (const auto& entry : *list) header(entry, "/map/headers/" + std::to_string(index++));
}

void TaskReader::header(const json::value& header, const std::string& pointer) {
  const auto* object = header.if_object();
  const auto* name = object != nullptr ? object->if_contains("name") : nullptr;
  const auto* value = object != nullptr ? object->if_contains("value") : nullptr;
  if (name == nullptr || value == nullptr || !name->is_string() || !value->is_string() ||
      name->get_string().empty() || object->size() != 2)
    return problem(pointer, "must be {\"name\": \"...\", \"value\": \"...\"}");
  spec_.mapping.headers.emplace_back(text_of(*name),
                                     compile(pointer + "/value", value->get_string()));
}

void TaskReader::delivery(const json::object& delivery) {
  spec_.exactly_once = is_text(delivery.at("guarantee"), "exactly_once");
  static const std::map<std::string, Order, std::less<>> kOrders = {
      {"per_publisher", Order::PerPublisher},
      {"per_topic", Order::PerTopic},
      {"per_key", Order::PerKey},
      {"none", Order::None}};
  static const std::map<std::string, ExpiredPolicy, std::less<>> kExpired = {
      {"deliver", ExpiredPolicy::Deliver},
      {"drop", ExpiredPolicy::Drop},
      {"dead_letter", ExpiredPolicy::DeadLetter}};
  spec_.order = kOrders.at(text_of(delivery.at("order")));
  spec_.expired = kExpired.at(text_of(delivery.at("expired")));
  spec_.drain_timeout = milliseconds(delivery.at("drain_timeout").as_int64());
  spec_.in_flight = static_cast<std::size_t>(delivery.at("in_flight").as_int64());
  read_failures(delivery, spec_, problems_);
  const auto& give_up = delivery.at("retry").as_object().at("give_up_after");
  if (give_up.is_int64()) spec_.give_up_after = milliseconds(give_up.get_int64());

  spec_.workers = static_cast<unsigned>(delivery.at("workers").as_int64());
  backpressure(delivery);
  drain(delivery.at("drain"));
  if (const auto& age = delivery.at("maximum_age"); age.is_int64())
    spec_.maximum_age = milliseconds(age.get_int64());
  if (const auto& hold = delivery.at("hold_segments_bytes"); hold.is_int64())
    spec_.hold_bytes = static_cast<std::uint64_t>(hold.get_int64());
}

void TaskReader::backpressure(const json::object& delivery) {
  spec_.backlog_bytes = static_cast<std::uint64_t>(delivery.at("backlog_bytes").as_int64());
  const auto& policy = delivery.at("backpressure");
  if (is_text(policy, "block")) spec_.backpressure = Backpressure::Block;
  if (is_text(policy, "shed_oldest")) spec_.backpressure = Backpressure::ShedOldest;
  if (is_text(policy, "shed_qos0")) spec_.backpressure = Backpressure::ShedQos0;
}

void TaskReader::drain(const json::value& drain) {
  if (is_text(drain, "in_order")) return;
  if (is_text(drain, "fresh_first")) {
    spec_.drain = Drain::FreshFirst;
    return;
  }
  const auto* object = drain.if_object();
  const auto* rate = object != nullptr ? object->if_contains("rate") : nullptr;
  if (rate == nullptr || !rate->is_int64() || object->size() != 1 || rate->get_int64() < 1 ||
      rate->get_int64() > kHighestRate)
    return problem("/delivery/drain",
                   "must be `in_order`, `fresh_first` or {\"rate\": n}, n from 1 to 1000000 "
                   "messages a second");
  spec_.drain = Drain::Rate;
  spec_.drain_rate = static_cast<std::uint32_t>(rate->get_int64());
}

// Kafka keeps order within a partition, and the key chooses the partition: records that are to stay
// in order must have the same key.
std::optional<std::string> why_key_breaks_order(const TaskSpec& spec) {
  if (spec.order == Order::None) return std::nullopt;
  if (spec.mapping.key.is_empty())
    return "must not be empty: records without a key are spread over all partitions. Give a key, "
           "or set /delivery/order to `none`";
  if (spec.order == Order::PerKey) return std::nullopt;

  const bool per_topic = spec.order == Order::PerTopic;
  const auto keeps_order = [per_topic](TemplateName name) {
    if (name == TemplateName::Node) return true;
    if (per_topic) return name == TemplateName::Topic || name == TemplateName::TopicLevel;
    return name == TemplateName::ClientId;
  };
  if (std::ranges::all_of(spec.mapping.key.names(), keeps_order)) return std::nullopt;
  return per_topic ? "must be made of ${topic} and ${topic[n]} alone to keep order per topic; or "
                     "set /delivery/order to `per_key`"
                   : "must be made of ${client_id} alone to keep order per publisher; or set "
                     "/delivery/order to `per_key`";
}

// What several workers cannot share, and of what each must have a part.
void check_workers(const TaskSpec& spec, std::vector<Problem>& problems) {
  if (spec.workers == 1) return;
  const auto is_of_payload = [](TemplateName name) {
    return name == TemplateName::Payload || name == TemplateName::PayloadPath;
  };
  if (spec.order == Order::PerKey && !spec.steps.jq.empty() &&
      std::ranges::any_of(spec.mapping.key.names(), is_of_payload))
    problems.push_back({"/delivery/workers",
                        "must be 1 while /map/key is made of what /map/jq makes: workers share "
                        "messages by their key before anything is processed"});
  if (spec.in_flight < spec.workers)
    problems.push_back({"/delivery/in_flight", "must not be less than /delivery/workers"});
  if (spec.drain == Drain::Rate && spec.drain_rate < spec.workers)
    problems.push_back({"/delivery/drain/rate", "must not be less than /delivery/workers"});
}

void check_sink(const Connector& connector, const TaskSpec& spec, std::vector<Problem>& problems) {
  if (spec.exactly_once && !connector.writes_exactly_once)
    problems.push_back({"/delivery/guarantee", "must be `at_least_once`: the sink `" +
                                                   connector.name + "` cannot write exactly once"});
  if (connector.check_sink != nullptr) connector.check_sink(spec.sink, problems);
  if (spec.encoding && connector.make_encoder == nullptr) {
    problems.push_back(
        {"/map/schema", "must be null: records to `" + connector.name + "` name no schema"});
  } else if (spec.encoding && problems.empty()) {
    connector.check_encoding(*spec.encoding, problems);
  }
  const auto constant = spec.mapping.topic.constant();
  if (connector.why_not_topic == nullptr || !constant || constant->empty()) return;
  if (auto why = connector.why_not_topic(*constant))
    problems.push_back({"/map/topic", std::move(*why)});
}

// The type of the sink decides what else the document may say.
const Connector* connector_of(const Registry& registry, const json::object& document,
                              std::vector<Problem>& problems) {
  const auto* sink = document.if_contains("sink");
  const auto* object = sink != nullptr ? sink->if_object() : nullptr;
  const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
  if (type != nullptr && type->is_string()) {
    if (const auto* found = registry.find(type->get_string())) return found;
  }
  std::string known;
  for (const auto& [name, connector] : registry.all()) known += (known.empty() ? "" : ", ") + name;
  problems.push_back({"/sink/type", "must be one of: " + known});
  return nullptr;
}

}  // namespace

tl::unexpected<Refusal> invalid_task(std::vector<Problem> problems) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the task's document is not valid",
                 .hint = "correct the fields that are named and send it again",
                 .fields = std::move(problems)});
}

void read_failures(const json::object& delivery, TaskSpec& spec, std::vector<Problem>& problems) {
  static const std::map<std::string, RejectedPolicy, std::less<>> kRejected = {
      {"dead_letter", RejectedPolicy::DeadLetter},
      {"drop", RejectedPolicy::Drop},
      {"stop", RejectedPolicy::Stop}};
  spec.rejected = kRejected.at(text_of(delivery.at("rejected")));
  spec.drop_oldest_dead_letter = is_text(delivery.at("dead_letter_overflow"), "drop_oldest");
  const auto& retry = delivery.at("retry").as_object();
  spec.retry_initial = milliseconds(retry.at("initial").as_int64());
  spec.retry_maximum = milliseconds(retry.at("maximum").as_int64());
  if (spec.retry_initial > spec.retry_maximum)
    problems.push_back({"/delivery/retry/initial", "must not be longer than `maximum`"});
}

tl::expected<Start, std::string> parse_start(const json::value& start) {
  static constexpr std::string_view kAllowed =
      "must be `now`, `earliest`, {\"time\": \"2024-05-01T12:00:00Z\"} or {\"position\": n}";
  if (is_text(start, "now")) return StartNow{};
  if (is_text(start, "earliest")) return StartEarliest{};
  const auto* object = start.if_object();
  if (object != nullptr && object->size() == 1) {
    const auto* time = object->if_contains("time");
    std::int64_t wall_ms = 0;
    if (time != nullptr && time->is_string() && parse_rfc3339(time->get_string(), wall_ms)) {
      return StartTime{wall_ms};
    }
    const auto* position = object->if_contains("position");
    boost::system::error_code error;
    const auto number =
        position != nullptr ? position->to_number<std::uint64_t>(error) : std::uint64_t{0};
    if (position != nullptr && !error) return StartPosition{number};
  }
  return tl::unexpected(std::string(kAllowed));
}

tl::expected<Start, std::string> parse_place(std::string_view text) {
  if (text == "now") return StartNow{};
  if (text == "earliest") return StartEarliest{};
  std::int64_t wall_ms = 0;
  if (parse_rfc3339(text, wall_ms)) return StartTime{wall_ms};
  std::uint64_t position = 0;
  const auto* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, position);
  if (error == std::errc() && parsed == end) return StartPosition{position};
  return tl::unexpected(
      std::string("must be now, earliest, a time as in 2024-05-01T12:00:00Z, or a position"));
}

void read_steps(const json::object& checked, processing::Steps& steps,
                std::vector<Problem>& problems) {
  steps.jq = text_of(checked.at("map").as_object().at("jq"));
  if (steps.jq.find('\0') != std::string::npos)
    problems.push_back({"/map/jq", "must not contain the character 0"});
  const auto& schema = checked.at("verify").as_object().at("json_schema");
  if (schema.is_null()) return;
  if (!schema.is_object() && !schema.is_bool()) {
    problems.push_back({"/verify/json_schema", "must be a JSON Schema: an object, true or false"});
    return;
  }
  steps.schema = json::serialize(schema);
  if (steps.schema.size() > kLongestSchema)
    problems.push_back({"/verify/json_schema", "must not be longer than 65536 bytes"});
}

Outcome<TaskSpec> parse_task(const Registry& registry, const json::object& document) {
  if (source_type_of(document) != kLocal) return parse_source_task(registry, document);
  std::vector<Problem> problems;
  const auto* connector = connector_of(registry, document, problems);
  if (connector == nullptr) return invalid_task(std::move(problems));

  const auto fields = task_fields(*connector);
  auto checked = schema::check(fields, document);
  if (!checked.problems.empty()) return invalid_task(std::move(checked.problems));

  TaskReader reader(problems);
  reader.source(checked.value.at("source").as_object());
  reader.where(checked.value.at("where"));
  reader.steps(checked.value);
  reader.mapping(checked.value.at("map").as_object());
  const auto& delivery = checked.value.at("delivery").as_object();
  reader.delivery(delivery);
  auto spec = reader.take();
  spec.letter_copy = parse_letter_copy(registry, delivery, TemplateScope::Message, problems);
  spec.name = text_of(checked.value.at("name"));
  auto& metadata = spec.mapping.metadata;
  const auto is_name = [](const auto& entry) { return entry.first == "integrationName"; };
  if (std::ranges::none_of(metadata, is_name))  // TBMQ always says it
    metadata.insert(metadata.begin(), {"integrationName", spec.name});
  spec.enabled = checked.value.at("enabled").as_bool();
  spec.account = text_at(checked.value, "account");
  spec.sink_type = connector->name;
  spec.sink = checked.value.at("sink").as_object();
  if (const auto* connection = spec.sink.if_contains("connection"))
    spec.connection = text_of(*connection);
  if (const auto* buffer = spec.sink.if_contains("buffer_bytes"); buffer && buffer->is_int64())
    spec.window_bytes = static_cast<std::size_t>(buffer->get_int64());
  check_sink(*connector, spec, problems);
  check_workers(spec, problems);
  const auto guarantee = text_of(delivery.at("guarantee"));
  const auto* acks = spec.sink.if_contains("acks");
  if (acks != nullptr && !is_text(*acks, "all") && guarantee != "best_effort")
    problems.push_back({"/sink/acks", "must be `all` unless /delivery/guarantee is `best_effort`"});
  if (spec.drain == Drain::FreshFirst && spec.end)
    problems.push_back({"/delivery/drain", "must not be `fresh_first` while /source/end is set"});
  spec.shown = readable(fields, std::move(checked.value));
  if (!problems.empty()) return invalid_task(std::move(problems));

  if (auto why = why_key_breaks_order(spec))
    return refuse({.errc = Errc::InvalidArgument,
                   .code = "order_needs_key",
                   .detail = "this key cannot keep the order that is asked for",
                   .hint = "",
                   .fields = {{"/map/key", std::move(*why)}}});
  if (spec.drain == Drain::FreshFirst && spec.order != Order::None)
    return refuse(
        {.errc = Errc::InvalidArgument,
         .code = "order_needs_in_order",
         .detail = "what is fresh cannot go first where order is to be kept",
         .hint = "",
         .fields = {{"/delivery/drain",
                     "must be `in_order` or a rate while /delivery/order is not `none`"}}});
  return spec;
}

Outcome<void> check_steps(const processing::Steps& steps) {
  if (steps.is_empty()) return {};
  const auto checked = processing::Processor(steps).check();
  if (checked) return {};
  const auto& fault = checked.error();
  if (fault.code == Errc::InvalidArgument) return invalid_task({{fault.pointer, fault.detail}});
  return refuse({.errc = fault.code,
                 .code = std::string(name_of(fault.code)),
                 .detail = "the task's steps cannot be checked: " + fault.detail,
                 .hint = "try again in a moment"});
}

TaskSpec salvage_task(const json::object& document) {
  TaskSpec spec;
  spec.enabled = false;
  spec.shown = document;
  spec.source_type = source_type_of(document);
  const auto* name = document.if_contains("name");
  if (name != nullptr && name->is_string()) spec.name = text_of(*name);
  const auto* source = document.if_contains("source");
  const auto* object = source != nullptr ? source->if_object() : nullptr;
  const auto* filters = object != nullptr ? object->if_contains("filters") : nullptr;
  if (filters == nullptr || !filters->is_array()) return spec;
  for (const auto& filter : filters->get_array()) {
    if (filter.is_string() && mqtt::is_valid_topic_filter(filter.get_string()))
      spec.filters.push_back(text_of(filter));
  }
  return spec;
}

}  // namespace sluice::connect
