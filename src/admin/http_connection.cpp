#include "admin/http_connection.hpp"

#include <algorithm>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "admin/http_header.hpp"
#include "admin/http_request.hpp"
#include "admin/live_stream.hpp"
#include "base/peer.hpp"

namespace sluice::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kMaximumDrained = 4 * 1024 * 1024;

bool is_loopback(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

std::string address_of(const asio::ip::tcp::endpoint& endpoint, beast::error_code error) {
  return error ? std::string() : endpoint.address().to_string();
}

Problem problem_of(beast::error_code error) {
  if (error == http::error::body_limit) {
    return {.status = 413,
            .code = "body_too_large",
            .detail = "the body is larger than this server takes",
            .hint = "at most 1 MiB"};
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {.status = 431,
            .code = "header_too_large",
            .detail = "the request's header is larger than this server takes",
            .hint = "at most 16 KiB"};
  }
  return {.status = 400,
          .code = "not_http",
          .detail = "the request cannot be read: " + error.message(),
          .hint = "HTTP/1.1 is spoken here"};
}

Response too_many_queries() {
  auto response = problem_response(
      Problem{.status = 503,
              .code = "overloaded",
              .detail = "as many questions about the log are under way as there may be",
              .hint = "ask again in a moment, as Retry-After says; a narrower time or filter is "
                      "answered sooner"});
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

bool is_http_fault(beast::error_code error) {
  return error.category() == http::make_error_code(http::error::body_limit).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

bool Connections::make_room(const asio::ip::address& address) {
  const auto peer = peer_of(address.to_string());
  const bool local = is_loopback(address);
  std::size_t of_peer = 0;
  std::size_t not_local = 0;
  HttpConnection* oldest_of_peer = nullptr;
  HttpConnection* oldest = nullptr;  // that may give way to this one
  const auto older = [](HttpConnection* known, HttpConnection* other) {
    if (!other->waits_since()) return known;
    return known == nullptr || *other->waits_since() < *known->waits_since() ? other : known;
  };
  for (auto* connection : open) {
    if (!connection->is_loopback()) ++not_local;
    if (connection->peer() == peer) {
      ++of_peer;
      oldest_of_peer = older(oldest_of_peer, connection);
    }
    if (local || !connection->is_loopback()) oldest = older(oldest, connection);
  }
  const auto kept = std::min(options.kept_for_loopback, options.maximum_connections);
  const bool peer_is_full = of_peer >= options.maximum_connections_per_peer;
  const bool all_is_full = open.size() >= options.maximum_connections ||
                           (!local && not_local >= options.maximum_connections - kept);
  if (!peer_is_full && !all_is_full) return true;
  auto* victim = peer_is_full ? oldest_of_peer : oldest;
  if (victim == nullptr) return false;
  victim->give_way();
  return true;
}

HttpConnection::HttpConnection(asio::ip::tcp::socket socket,
                               std::shared_ptr<const io::TlsContext> tls, Connections& all)
    : all_(all),
      stream_(std::move(socket), std::move(tls)),
      buffer_(all.options.maximum_header_bytes + 64 * 1024) {
  beast::error_code error;
  const auto remote = stream_.socket().remote_endpoint(error);
  remote_address_ = address_of(remote, error);
  peer_ = peer_of(remote_address_);
  is_loopback_ = !error && admin::is_loopback(remote.address());
  const auto local = stream_.socket().local_endpoint(error);
  local_address_ = address_of(local, error);
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  all_.open.insert(this);
}

HttpConnection::~HttpConnection() {
  if (live_) live_->on_ready({});
  all_.open.erase(this);
}

void HttpConnection::begin() {
  if (!stream_.is_usable()) return close();
  if (!stream_.is_encrypted()) return wait_for_request();
  waits_since_ = std::chrono::steady_clock::now();
  stream_.expires_after(all_.options.request_deadline);
  stream_.async_handshake([self = shared_from_this()](ErrorCode error) {
    if (error) return self->close();
    self->wait_for_request();
  });
}

void HttpConnection::end_when_answered() {
  if (waits_since_ || live_) stream_.close();
}

void HttpConnection::give_way() {
  all_.open.erase(this);  // its handlers are still to run
  stream_.close();
}

void HttpConnection::wait_for_request() {
  if (all_.stopping) return close();
  waits_since_ = std::chrono::steady_clock::now();
  if (buffer_.size() > 0) return read_header();
  stream_.expires_after(has_asked_ ? all_.options.idle_deadline : all_.options.request_deadline);
  stream_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](ErrorCode error, std::size_t count) {
                            if (error) return self->close();
                            self->buffer_.commit(count);
                            self->read_header();
                          });
}

void HttpConnection::read_header() {
  parser_.emplace();
  set_bounds(*parser_, all_.options);
  stream_.expires_after(all_.options.request_deadline);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_header(error); });
}

void HttpConnection::on_header(ErrorCode error) {
  if (error) return refuse(error);
  if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
    return promise_to_continue();
  }
  read_body();
}

void HttpConnection::promise_to_continue() {
  interim_.emplace(http::status::continue_, parser_->get().version());
  http::async_write(stream_, *interim_, [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error) return self->close();
    self->read_body();
  });
}

void HttpConnection::read_body() {
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](ErrorCode error, std::size_t) {
                     if (error) return self->refuse(error);
                     self->answer();
                   });
}

void HttpConnection::answer() {
  waits_since_.reset();
  has_asked_ = true;
  stream_.expires_never();  // an action may wait for the outside world
  auto wanted = request();
  if (!Api::is_query(wanted)) {
    auto& pool = wanted.method == Method::Get ? all_.reading : all_.changing;
    return answer_on(pool, std::move(wanted), false);
  }
  if (all_.queries >= all_.options.maximum_queries) {
    const bool is_head = parser_->get().method() == http::verb::head;
    return write(too_many_queries(), parser_->get().keep_alive(), is_head);
  }
  ++all_.queries;
  answer_on(all_.querying, std::move(wanted), true);
}

void HttpConnection::answer_on(asio::thread_pool& pool, Request wanted, bool is_query) {
  const auto& message = parser_->get();
  const bool keep_alive = message.keep_alive() && !all_.stopping;
  const bool is_head = message.method() == http::verb::head;
  asio::post(pool, [self = shared_from_this(), loop = asio::make_work_guard(stream_.get_executor()),
                    wanted = std::move(wanted), keep_alive, is_head, is_query]() mutable {
    auto response = self->all_.api.answer(wanted);
    // Moved on, so that the last owner lets go on the connection's own thread.
    asio::post(loop.get_executor(), [self = std::move(self), response = std::move(response),
                                     keep_alive, is_head, is_query]() mutable {
      if (is_query) --self->all_.queries;
      self->write(std::move(response), keep_alive, is_head);
    });
  });
}

Request HttpConnection::request() const {
  auto request = request_of(parser_->get());
  request.is_encrypted = stream_.is_encrypted();
  request.remote_address = remote_address_;
  request.local_address = local_address_;
  return request;
}

void HttpConnection::refuse(ErrorCode error) {
  if (!is_http_fault(error)) return close();
  waits_since_.reset();
  write(problem_response(problem_of(error)), false, false);
}

void HttpConnection::write(Response response, bool keep_alive, bool is_head) {
  if (response.live && !is_head && !all_.stopping) return begin_live(std::move(response));
  message_.emplace(static_cast<http::status>(response.status), 11);
  auto& message = *message_;
  set_header(message, response);
  message.keep_alive(keep_alive && !all_.stopping);
  if (response.status != 204 && response.status != 304)
    message.content_length(response.body.size());
  if (!is_head) message.body() = std::move(response.body);

  stream_.expires_after(all_.options.request_deadline);
  http::async_write(stream_, message, [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error) return self->close();
    if (self->message_->keep_alive()) return self->wait_for_request();
    self->say_farewell();
  });
}

// In TLS the end is said, too; whoever sends more instead of answering it is read to the end below.
void HttpConnection::say_farewell() {
  if (!stream_.is_encrypted()) return begin_to_drain();
  waits_since_ = std::chrono::steady_clock::now();
  stream_.expires_after(all_.options.drain_deadline);
  stream_.async_shutdown([self = shared_from_this()](ErrorCode error) {
    if (!error || self->all_.stopping) return self->close();
    self->begin_to_drain();
  });
}

// Closing with unread bytes would reset the connection, and the client would lose the answer.
void HttpConnection::begin_to_drain() {
  ErrorCode ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  waits_since_ = std::chrono::steady_clock::now();
  stream_.expires_after(all_.options.drain_deadline);  // for all of it
  drain();
}

void HttpConnection::drain() {
  buffer_.clear();
  stream_.plain().async_read_some(buffer_.prepare(kReadBytes),
                                  [self = shared_from_this()](ErrorCode error, std::size_t count) {
                                    self->drained_ += count;
                                    const bool enough = self->drained_ > kMaximumDrained;
                                    if (error || enough || self->all_.stopping)
                                      return self->close();
                                    self->drain();
                                  });
}

void HttpConnection::close() {
  stream_.close();
}

}  // namespace sluice::admin
