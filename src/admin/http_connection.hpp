#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "admin/api.hpp"
#include "admin/http_request.hpp"
#include "admin/http_stream.hpp"
#include "admin/server.hpp"

namespace sluice::admin {

class HttpConnection;

// What all connections of a server share. Touched on its one thread, but for `api` and the pools.
struct Connections {
  Api& api;
  const Options& options;
  boost::asio::thread_pool& reading;   // for GET
  boost::asio::thread_pool& changing;  // for what may wait long
  boost::asio::thread_pool& querying;  // for what reads the log
  std::size_t queries = 0;             // under way or waiting for a thread of that pool
  std::set<HttpConnection*> open = {};
  bool stopping = false;

  // Whether one more from this address fits in; ends another one for it where that helps.
  [[nodiscard]] bool make_room(const boost::asio::ip::address& address);
};

// One client: a request is read within its deadline, answered on a pool, and the next one is waited
// for.
//
// Owns:    its socket and one request. Keeps itself alive while an operation is under way.
// Threads: the server's one; the API alone runs on a pool.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // `tls` is null: HTTP as it is.
  HttpConnection(boost::asio::ip::tcp::socket socket, std::shared_ptr<const io::TlsContext> tls,
                 Connections& all);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void begin();
  // Ends now if no whole request has been read, or the answer goes on and on, else after it.
  void end_when_answered();
  // Ends at once, for another.
  void give_way();

  using Time = std::chrono::steady_clock::time_point;
  // Since when it waits for its client; none while a request is being answered.
  [[nodiscard]] std::optional<Time> waits_since() const { return waits_since_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] bool is_loopback() const { return is_loopback_; }

 private:
  using Message = boost::beast::http::response<boost::beast::http::string_body>;
  using ErrorCode = boost::beast::error_code;

  void wait_for_request();
  void read_header();
  void on_header(ErrorCode error);
  void promise_to_continue();
  void read_body();
  void answer();
  void answer_on(boost::asio::thread_pool& pool, Request wanted, bool is_query);
  void refuse(ErrorCode error);
  void write(Response response, bool keep_alive, bool is_head);
  // What follows a header as long as it lasts (http_connection_live.cpp).
  void begin_live(Response response);
  void watch_client();
  void send_live();
  void say_farewell();
  void begin_to_drain();
  void drain();
  void close();
  [[nodiscard]] Request request() const;

  Connections& all_;
  HttpStream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<RequestParser> parser_;
  std::optional<Message> message_;
  std::optional<boost::beast::http::response<boost::beast::http::empty_body>> interim_;
  std::shared_ptr<LiveStream> live_;
  std::string sending_;  // of it
  std::string remote_address_;
  std::string local_address_;
  std::string peer_;
  bool is_loopback_ = false;
  bool has_asked_ = false;  // a request at least
  std::size_t drained_ = 0;
  std::optional<Time> waits_since_;
};

}  // namespace sluice::admin
