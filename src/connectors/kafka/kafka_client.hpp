// librdkafka's handles with owners. Only the files of this folder see the library.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "base/result.hpp"
#include "connectors/kafka/kafka_token.hpp"

namespace sluice::connectors::kafka {

template <class T, void (*Destroy)(T*)>
struct Deleter {
  void operator()(T* handle) const { Destroy(handle); }
};
template <class T, void (*Destroy)(T*)>
using Handle = std::unique_ptr<T, Deleter<T, Destroy>>;

using Conf = Handle<rd_kafka_conf_t, rd_kafka_conf_destroy>;
// With what it asks for tokens with, if it does: the library knows it by address.
void destroy_client(rd_kafka_t* client);
using Client = Handle<rd_kafka_t, destroy_client>;
using Queue = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using TopicHandle = Handle<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using Event = Handle<rd_kafka_event_t, rd_kafka_event_destroy>;
using Headers = Handle<rd_kafka_headers_t, rd_kafka_headers_destroy>;
using KafkaError = Handle<rd_kafka_error_t, rd_kafka_error_destroy>;
using Metadata = Handle<const struct rd_kafka_metadata, rd_kafka_metadata_destroy>;
using MessageHandle = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;
using AdminOptions = Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using ConfigResource = Handle<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using NewTopic = Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;

using Properties = std::vector<std::pair<std::string, std::string>>;

// Errors: InvalidArgument with the name of the property. Clients made of it connect to no address
// that io/address_rule.hpp refuses, whoever named it: the connection, a resolver or a broker.
[[nodiscard]] Result<Conf> make_conf(const Properties& properties);
// Whether the library knows such a property and takes this value.
[[nodiscard]] bool is_value_of(const std::string& property, const std::string& value);
// What the library's callbacks get of a client that was made with it; lives as long as the client.
struct ClientOwner {
  std::optional<TokenEndpoint> tokens;
  void* self = nullptr;  // whose callbacks they are
};
// Errors: InvalidArgument. Does not wait for any broker, nor for a token: a thread of the library
// asks for it, and again before it expires, whether records flow or not.
[[nodiscard]] Result<Client> make_client(rd_kafka_type_t type, Conf conf,
                                         std::optional<TokenEndpoint> tokens = {},
                                         void* self = nullptr);

// What an error of the library means for a person, and what to do about it.
[[nodiscard]] std::string explain(rd_kafka_resp_err_t error, const std::string& detail);
[[nodiscard]] std::string hint_for(rd_kafka_resp_err_t error, std::string_view detail = {});
// Whether the library's text tells of an address that the rule refused.
[[nodiscard]] bool is_refused_address(std::string_view detail);

}  // namespace sluice::connectors::kafka
