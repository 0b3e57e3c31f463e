#include "net/proxy_header.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <vector>

#include "broker/limits.hpp"

namespace sluice::net {
namespace {

constexpr std::string_view kLine = "PROXY ";
constexpr std::string_view kBinary("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kEndOfLine = "\r\n";

unsigned byte_at(const std::string& text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, address, text.data(), text.size()) == nullptr ? "" : text.data();
}

// The address as this server writes it; empty: it is none.
std::string normalized(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const std::string copy(text);
  return ::inet_pton(family, copy.c_str(), address.data()) == 1 ? text_of(family, address.data())
                                                                : std::string();
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return words;
    line.remove_prefix(space + 1);
  }
}

}  // namespace

std::size_t ProxyHeader::take(std::string_view bytes) {
  std::size_t taken = 0;
  while (state_ == State::Waiting && taken < bytes.size()) {
    if (skipped_ > 0) {
      const auto size = std::min(skipped_, bytes.size() - taken);
      taken += size;
      skipped_ -= size;
      if (skipped_ == 0) state_ = State::Done;
      continue;
    }
    text_ += bytes[taken++];
    look();
  }
  if (state_ != State::Waiting) text_ = {};
  return taken;
}

// At each byte: the header is short, and what follows it must not be touched.
void ProxyHeader::look() {
  const auto begins_as = [this](std::string_view form) {
    const auto size = std::min(form.size(), text_.size());
    return std::string_view(text_).substr(0, size) == form.substr(0, size);
  };
  if (begins_as(kLine)) {
    if (text_.ends_with(kEndOfLine))
      read_line();
    else if (text_.size() == kMostLine)
      state_ = State::Refused;
    return;
  }
  if (!begins_as(kBinary)) {
    state_ = State::Refused;
    return;
  }
  if (text_.size() == kHead) read_head();
  if (end_ > 0 && text_.size() == end_) read_addresses();
}

void ProxyHeader::read_line() {
  state_ = State::Refused;
  const auto line = std::string_view(text_).substr(0, text_.size() - kEndOfLine.size());
  const auto words = words_of(line);
  if (words.size() >= 2 && words[1] == "UNKNOWN") {
    state_ = State::Done;
    return;
  }
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) return;
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  client_ = normalized(family, words[2]);
  const bool is_good = !client_.empty() && !normalized(family, words[3]).empty() &&
                       is_port(words[4]) && is_port(words[5]);
  if (is_good) state_ = State::Done;
}

void ProxyHeader::read_head() {
  const auto size = byte_at(text_, 14) << 8 | byte_at(text_, 15);
  const auto version = byte_at(text_, 12) >> 4;
  const auto command = byte_at(text_, 12) & 0x0F;
  if (version != 2 || command > 1 || size > broker::kMostProxyExtras) {
    state_ = State::Refused;
    return;
  }
  const auto read = std::min<std::size_t>(size, kMostAddresses);
  end_ = kHead + read;
  extras_ = size - read;
}

void ProxyHeader::read_addresses() {
  const bool is_for_itself = (byte_at(text_, 12) & 0x0F) == 0;  // LOCAL: a look at our health
  const auto family = byte_at(text_, 13) >> 4;
  const auto size = end_ - kHead + extras_;
  if (!is_for_itself && family == 1 && size >= 12) client_ = text_of(AF_INET, &text_[kHead]);
  if (!is_for_itself && family == 2 && size >= 36) client_ = text_of(AF_INET6, &text_[kHead]);
  const bool is_short = !is_for_itself && (family == 1 || family == 2) && client_.empty();
  skipped_ = extras_;
  if (is_short)
    state_ = State::Refused;
  else if (skipped_ == 0)
    state_ = State::Done;
}

}  // namespace sluice::net
