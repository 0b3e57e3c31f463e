// The HTTP server at its socket: limits, deadlines, connections. Security cases E2, A5.
#include "admin/server.hpp"

#include <array>
#include <future>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"
#include "io/http_client.hpp"

namespace sluice::admin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using testing::HasSubstr;

constexpr std::chrono::seconds kLong{5};

// A client that sends what it likes.
class RawClient {
 public:
  explicit RawClient(const std::string& address, const std::string& source = "127.0.0.1")
      : socket_(loop_) {
    const auto colon = address.rfind(':');
    const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)));
    socket_.open(tcp::v4());
    socket_.bind({asio::ip::make_address(source), 0});
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }

  void send(std::string_view text) {
    error_code ignored;  // the server may have closed already
    asio::write(socket_, asio::buffer(text), ignored);
  }

  // False: the server has closed.
  bool can_send(std::string_view text) {
    error_code error;
    asio::write(socket_, asio::buffer(text), error);
    return !error;
  }

  // The next response; status 0 when the connection ends before one.
  http::response<http::string_body> receive(bool to_head = false) {
    http::response_parser<http::string_body> parser;
    parser.skip(to_head);
    error_code error;
    http::read(socket_, buffer_, parser, error);
    if (!error) return parser.release();
    http::response<http::string_body> none;
    none.result(0U);
    return none;
  }

  // Whether the server ends the connection without another word.
  bool is_closed() {
    std::array<char, 1> byte{};
    error_code error;
    const auto count = socket_.read_some(asio::buffer(byte), error);
    return count == 0 && error;
  }

 private:
  asio::io_context loop_;
  tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

class ServerTest : public AdminTest {
 protected:
  void start(Options options = {}) {
    options.bind = "127.0.0.1:0";
    server_ = std::make_unique<Server>(sources(), accounts_, options);
    const auto bound = server_->start();
    ASSERT_TRUE(bound.has_value()) << bound.error().detail;
    address_ = *bound;
    token_ = server_->create_local_token();
  }

  std::string get_request(std::string_view path, std::string_view more = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + address_ +
           "\r\nAuthorization: Bearer " + token_ + "\r\n" + std::string(more) + "\r\n";
  }

  std::string post_request(std::string_view path, std::string_view body,
                           std::string_view more = "") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: " + address_ +
           "\r\nAuthorization: Bearer " + token_ +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(more) + "\r\n" + std::string(body);
  }

  std::unique_ptr<Server> server_;
  std::string address_;
};

TEST_F(ServerTest, TakesSoManyQuestionsAboutTheLogAndNoMore) {
  Options options;
  options.maximum_queries = 1;
  auto with_trace = sources();
  std::promise<void> asked;
  std::promise<void> answer;
  with_trace.consumers = [&](const model::Message&) {
    asked.set_value();
    answer.get_future().wait();
    return boost::json::object();
  };
  const auto batch = store_.new_batch();
  store::NewMessage message;
  message.topic = "a";
  batch->add_message(message, {});
  ASSERT_TRUE(store_.append(batch));
  options.bind = "127.0.0.1:0";
  server_ = std::make_unique<Server>(with_trace, accounts_, options);
  const auto bound = server_->start();
  ASSERT_TRUE(bound.has_value()) << bound.error().detail;
  address_ = *bound;
  token_ = server_->create_local_token();
  RawClient first(address_);
  RawClient second(address_);

  first.send(get_request("/api/v1/messages/" + model::to_hex(batch->message(0).id) + "/trace"));
  asked.get_future().wait();
  second.send(get_request("/api/v1/messages"));
  const auto refused = second.receive();
  second.send(get_request("/api/v1/session"));
  const auto other = second.receive();
  answer.set_value();

  EXPECT_EQ(refused.result_int(), 503U);
  EXPECT_EQ(refused["Retry-After"], "1");
  EXPECT_THAT(refused.body(), HasSubstr("overloaded"));
  EXPECT_EQ(other.result_int(), 200U) << "what does not read the log is not held up";
  EXPECT_EQ(first.receive().result_int(), 200U);
  second.send(get_request("/api/v1/messages"));
  EXPECT_EQ(second.receive().result_int(), 200U);
}

TEST_F(ServerTest, AnswersManyRequestsOnOneConnection) {
  start();
  RawClient client(address_);
  for (int i = 0; i < 3; ++i) {
    client.send(get_request("/health/live"));
    const auto answer = client.receive();
    EXPECT_EQ(answer.result_int(), 200U);
    EXPECT_EQ(answer[http::field::cache_control], "no-store");
    EXPECT_EQ(answer["X-Content-Type-Options"], "nosniff");
    EXPECT_EQ(answer.count("Access-Control-Allow-Origin"), 0U);
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client(address_);
  client.send(get_request("/health/live") + get_request("/nothing") +
              post_request("/api/v1/users", R"({"name":"x","password":"p"})") +
              get_request("/api/v1/users/x"));

  EXPECT_EQ(client.receive().result_int(), 200U);
  EXPECT_EQ(client.receive().result_int(), 404U);
  EXPECT_EQ(client.receive().result_int(), 201U);
  EXPECT_EQ(client.receive().result_int(), 200U);
}

TEST_F(ServerTest, WorksWithTheHttpClient) {
  start();
  const io::HttpHeaders headers{{"Authorization", "Bearer " + token_},
                                {"Content-Type", "application/json"}};

  const auto made = io::send({.method = "POST",
                              .url = "http://" + address_ + "/api/v1/users",
                              .headers = headers,
                              .body = R"({"name":"x"})"});
  const auto shown =
      io::send({.url = "http://" + address_ + "/api/v1/users/x", .headers = headers});
  const auto deleted = io::send(
      {.method = "DELETE", .url = "http://" + address_ + "/api/v1/users/x", .headers = headers});

  ASSERT_TRUE(made.has_value()) << made.error().detail;
  EXPECT_EQ(made->status, 201U);
  EXPECT_EQ(made->header("location"), "/api/v1/users/x");
  EXPECT_EQ(shown->status, 200U);
  EXPECT_EQ(deleted->status, 204U);
  EXPECT_EQ(deleted->body, "");
}

TEST_F(ServerTest, AnswersHeadWithoutBody) {
  start();
  RawClient client(address_);
  client.send("HEAD /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");

  const auto answer = client.receive(true);

  EXPECT_EQ(answer.result_int(), 200U);
  EXPECT_NE(answer[http::field::content_length], "0");
  client.send(get_request("/health/live"));
  EXPECT_EQ(client.receive().result_int(), 200U);
}

TEST_F(ServerTest, PromisesToContinue) {
  start();
  RawClient client(address_);
  const std::string body = R"({"name":"x","password":"p"})";
  auto request = post_request("/api/v1/users", body, "Expect: 100-continue\r\n");
  request.resize(request.size() - body.size());
  client.send(request);

  EXPECT_EQ(client.receive().result_int(), 100U);
  client.send(body);
  EXPECT_EQ(client.receive().result_int(), 201U);
}

TEST_F(ServerTest, RefusesOversizedHeaders) {
  start();
  RawClient client(address_);
  client.send(get_request("/health/live", "X-Long: " + std::string(17 * 1024, 'x') + "\r\n"));

  const auto answer = client.receive();

  EXPECT_EQ(answer.result_int(), 431U);
  EXPECT_THAT(answer.body(), HasSubstr("header_too_large"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, RefusesOversizedBodiesBeforeTheyAreSent) {
  start();
  RawClient client(address_);
  client.send("POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n");

  const auto answer = client.receive();

  EXPECT_EQ(answer.result_int(), 413U);
  EXPECT_THAT(answer.body(), HasSubstr("body_too_large"));
}

TEST_F(ServerTest, RefusesOversizedChunkedBodies) {
  start();
  RawClient client(address_);
  client.send(
      "POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 17; ++i) client.send(chunk);

  EXPECT_EQ(client.receive().result_int(), 413U);
}

TEST_F(ServerTest, TakesABodyOfExactlyTheLimit) {
  start({.maximum_body_bytes = 100});
  RawClient client(address_);
  std::string body = R"({"name":"x","password":"p"})";
  body.resize(100, ' ');
  client.send(post_request("/api/v1/users", body));

  EXPECT_EQ(client.receive().result_int(), 201U);
}

// Request smuggling needs two readings of one request's length.
TEST_F(ServerTest, RefusesAmbiguousLengths) {
  start();
  for (const auto* headers :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: -1\r\n",
        "Content-Length: 5x\r\n", "Content-Length : 5\r\n"}) {
    RawClient client(address_);
    client.send("POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) +
                "\r\n0\r\n\r\n");
    EXPECT_EQ(client.receive().result_int(), 400U) << headers;
    EXPECT_TRUE(client.is_closed()) << headers;
  }
}

TEST_F(ServerTest, RefusesWhatIsNotHttp) {
  start();
  for (const auto* text : {"\x10\x0c\x00\x04MQTT\x04\x02\r\n\r\n", "GET\r\n\r\n",
                           "GET / HTTP/9.9\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\r\n: x\r\n\r\n"}) {
    RawClient client(address_);
    client.send(text);
    const auto status = client.receive().result_int();
    EXPECT_TRUE(status == 400 || status == 0) << text << " " << status;
    EXPECT_TRUE(client.is_closed()) << text;
  }
}

TEST_F(ServerTest, RefusesAnUnknownHost) {
  start();
  RawClient client(address_);
  client.send("GET /health/live HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(client.receive().result_int(), 421U);
  client.send("GET /health/live HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.receive().result_int(), 421U);
}

TEST_F(ServerTest, AnswersHttp10AndCloses) {
  start();
  RawClient client(address_);
  client.send("GET /health/live HTTP/1.0\r\n\r\n");

  EXPECT_EQ(client.receive().result_int(), 200U);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, ClosesSlowRequests) {
  start({.request_deadline = std::chrono::milliseconds(50)});
  RawClient header(address_);
  header.send("GET /health/live HTT");
  RawClient body(address_);
  body.send("POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");

  EXPECT_TRUE(header.is_closed());
  EXPECT_TRUE(body.is_closed());
}

TEST_F(ServerTest, ClosesIdleConnections) {
  start({.idle_deadline = std::chrono::milliseconds(50)});
  RawClient silent(address_);
  RawClient done(address_);
  done.send(get_request("/health/live"));
  EXPECT_EQ(done.receive().result_int(), 200U);

  EXPECT_TRUE(silent.is_closed());
  EXPECT_TRUE(done.is_closed());
}

// Whoever waits longest for nothing makes room, of the same address first.
TEST_F(ServerTest, BoundsItsConnectionsPerAddress) {
  start({.maximum_connections_per_peer = 3});
  RawClient idle(address_);
  idle.send(get_request("/health/live"));
  ASSERT_EQ(idle.receive().result_int(), 200U);
  RawClient silent(address_);
  RawClient half(address_);
  half.send("GET /health/live HTT");
  RawClient neighbour(address_, "127.0.0.2");

  RawClient fourth(address_);
  fourth.send(get_request("/health/live"));
  EXPECT_EQ(fourth.receive().result_int(), 200U);
  EXPECT_TRUE(idle.is_closed());
  RawClient fifth(address_);
  fifth.send(get_request("/health/live"));
  EXPECT_EQ(fifth.receive().result_int(), 200U);
  EXPECT_TRUE(silent.is_closed());

  neighbour.send(get_request("/health/live"));
  EXPECT_EQ(neighbour.receive().result_int(), 200U);
}

TEST_F(ServerTest, LetsSomebodyInWhateverWaits) {
  start({.maximum_connections = 4, .maximum_connections_per_peer = 2});
  std::vector<std::unique_ptr<RawClient>> holding;
  for (const auto* source : {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}) {
    for (int i = 0; i < 2; ++i) holding.push_back(std::make_unique<RawClient>(address_, source));
  }

  RawClient client(address_);
  client.send(get_request("/health/live"));

  EXPECT_EQ(client.receive().result_int(), 200U);
}

// A request that is being answered is not given up for a stranger.
TEST_F(ServerTest, RefusesConnectionsWhileAllAreAnswered) {
  std::promise<void> entered;
  std::promise<void> go_on;
  clients_ = [&](const ClientQuery&) {
    entered.set_value();
    go_on.get_future().wait();
    return boost::json::array();
  };
  start({.maximum_connections_per_peer = 1});
  RawClient client(address_);
  client.send(get_request("/api/v1/clients"));
  entered.get_future().wait();

  RawClient second(address_);
  EXPECT_TRUE(second.is_closed());

  go_on.set_value();
  EXPECT_EQ(client.receive().result_int(), 200U);
}

TEST_F(ServerTest, ClosesConnectionsThatNeverAsk) {
  start({.request_deadline = std::chrono::milliseconds(50)});
  RawClient silent(address_);

  EXPECT_TRUE(silent.is_closed());
}

// Behind a refusal nothing is listened to for long, however slowly it comes.
TEST_F(ServerTest, ClosesWhoGoesOnAfterARefusal) {
  start({.drain_deadline = std::chrono::milliseconds(100)});
  RawClient client(address_);
  client.send("GET\r\n\r\n");
  ASSERT_EQ(client.receive().result_int(), 400U);

  const auto before = std::chrono::steady_clock::now();
  while (client.can_send("x") && std::chrono::steady_clock::now() - before < kLong) {
    std::this_thread::yield();
  }

  EXPECT_LT(std::chrono::steady_clock::now() - before, kLong);
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  start();
  for (const auto& [bind, errc] :
       std::vector<std::pair<std::string, Errc>>{{address_, Errc::AlreadyExists},
                                                 {"127.0.0.1", Errc::InvalidArgument},
                                                 {"127.0.0.1:99999", Errc::InvalidArgument},
                                                 {"some.host:80", Errc::InvalidArgument},
                                                 {"192.0.2.77:0", Errc::IoFailed}}) {
    Server other(sources(), accounts_, {.bind = bind});
    const auto bound = other.start();
    ASSERT_FALSE(bound.has_value()) << bind;
    EXPECT_EQ(bound.error().code, errc) << bound.error().detail;
    EXPECT_THAT(bound.error().detail, HasSubstr(bind));
  }
}

TEST_F(ServerTest, StopsWithOpenConnections) {
  start();
  RawClient idle(address_);
  RawClient used(address_);
  used.send(get_request("/health/live"));
  ASSERT_EQ(used.receive().result_int(), 200U);
  RawClient half(address_);
  half.send(
      "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Content-Length: 9\r\n\r\n");
  ASSERT_EQ(half.receive().result_int(), 100U);  // it waits for the body now

  const auto before = std::chrono::steady_clock::now();
  server_->stop();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, Options{}.request_deadline / 2);

  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(used.is_closed());
  EXPECT_TRUE(half.is_closed());
}

TEST_F(ServerTest, AnswersWhatIsUnderWayWhenItStops) {
  std::promise<void> entered;
  std::promise<void> go_on;
  clients_ = [&](const ClientQuery&) {
    entered.set_value();
    go_on.get_future().wait();
    return boost::json::array();
  };
  start();
  RawClient client(address_);
  client.send(get_request("/api/v1/clients"));
  entered.get_future().wait();

  auto stopped = std::async(std::launch::async, [&] { server_->stop(); });
  go_on.set_value();

  EXPECT_EQ(client.receive().result_int(), 200U);
  stopped.get();
}

// What waits for the outside world must not keep the others from seeing.
TEST_F(ServerTest, AnswersReadersWhileChangesWait) {
  test::MemoryStore slow(test::MemoryStore::Durability::Manual);
  broker::AccessControl access(slow, clock_, {});
  Sources with_slow{.store = slow,
                    .access = access,
                    .integration = integration_,
                    .connectors = connectors_,
                    .metrics = metrics_,
                    .clock = clock_};
  Server server(with_slow, accounts_, {.bind = "127.0.0.1:0"});
  address_ = server.start().value();
  token_ = server.create_local_token();
  std::vector<std::unique_ptr<RawClient>> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::make_unique<RawClient>(address_));
    waiting.back()->send(post_request(
        "/api/v1/policies",
        R"({"name":"abc)" + std::to_string(i) + R"(","effect":"allow","operations":["connect"]})"));
  }

  RawClient reader(address_);
  reader.send(get_request("/health/live"));
  EXPECT_EQ(reader.receive().result_int(), 200U);

  std::atomic<bool> done{false};
  std::thread durable([&] {
    while (!done) {
      slow.make_durable();
      std::this_thread::yield();
    }
  });
  for (auto& client : waiting) EXPECT_EQ(client->receive().result_int(), 201U);
  done = true;
  durable.join();
}

}  // namespace
}  // namespace sluice::admin
