#include "io/http_channel.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "io/http_answer.hpp"

namespace sluice::io {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMaximumAnswerHead = 64 * 1024;
constexpr std::size_t kPiece = std::size_t{16} * 1024;

tl::unexpected<Error> closed() {
  return fail(Errc::IoFailed, "the other side closed the connection");
}

}  // namespace

HttpChannel::HttpChannel(Url url, TlsIdentity identity)
    : url_(std::move(url)), identity_(std::move(identity)) {}

HttpChannel::~HttpChannel() = default;

Result<HttpResponse, HttpChannel::Failure> HttpChannel::exchange(const HttpRequest& request,
                                                                 SteadyTime until) {
  auto bytes = request_bytes(request, url_);
  if (!bytes) return tl::unexpected(Failure{std::move(bytes.error())});
  // The rule may have changed since the connection was made.
  if (stream_ && (stream_->has_ended() || !stream_->may_go_on(Caller::Http))) stream_.reset();
  if (!stream_) {
    if (auto connected = connect(until); !connected)
      return tl::unexpected(Failure{std::move(connected.error())});
  }
  bool stays_open = false;
  auto answer = [&]() -> Result<HttpResponse> {
    SL_TRY_VOID(stream_->write(*bytes, until));
    return receive(request, until, stays_open);
  }();
  if (!stays_open) stream_.reset();
  if (!answer) return tl::unexpected(Failure{std::move(answer.error()), true});
  return std::move(*answer);
}

Result<void> HttpChannel::connect(SteadyTime until) {
  const auto place = url_.host + ":" + std::to_string(url_.port);
  auto addresses = resolve(url_.host, std::to_string(url_.port), until);
  if (!addresses) return fail(addresses.error().code, place + ": " + addresses.error().detail);
  auto problem = fail(Errc::Unavailable, place + ": it has no address");
  for (const auto& address : *addresses) {
    auto socket = connect_to(Caller::Http, address, until);
    if (!socket) {
      problem = fail(socket.error().code, place + ": " + socket.error().detail);
      continue;
    }
    if (!url_.is_tls) {
      stream_ = Stream(std::move(*socket));
      return {};
    }
    auto tls = TlsProbe::open(std::move(*socket), url_.host, identity_, until);
    if (!tls) return fail(tls.error().code, place + ": " + tls.error().detail);
    stream_ = Stream(std::move(*tls));
    return {};
  }
  return problem;
}

Result<HttpResponse> HttpChannel::receive(const HttpRequest& request, SteadyTime until,
                                          bool& stays_open) {
  std::string buffer;
  AnswerReader answer;
  for (;;) {
    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaximumAnswerHead);
    parser.body_limit(request.maximum_body_bytes);
    parser.skip(request.method == "HEAD");
    parser.eager(true);
    SL_TRY_VOID(read_into(parser, buffer, until));
    auto message = parser.release();
    const bool may_go_on = message.keep_alive() && buffer.empty();
    SL_TRY(response, answer.take(std::move(message)));
    if (!response) continue;
    stays_open = may_go_on;
    return std::move(*response);
  }
}

// One message; `buffer` holds what came after the one before, and then what came after this one.
template <class Parser>
Result<void> HttpChannel::read_into(Parser& parser, std::string& buffer, SteadyTime until) {
  std::array<char, kPiece> piece{};
  for (;;) {
    boost::system::error_code error;
    while (!buffer.empty() && !parser.is_done()) {
      const auto used = parser.put(boost::asio::buffer(buffer), error);
      buffer.erase(0, used);
      if (error == http::error::need_more) break;
      if (error == http::error::body_limit)
        return fail(Errc::Overloaded, "the answer is too large");
      if (error) return fail(Errc::IoFailed, "the answer is no HTTP: " + error.message());
      if (used == 0) break;
    }
    if (parser.is_done()) return {};
    SL_TRY(got, stream_->read(piece.data(), piece.size(), until));
    buffer.append(piece.data(), got);
    if (got > 0) continue;
    if (!parser.got_some()) return closed();
    parser.put_eof(error);
    if (error || !parser.is_done()) return closed();
    return {};
  }
}

}  // namespace sluice::io
