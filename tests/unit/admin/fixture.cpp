#include "fixture.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>

#include "admin/error_catalogue.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

// Takes every record and says so when asked.
class TakesAll final : public connect::Sink {
 public:
  explicit TakesAll(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}
  [[nodiscard]] Result<std::size_t> write(std::span<const connect::Record> records) override {
    for (const auto& record : records) {
      connect::Delivery outcome;
      outcome.token = record.token;
      taken_.push_back(std::move(outcome));
    }
    if (!taken_.empty()) callbacks_.on_ready();
    return records.size();
  }
  [[nodiscard]] Milliseconds collect(std::vector<connect::Delivery>& outcomes) override {
    for (auto& outcome : taken_) outcomes.push_back(std::move(outcome));
    taken_.clear();
    return kNotByItself;
  }
  [[nodiscard]] std::string_view away() const override { return {}; }
  void flush() override {}
  void abandon() override {}

 private:
  Callbacks callbacks_;
  std::vector<connect::Delivery> taken_;
};

std::vector<connect::VerifyStep> verify(const json::object& settings, std::string_view topic) {
  const bool here = settings.at("address").get_string() == "here";
  std::vector<connect::VerifyStep> steps = {{.name = "connect",
                                             .ok = here,
                                             .ms = 1,
                                             .detail = here ? "" : "nobody answers",
                                             .hint = here ? "" : "say here"}};
  if (here && !topic.empty())
    steps.push_back({.name = "topic",
                     .ok = topic != "forbidden",
                     .ms = 1,
                     .detail = std::string(topic),
                     .hint = "ask for the right"});
  return steps;
}

Result<std::unique_ptr<connect::Sink>> make_sink(const connect::SinkConfig&,
                                                 connect::Sink::Callbacks callbacks) {
  return std::make_unique<TakesAll>(std::move(callbacks));
}

}  // namespace

connect::Registry test_connectors() {
  connect::Registry registry;
  connect::Connector connector;
  connector.name = "memory";
  connector.summary = "Takes everything.";
  connector.connection_fields = {
      {.name = "address", .help = "Where.", .required = true},
      {.name = "password", .help = "Secret.", .secret = true},
  };
  connector.verify = verify;
  connector.make_sink = make_sink;
  registry.add(std::move(connector));
  return registry;
}

AdminTest::AdminTest() {
  make_api();
}

AdminTest::~AdminTest() {
  integration_.stop();
}

Sources AdminTest::sources() {
  return {.store = store_,
          .access = access_,
          .integration = integration_,
          .connectors = connectors_,
          .metrics = metrics_,
          .clock = clock_,
          .clients = clients_};
}

void AdminTest::make_api(ApiOptions options) {
  api_ = std::make_unique<Api>(sources(), accounts_, std::move(options));
  EXPECT_TRUE(api_->load().has_value());
  token_ = api_->create_local_token();
}

Request AdminTest::request(Method method, std::string target, std::string body) const {
  Request made;
  made.method = method;
  made.target = std::move(target);
  made.host = "127.0.0.1:8080";
  made.has_host = true;
  made.content_type = body.empty() ? "" : "application/json";
  made.body = std::move(body);
  made.remote_address = "127.0.0.1";
  made.local_address = "127.0.0.1";
  return made;
}

Response AdminTest::ask(Method method, std::string target, std::string body) {
  auto made = request(method, std::move(target), std::move(body));
  if (!token_.empty()) made.authorization = "Bearer " + token_;
  return api_->answer(made);
}

json::object object_of(const Response& response) {
  boost::system::error_code error;
  const auto value = json::parse(response.body, error);
  if (error || !value.is_object()) {
    ADD_FAILURE() << "no JSON object: " << response.body;
    return {};
  }
  return value.get_object();
}

std::string header_of(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

std::string problem_code(const Response& response) {
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto body = object_of(response);
  for (const auto* member : {"type", "title", "status", "detail", "code", "hint", "fields"}) {
    EXPECT_TRUE(body.contains(member)) << member << " in " << response.body;
  }
  if (!body.contains("code") || !body.contains("status")) return {};
  EXPECT_EQ(body.at("status").to_number<unsigned>(), response.status);
  const std::string code(body.at("code").get_string());
  const auto& catalogue = error_catalogue();
  const auto kind = std::find_if(catalogue.begin(), catalogue.end(),
                                 [&](const ErrorKind& each) { return each.code == code; });
  EXPECT_TRUE(kind != catalogue.end()) << code << " is in no catalogue";
  if (kind != catalogue.end()) EXPECT_EQ(kind->status, response.status) << code;
  return code;
}

}  // namespace sluice::admin
