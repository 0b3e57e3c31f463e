#include "net/web_socket.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::net {
namespace {

constexpr std::string_view kEndOfRequest = "\r\n\r\n";
constexpr std::string_view kBeginOfRequest = "GET ";

std::string refusal_text(CloseCode code) {
  switch (code) {
    case CloseCode::NotBinary:
      return "a text frame: MQTT takes binary ones";
    case CloseCode::TooLarge:
      return "a frame larger than any packet";
    case CloseCode::Normal:
    case CloseCode::ProtocolError:
      break;
  }
  return "a frame that breaks the protocol";
}

}  // namespace

std::size_t WebSocket::take(std::span<char> bytes, std::string& answer) {
  std::size_t begin = 0;
  if (state_ == State::Upgrade) begin = take_upgrade({bytes.data(), bytes.size()}, answer);
  if (state_ != State::Open) return 0;
  const auto frames = bytes.subspan(begin);
  const auto carried = frames_.take(frames, answer);
  if (begin > 0) std::memmove(bytes.data(), frames.data(), carried);
  follow_frames();
  return carried;
}

// Returns how many of the bytes belong to the request.
std::size_t WebSocket::take_upgrade(std::string_view bytes, std::string& answer) {
  const auto before = request_.size();
  request_ += bytes.substr(0, kMaximumUpgrade - before);
  const auto known = std::min(request_.size(), kBeginOfRequest.size());
  if (request_.compare(0, known, kBeginOfRequest, 0, known) != 0) {
    answer_with(refuse_other_protocol(), answer);
    return bytes.size();
  }
  const auto from = before - std::min(before, kEndOfRequest.size() - 1);
  const auto end = request_.find(kEndOfRequest, from);
  if (end == std::string::npos) {
    if (request_.size() == kMaximumUpgrade) answer_with(refuse_long_upgrade(), answer);
    return bytes.size();
  }
  const auto size = end + kEndOfRequest.size();
  answer_with(answer_upgrade(std::string_view(request_).substr(0, size), *serving_), answer);
  return size - before;
}

void WebSocket::answer_with(const UpgradeAnswer& answered, std::string& answer) {
  answer += answered.response;
  failure_ = answered.reason;
  state_ = answered.is_accepted ? State::Open : State::Failed;
  request_ = {};
}

void WebSocket::follow_frames() {
  if (frames_.is_closed()) state_ = State::Ended;
  const auto refusal = frames_.refusal();
  if (!refusal) return;
  state_ = State::Failed;
  failure_ = refusal_text(*refusal);
}

void WebSocket::finish(std::string& wire) {
  if (const auto refusal = frames_.refusal())
    append_close_frame(wire, static_cast<std::uint16_t>(*refusal));
  else if (frames_.is_closed())
    append_close_frame(wire, frames_.close_code());
  else if (state_ == State::Open)
    append_close_frame(wire, static_cast<std::uint16_t>(CloseCode::Normal));
}

}  // namespace sluice::net
