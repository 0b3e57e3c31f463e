// Clients that come at a rate, whatever becomes of those before: connect, CONNECT, CONNACK, and
// away.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>

#include "load/clients.hpp"
#include "load/report.hpp"
#include "load/runs.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kPatience = 10 * kSecond;  // for the answers that are missing at the end
constexpr std::size_t kMostOpen = 15'000;          // descriptors; who is due then waits here
// Each client leaves a port behind that cannot be used for a while: one address has too few.
constexpr std::uint32_t kFirstSource = 0x7F000101;  // 127.0.1.1
constexpr std::uint32_t kSources = 64;

class Storm {
 public:
  explicit Storm(const Options& options) : options_(options), epoll_(::epoll_create1(0)) {
    if (epoll_ < 0) throw std::runtime_error("epoll_create1");
    server_.sin_family = AF_INET;
    server_.sin_port = htons(options.port);
    if (inet_pton(AF_INET, options.host.c_str(), &server_.sin_addr) != 1)
      throw std::runtime_error("not an IPv4 address: " + options.host);
  }
  ~Storm() {
    for (const auto& [descriptor, client] : open_) ::close(descriptor);
    ::close(epoll_);
  }
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;

  void run() {
    const auto begun = now_ns();
    const auto planned = static_cast<std::uint64_t>(options_.connects * options_.seconds);
    const auto end = begun + static_cast<std::uint64_t>(options_.seconds * 1e9) + kPatience;
    while (asked_ < planned || !open_.empty()) {
      const auto now = now_ns();
      if (now > end) break;
      while (asked_ < planned && open_.size() < kMostOpen && due_of(asked_, begun) <= now)
        begin_one(due_of(asked_, begun));
      most_open_ = std::max(most_open_, open_.size());
      handle_events(asked_ < planned ? 1 : 100);
    }
    took_seconds_ = static_cast<double>(last_answer_ns_ - begun) / 1e9;
  }

  int print() const {
    const auto missing = asked_ - served_ - refused_ - failed_;
    Report report;
    report.number("connects", asked_);
    report.number("connects_per_second", options_.connects);
    report.number("served", served_);
    report.number("refused", refused_);
    report.number("failed", failed_);
    report.number("unanswered", missing);
    report.number("served_per_second", static_cast<double>(served_) / took_seconds_);
    report.number("most_under_way", static_cast<std::uint64_t>(most_open_));
    report.times("connack", to_connack_);
    report.number("connack_longest_us", static_cast<double>(longest_ns_) / 1e3);
    report.print(options_.json);
    return missing + failed_ > 0 ? 1 : 0;
  }

 private:
  struct Client {
    std::uint64_t due_ns = 0;
    std::uint64_t number = 0;
    bool has_asked = false;
  };

  [[nodiscard]] std::uint64_t due_of(std::uint64_t number, std::uint64_t begun) const {
    return begun +
           static_cast<std::uint64_t>(static_cast<double>(number) * 1e9 / options_.connects);
  }

  void begin_one(std::uint64_t due_ns) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) throw std::runtime_error(std::string("socket: ") + std::strerror(errno));
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(kFirstSource + static_cast<std::uint32_t>(asked_ % kSources));
    ::bind(descriptor, reinterpret_cast<const sockaddr*>(&source), sizeof source);
    const auto number = asked_++;
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&server_), sizeof server_) != 0 &&
        errno != EINPROGRESS) {
      ++failed_;
      ::close(descriptor);
      return;
    }
    open_[descriptor] = {.due_ns = due_ns, .number = number};
    watch(EPOLL_CTL_ADD, descriptor, EPOLLOUT);
  }

  void watch(int what, int descriptor, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    ::epoll_ctl(epoll_, what, descriptor, &event);
  }

  void handle_events(int wait_ms) {
    std::array<epoll_event, 512> events{};
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
    for (int i = 0; i < count; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      auto& client = open_.at(descriptor);
      if (client.has_asked ? !is_answered(descriptor, client) : ask(descriptor, client)) continue;
      ::close(descriptor);
      open_.erase(descriptor);
    }
  }

  // False: it came to nothing.
  bool ask(int descriptor, Client& client) {
    std::string bytes;
    const auto name = "storm-" + std::to_string(client.number);
    mqtt::encode(bytes, connect_of(options_, name));
    client.has_asked = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                       static_cast<ssize_t>(bytes.size());
    if (client.has_asked)
      watch(EPOLL_CTL_MOD, descriptor, EPOLLIN);
    else
      ++failed_;
    return client.has_asked;
  }

  // The answer, or the end of the connection, has come.
  bool is_answered(int descriptor, const Client& client) {
    std::array<char, 512> bytes{};
    const auto count = ::recv(descriptor, bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    const auto version = options_.v5 ? mqtt::Version::V5 : mqtt::Version::V311;
    const auto frame = mqtt::next_frame(
        std::string_view(bytes.data(), count < 0 ? 0 : static_cast<std::size_t>(count)), 512);
    if (count <= 0 || !frame || !*frame || (*frame)->type != mqtt::PacketType::Connack) {
      ++failed_;
      return true;
    }
    const auto connack = mqtt::decode_connack(version, (*frame)->body);
    last_answer_ns_ = now_ns();
    const auto took = last_answer_ns_ - client.due_ns;
    to_connack_.add(took);
    longest_ns_ = std::max(longest_ns_, took);
    if (connack && connack->reason == mqtt::ReasonCode::Success) {
      ++served_;
      std::string end;
      mqtt::encode(end, version, mqtt::Disconnect{});
      static_cast<void>(::send(descriptor, end.data(), end.size(), MSG_NOSIGNAL));
    } else {
      ++refused_;
    }
    return true;
  }

  const Options& options_;
  const int epoll_;
  sockaddr_in server_{};
  std::unordered_map<int, Client> open_;
  std::uint64_t asked_ = 0;
  std::uint64_t served_ = 0;
  std::uint64_t refused_ = 0;  // by CONNACK
  std::uint64_t failed_ = 0;   // no connection, or one that ended without CONNACK
  std::size_t most_open_ = 0;
  std::uint64_t longest_ns_ = 0;
  std::uint64_t last_answer_ns_ = 0;
  double took_seconds_ = 0;
  Histogram to_connack_;  // from when it was due
};

}  // namespace

int run_connects(const Options& options) {
  Storm storm(options);
  storm.run();
  return storm.print();
}

}  // namespace sluice::load
