// Server-sent events (HTML Living Standard 9.2): a header, then text as it comes. Without a length:
// the connection ends with it, which every client and every proxy understands.
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/write.hpp>

#include "admin/http_connection.hpp"
#include "admin/http_header.hpp"
#include "admin/live_stream.hpp"

namespace sluice::admin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// For what waits for a client, at most LiveStream::kMostBytes: who takes less has gone, or might
// as well have. It may come back and go on where it was.
constexpr std::chrono::milliseconds kSendDeadline{60'000};

// Of what the kernel has taken: it would grow to megabytes by itself, and keep them for one that
// never reads for as long as that one's machine answers.
void bound_backlog(asio::ip::tcp::socket& socket) {
  const int bytes = static_cast<int>(LiveStream::kMostBytes);
  const auto deadline_ms = static_cast<unsigned>(kSendDeadline.count());
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &deadline_ms,
               sizeof deadline_ms);
}

}  // namespace

void HttpConnection::begin_live(Response response) {
  live_ = std::move(response.live);
  bound_backlog(stream_.socket());
  interim_.emplace(static_cast<http::status>(response.status), 11);
  set_header(*interim_, response);
  interim_->keep_alive(false);
  stream_.expires_after(all_.options.request_deadline);
  http::async_write(stream_, *interim_, [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error || self->all_.stopping) return self->close();
    self->watch_client();
    // Called from other threads, and not once the last owner of this has let go.
    self->live_->on_ready([weak = self->weak_from_this(), loop = self->stream_.get_executor()] {
      asio::post(loop, [weak] {
        if (const auto still_there = weak.lock()) still_there->send_live();
      });
    });
  });
}

// It has nothing more to say: what comes is its end.
void HttpConnection::watch_client() {
  stream_.expires_never();
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(1),
                          [self = shared_from_this()](ErrorCode, std::size_t) { self->close(); });
}

void HttpConnection::send_live() {
  if (!sending_.empty()) return;  // goes on when that is written
  sending_ = live_->take();
  if (sending_.empty()) {
    if (live_->is_ended()) close();
    return;
  }
  stream_.expires_after(kSendDeadline);
  asio::async_write(stream_, asio::buffer(sending_),
                    [self = shared_from_this()](ErrorCode error, std::size_t) {
                      if (error) return self->close();
                      self->sending_.clear();
                      self->send_live();
                    });
}

}  // namespace sluice::admin
