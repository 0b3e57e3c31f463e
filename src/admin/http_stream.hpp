#pragma once
#include <chrono>
#include <memory>
#include <utility>

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "io/tls_context.hpp"

namespace sluice::admin {

// The bytes of one HTTP client, as they are or through TLS. A stream as Beast wants one.
//
// Owns:    the socket.
// Threads: those of its executor.
class HttpStream {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;

  // `tls` is null: not encrypted.
  HttpStream(boost::asio::ip::tcp::socket socket, std::shared_ptr<const io::TlsContext> tls)
      : context_(std::move(tls)), plain_(std::move(socket)) {
    if (!context_) return;
    auto session = context_->new_session();
    if (session) tls_ = std::make_unique<Tls>(plain_, session.release());
  }

  [[nodiscard]] bool is_encrypted() const { return context_ != nullptr; }
  // False: out of memory for TLS.
  [[nodiscard]] bool is_usable() const { return !context_ || tls_; }
  [[nodiscard]] boost::beast::tcp_stream& plain() { return plain_; }
  [[nodiscard]] boost::asio::ip::tcp::socket& socket() { return plain_.socket(); }
  [[nodiscard]] executor_type get_executor() { return plain_.get_executor(); }

  void expires_after(std::chrono::milliseconds time) { plain_.expires_after(time); }
  void expires_never() { plain_.expires_never(); }
  void close() { plain_.close(); }

  // Contract: is_encrypted().
  template <class Done>
  void async_handshake(Done&& done) {
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Done>(done));
  }
  template <class Done>
  void async_shutdown(Done&& done) {
    tls_->async_shutdown(std::forward<Done>(done));
  }
  template <class Buffers, class Done>
  void async_read_some(const Buffers& buffers, Done&& done) {
    if (tls_)
      tls_->async_read_some(buffers, std::forward<Done>(done));
    else
      plain_.async_read_some(buffers, std::forward<Done>(done));
  }
  template <class Buffers, class Done>
  void async_write_some(const Buffers& buffers, Done&& done) {
    if (tls_)
      tls_->async_write_some(buffers, std::forward<Done>(done));
    else
      plain_.async_write_some(buffers, std::forward<Done>(done));
  }

 private:
  using Tls = boost::asio::ssl::stream<boost::beast::tcp_stream&>;

  const std::shared_ptr<const io::TlsContext> context_;
  boost::beast::tcp_stream plain_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace sluice::admin
