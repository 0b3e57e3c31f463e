#include "connectors/kafka/kafka_topics.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sluice::connectors::kafka {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLongestName = 249;
constexpr int kMetadataTimeoutMs = 2000;
constexpr int kCreateTimeoutMs = 3000;
constexpr int kLimitTimeoutMs = 2000;
constexpr auto kLimitIsGoodFor = 60s;
constexpr auto kLimitIsFreshFor = 5s;  // good enough to reject a record

AdminOptions admin_options(rd_kafka_t* client, rd_kafka_admin_op_t operation, int timeout_ms,
                           void* opaque = nullptr) {
  AdminOptions options(rd_kafka_AdminOptions_new(client, operation));
  char error[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, error, sizeof error);
  rd_kafka_AdminOptions_set_opaque(options.get(), opaque);
  return options;
}

tl::unexpected<Error> unavailable(const Topic& topic, rd_kafka_resp_err_t error) {
  return fail(Errc::Unavailable, "topic " + topic.name + ": " + explain(error, ""));
}

// Not allowed to create topics, or a server that cannot. After any other error (a broker died, the
// cluster is busy) it is asked for again.
bool says_never(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
         error == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
         error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
         error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

// Its opaque is the Topic, and its partitioner asks that one.
rd_kafka_topic_t* make_handle(rd_kafka_t* client, Topic& topic) {
  auto* conf = rd_kafka_default_topic_conf_dup(client);
  rd_kafka_topic_conf_set_opaque(conf, &topic);
  rd_kafka_topic_conf_set_partitioner_cb(conf, &Partitioner::on_question);
  return rd_kafka_topic_new(client, topic.name.c_str(), conf);  // which takes `conf`
}

// What the cluster says of the one topic of the answer.
void learn_from(rd_kafka_event_t* event, Topic& topic) {
  const auto* result = rd_kafka_event_DescribeConfigs_result(event);
  if (result == nullptr || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  std::size_t resources = 0;
  const auto** list = rd_kafka_DescribeConfigs_result_resources(result, &resources);
  if (resources != 1) return;
  std::size_t entries = 0;
  const auto** configs = rd_kafka_ConfigResource_configs(list[0], &entries);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::string_view name = rd_kafka_ConfigEntry_name(configs[i]);
    const char* text = rd_kafka_ConfigEntry_value(configs[i]);
    if (text == nullptr) continue;
    if (name == "cleanup.policy") topic.cleanup_policy = text;
    if (name != "max.message.bytes") continue;
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), number);
    if (error != std::errc() || number == 0) continue;
    topic.maximum_bytes = number;
    topic.is_limit_known = true;
  }
}

}  // namespace

std::string Topic::why_too_large(std::size_t bytes) const {
  return "a record of " + std::to_string(bytes) + " bytes is larger than topic " + name +
         " takes (max.message.bytes " + std::to_string(maximum_bytes) + ")";
}

std::optional<std::string> why_not_topic(std::string_view name) {
  if (name.empty()) return "a Kafka topic must have a name";
  if (name.size() > kLongestName)
    return "a Kafka topic's name has at most 249 characters, not " + std::to_string(name.size());
  if (name == "." || name == "..") return "a Kafka topic cannot be named `.` or `..`";
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (!std::ranges::all_of(name, allowed))
    return "a Kafka topic's name is made of letters, digits and . _ - only";
  return std::nullopt;
}

Topics::Topics(rd_kafka_t* client, rd_kafka_queue_t* events, std::optional<CreateTopic> create,
               const Partitioner::Options& partitioning)
    : client_(client), events_(events), create_(create), partitioning_(partitioning) {}

Topic& Topics::find(std::string_view name) {
  const auto it = topics_.find(name);
  if (it != topics_.end()) return *it->second;
  auto topic = std::make_unique<Topic>();
  topic->name = name;
  topic->partitioner.configure(partitioning_);
  if (auto why = why_not_topic(name)) {
    topic->invalid = std::move(*why);
  }
  return *topics_.emplace(std::string(name), std::move(topic)).first->second;
}

Result<void> Topics::make_ready(Topic& topic, const std::optional<CreateTopic>& create) {
  if (create && can_create_) SL_TRY_VOID(this->create(topic, *create));
  SL_TRY_VOID(find_in_cluster(topic));
  learn_limit(topic);
  topic.is_ready = true;
  return {};
}

void Topics::doubt_all() {
  for (auto& [name, topic] : topics_) topic->is_ready = false;
}

// Asked for even when the topic may be there: "exists already" is the cheapest way to know.
Result<void> Topics::create(const Topic& topic, const CreateTopic& wanted) {
  char text[256];
  const NewTopic request(rd_kafka_NewTopic_new(topic.name.c_str(), wanted.partitions,
                                               wanted.replication, text, sizeof text));
  if (!request) return fail(Errc::Unavailable, "topic " + topic.name + ": " + text);
  if (wanted.retention_ms)
    rd_kafka_NewTopic_set_config(request.get(), "retention.ms",
                                 std::to_string(*wanted.retention_ms).c_str());
  if (wanted.is_compacted) rd_kafka_NewTopic_set_config(request.get(), "cleanup.policy", "compact");
  const Queue answers(rd_kafka_queue_new(client_));
  const auto options = admin_options(client_, RD_KAFKA_ADMIN_OP_CREATETOPICS, kCreateTimeoutMs);
  auto* list = request.get();
  rd_kafka_CreateTopics(client_, &list, 1, options.get(), answers.get());
  const Event event(rd_kafka_queue_poll(answers.get(), kCreateTimeoutMs + 500));
  // Whatever became of it, the topic may be there, and then the next step finds it.
  if (!event) return {};
  if (says_never(rd_kafka_event_error(event.get()))) can_create_ = false;
  const auto* result = rd_kafka_event_CreateTopics_result(event.get());
  if (result == nullptr || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return {};
  std::size_t count = 0;
  const auto** topics = rd_kafka_CreateTopics_result_topics(result, &count);
  if (count != 1) return {};
  const auto error = rd_kafka_topic_result_error(topics[0]);
  if (error == RD_KAFKA_RESP_ERR_INVALID_PARTITIONS ||
      error == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR ||
      error == RD_KAFKA_RESP_ERR_POLICY_VIOLATION) {
    const char* why = rd_kafka_topic_result_error_string(topics[0]);
    return fail(Errc::Unavailable, "topic " + topic.name + " cannot be created: " +
                                       (why != nullptr ? why : rd_kafka_err2str(error)));
  }
  return {};
}

// Brokers that create topics by themselves do so when they are asked for one; making the handle
// asks already.
Result<void> Topics::find_in_cluster(Topic& topic) {
  if (!topic.handle) topic.handle.reset(make_handle(client_, topic));
  if (!topic.handle) return unavailable(topic, rd_kafka_last_error());
  const struct rd_kafka_metadata* raw = nullptr;
  const auto error = rd_kafka_metadata(client_, 0, topic.handle.get(), &raw, kMetadataTimeoutMs);
  const Metadata metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    can_create_ = true;  // it was away, which says nothing about what it can do
    return fail(Errc::Unavailable, "Kafka does not answer: " + explain(error, ""));
  }
  if (metadata->broker_cnt > 0) broker_ = metadata->brokers[0].id;
  if (metadata->topic_cnt != 1) return unavailable(topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  const auto& found = metadata->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable(topic, found.err);
  if (found.partition_cnt == 0) return unavailable(topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  topic.partitioner.set_count(found.partition_cnt);
  return {};
}

// Who may only write may not ask: then Kafka's default stands until the broker refuses something.
void Topics::learn_limit(Topic& topic) {
  const Queue answers(rd_kafka_queue_new(client_));
  describe(topic, answers.get(), kLimitTimeoutMs);
  const Event event(rd_kafka_queue_poll(answers.get(), kLimitTimeoutMs + 500));
  if (event) on_limits(event.get());
}

void Topics::refresh_limit(Topic& topic, std::chrono::steady_clock::time_point now) {
  if (now - topic.asked_at < kLimitIsGoodFor) return;
  describe(topic, events_, kLimitTimeoutMs);
}

void Topics::ask_again_for_limit(Topic& topic, std::chrono::steady_clock::time_point now) {
  if (now - topic.asked_at >= kLimitIsFreshFor) learn_limit(topic);
}

void Topics::describe(Topic& topic, rd_kafka_queue_t* answer_to, int timeout_ms) {
  topic.asked_at = std::chrono::steady_clock::now();
  const ConfigResource resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.c_str()));
  const auto options =
      admin_options(client_, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms, &topic);
  char text[256];
  if (broker_ >= 0) rd_kafka_AdminOptions_set_broker(options.get(), broker_, text, sizeof text);
  auto* list = resource.get();
  rd_kafka_DescribeConfigs(client_, &list, 1, options.get(), answer_to);
}

void Topics::on_limits(rd_kafka_event_t* event) {
  auto* topic = static_cast<Topic*>(rd_kafka_event_opaque(event));
  if (topic != nullptr) learn_from(event, *topic);
}

}  // namespace sluice::connectors::kafka
