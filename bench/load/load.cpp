// A load generator for MQTT servers: one thread, one epoll, publishers and subscribers of one kind.
//
//   sluice_load --port 1883 --pid SERVER --publishers 100 --window 64 --size 256 --qos 1 --seconds
//   10
//
// Each publisher keeps up to `window` messages unacknowledged (QoS 1) and writes them in batches.
// The result counts acknowledgements inside the measured time, never what was only sent.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

#include "load/connection.hpp"
#include "load/meter.hpp"

namespace sluice::load {
namespace {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  int pid = 0;
  std::size_t publishers = 1;
  std::size_t subscribers = 0;
  std::size_t window = 1024;
  std::size_t batch = 64;
  std::size_t size = 256;
  int qos = 1;
  bool v5 = false;
  std::string topic = "load";
  std::string username;
  std::string password;
  double warmup = 1;
  double seconds = 5;
  std::uint64_t messages = 0;  // stop after so many instead of by time
  bool json = false;
};

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

struct Totals {
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t received = 0;
  std::uint64_t refused = 0;
  Histogram latency;  // from the batch's writing to the PUBACK
};

// The bytes of one PUBLISH, of which only the packet id differs from message to message.
class Template {
 public:
  Template(const Options& options, const std::string& topic) {
    const std::string payload(options.size, 'x');
    const auto version = options.v5 ? mqtt::Version::V5 : mqtt::Version::V311;
    mqtt::encode(bytes_, version,
                 mqtt::Publish{.topic = topic,
                               .payload = payload,
                               .qos = static_cast<mqtt::Qos>(options.qos),
                               .packet_id = static_cast<std::uint16_t>(options.qos == 0 ? 0 : 1),
                               .properties = {}});
    id_at_ = bytes_.size() - payload.size() - (options.v5 ? 1 : 0) - 2;
  }
  void append_to(std::string& out, std::uint16_t packet_id) const {
    const auto begin = out.size();
    out += bytes_;
    if (packet_id == 0) return;
    out[begin + id_at_] = static_cast<char>(packet_id >> 8);
    out[begin + id_at_ + 1] = static_cast<char>(packet_id & 0xFF);
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t id_at_ = 0;
};

class Client {
 public:
  Client(const Options& options, Totals& totals, const std::string& client_id)
      : connection(options.host, options.port), totals_(totals) {
    mqtt::Connect connect;
    connect.version = options.v5 ? mqtt::Version::V5 : mqtt::Version::V311;
    connect.client_id = client_id;
    connect.keep_alive_s = 0;
    if (!options.username.empty()) {
      connect.username = options.username;
      connect.password = options.password;
    }
    connection.log_in(connect);
  }
  virtual ~Client() = default;
  virtual void on_readable() = 0;
  // Puts what may go into the output. False when nothing may.
  virtual bool produce() { return false; }

  Connection connection;

 protected:
  [[nodiscard]] Totals& totals() { return totals_; }

 private:
  Totals& totals_;
};

class Publisher final : public Client {
 public:
  Publisher(const Options& options, Totals& totals, std::size_t number)
      : Client(options, totals, "load-p" + std::to_string(number)),
        options_(options),
        template_(options, options.topic + "/" + std::to_string(number)),
        sent_at_(options.qos == 0 ? 0 : 65536) {}

  void on_readable() override {
    connection.receive([this](const mqtt::Frame& frame) {
      if (frame.type != mqtt::PacketType::Puback) {
        throw std::runtime_error("a publisher got something other than PUBACK");
      }
      const auto ack = mqtt::decode_ack(connection.version(), frame.type, frame.body);
      if (!ack) throw std::runtime_error("malformed PUBACK");
      --in_flight_;
      ++totals().acknowledged;
      if (static_cast<std::uint8_t>(ack->reason) >= 0x80) ++totals().refused;
      totals().latency.add(now_ns() - sent_at_[ack->packet_id]);
    });
  }

  bool produce() override {
    if (connection.has_output()) return true;
    const auto room = options_.qos == 0 ? options_.batch : options_.window - in_flight_;
    auto count = std::min(room, options_.batch);
    if (options_.messages != 0) {
      count = std::min<std::size_t>(count, options_.messages - totals().sent);
    }
    if (count == 0) return false;
    const auto now = options_.qos == 0 ? 0 : now_ns();
    for (std::size_t number = 0; number < count; ++number) {
      std::uint16_t packet_id = 0;
      if (options_.qos != 0) {
        next_id_ = static_cast<std::uint16_t>(next_id_ == 65535 ? 1 : next_id_ + 1);
        packet_id = next_id_;
        sent_at_[packet_id] = now;
        ++in_flight_;
      }
      template_.append_to(connection.output(), packet_id);
    }
    totals().sent += count;
    return true;
  }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  const Options& options_;
  Template template_;
  std::vector<std::uint64_t> sent_at_;  // by packet id
  std::uint16_t next_id_ = 0;
  std::size_t in_flight_ = 0;
};

class Subscriber final : public Client {
 public:
  Subscriber(const Options& options, Totals& totals, std::size_t number, const std::string& filter)
      : Client(options, totals, "load-s" + std::to_string(number)) {
    connection.subscribe(filter, static_cast<mqtt::Qos>(options.qos));
  }
  void on_readable() override {
    connection.receive([this](const mqtt::Frame& frame) {
      if (frame.type != mqtt::PacketType::Publish) return;
      const auto publish =
          mqtt::decode_publish(connection.version(), mqtt::Sender::Server, frame.flags, frame.body);
      if (!publish) throw std::runtime_error("malformed PUBLISH");
      ++totals().received;
      if (publish->qos == mqtt::Qos::AtLeastOnce) {
        mqtt::encode(connection.output(), connection.version(),
                     mqtt::Ack{.type = mqtt::PacketType::Puback,
                               .packet_id = publish->packet_id,
                               .properties = {}});
      }
    });
  }
};

// Owns every client; run() drives them until a moment.
class Load {
 public:
  explicit Load(const Options& options) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::runtime_error("epoll_create1");
    for (std::size_t number = 0; number < options.subscribers; ++number) {
      // As many subscribers as publishers: pairs. Otherwise each reads everything.
      const auto own = options.subscribers == options.publishers;
      add(std::make_unique<Subscriber>(
          options, totals, number, options.topic + (own ? "/" + std::to_string(number) : "/+")));
    }
    for (std::size_t number = 0; number < options.publishers; ++number) {
      auto publisher = std::make_unique<Publisher>(options, totals, number);
      publishers_.push_back(publisher.get());
      add(std::move(publisher));
    }
  }
  ~Load() { ::close(epoll_); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Until the time, or until `done` holds. With `publishing` new messages are sent.
  template <typename Done>
  void run(std::uint64_t until_ns, bool publishing, Done&& done) {
    if (publishing) {
      for (auto* publisher : publishers_) serve(*publisher, true);
    }
    std::vector<epoll_event> events(256);
    while (now_ns() < until_ns && !done()) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 20);
      for (int at = 0; at < count; ++at) {
        const auto& event = events[static_cast<std::size_t>(at)];
        auto& client = *static_cast<Client*>(event.data.ptr);
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) client.on_readable();
        serve(client, publishing);
      }
    }
  }
  [[nodiscard]] std::size_t in_flight() const {
    std::size_t sum = 0;
    for (const auto* publisher : publishers_) sum += publisher->in_flight();
    return sum;
  }

  Totals totals;

 private:
  void add(std::unique_ptr<Client> client) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = client.get();
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, client->connection.descriptor(), &event) != 0) {
      throw std::runtime_error("epoll_ctl");
    }
    clients_.push_back(std::move(client));
  }
  // Writes until the socket is full or nothing may be sent; edge-triggered, so all of it.
  void serve(Client& client, bool publishing) {
    client.connection.flush();
    while (publishing && !client.connection.has_output() && client.produce()) {
      client.connection.flush();
    }
  }

  int epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Publisher*> publishers_;
};

struct Result {
  double seconds = 0;
  double messages = 0;  // acknowledged, or sent with QoS 0
  double received = 0;
  double cpu_us = 0;  // of the server, per message
  double cpu_share = 0;
  std::uint64_t rss_begin = 0;
  std::uint64_t rss_end = 0;
};

Result measure(const Options& options, Load& load) {
  const auto never = [] { return false; };
  const auto all_sent = [&] {
    return options.messages != 0 && load.totals.sent >= options.messages;
  };
  const auto in = [](double seconds) {
    return now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  };
  if (options.messages == 0) load.run(in(options.warmup), true, never);

  load.totals.latency.clear();
  const auto count = [&] { return options.qos == 0 ? load.totals.sent : load.totals.acknowledged; };
  const auto before = usage_of(options.pid);
  const auto messages = count();
  const auto received = load.totals.received;
  const auto begin = now_ns();
  if (options.messages == 0) {
    load.run(in(options.seconds), true, never);
  } else {
    load.run(in(3600), true, all_sent);
    load.run(in(60), false, [&] { return load.in_flight() == 0; });
  }
  const auto seconds = static_cast<double>(now_ns() - begin) / 1e9;
  const auto after = usage_of(options.pid);
  const auto counted = static_cast<double>(count() - messages);
  const auto cpu = after.cpu_seconds - before.cpu_seconds;
  return {.seconds = seconds,
          .messages = counted,
          .received = static_cast<double>(load.totals.received - received),
          .cpu_us = counted == 0 ? 0 : cpu * 1e6 / counted,
          .cpu_share = cpu / seconds,
          .rss_begin = before.rss_bytes,
          .rss_end = after.rss_bytes};
}

void print(const Options& options, const Load& load, const Result& result, bool settled) {
  const auto& latency = load.totals.latency;
  const char* form =
      options.json
          ? "{\"messages_per_second\":%.0f,\"received_per_second\":%.0f,\"server_cpu_us\":%.3f,"
            "\"server_cores\":%.2f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,"
            "\"rss_mib_begin\":%.1f,\"rss_mib_end\":%.1f,\"sent\":%llu,\"refused\":%llu,"
            "\"all_acknowledged\":%s}\n"
          : "%.0f msg/s, received %.0f/s; server %.3f us/msg, %.2f cores; latency p50 %.0f us, "
            "p99 %.0f us, p99.9 %.0f us; RSS %.1f -> %.1f MiB; sent %llu, refused %llu, "
            "all acknowledged: %s\n";
  constexpr double kMib = 1024.0 * 1024.0;
  std::printf(form, result.messages / result.seconds, result.received / result.seconds,
              result.cpu_us, result.cpu_share, latency.quantile_us(0.5), latency.quantile_us(0.99),
              latency.quantile_us(0.999), static_cast<double>(result.rss_begin) / kMib,
              static_cast<double>(result.rss_end) / kMib,
              static_cast<unsigned long long>(load.totals.sent),
              static_cast<unsigned long long>(load.totals.refused), settled ? "true" : "false");
}

int run(const Options& options) {
  Load load(options);
  const auto result = measure(options, load);
  // What is under way is settled, so that a run says whether everything was acknowledged.
  load.run(now_ns() + 30'000'000'000ULL, false, [&] { return load.in_flight() == 0; });
  const bool settled = load.in_flight() == 0;
  print(options, load, result, settled);
  return settled && load.totals.refused == 0 ? 0 : 1;
}

void declare(CLI::App& app, Options& options) {
  app.add_option("--host", options.host, "IPv4 address");
  app.add_option("--port", options.port);
  app.add_option("--pid", options.pid, "the server's process id, for its CPU time and memory");
  app.add_option("--publishers", options.publishers)->check(CLI::Range(1, 60000));
  app.add_option("--subscribers", options.subscribers,
                 "as many as publishers: pairs; otherwise each reads everything");
  app.add_option("--window", options.window, "unacknowledged messages of one publisher")
      ->check(CLI::Range(1, 65535));
  app.add_option("--batch", options.batch, "most messages in one write")
      ->check(CLI::Range(1, 4096));
  app.add_option("--size", options.size, "bytes of payload")->check(CLI::Range(0, 1000000));
  app.add_option("--qos", options.qos)->check(CLI::Range(0, 1));
  app.add_flag("--v5", options.v5, "MQTT 5 instead of 3.1.1");
  app.add_option("--topic", options.topic, "publisher n writes TOPIC/n");
  app.add_option("--username", options.username);
  app.add_option("--password", options.password)->envname("SLUICE_LOAD_PASSWORD");
  app.add_option("--warmup", options.warmup, "seconds before the measured time");
  app.add_option("--seconds", options.seconds, "measured time");
  app.add_option("--messages", options.messages, "stop after so many instead of by time");
  app.add_flag("--json", options.json);
}

}  // namespace
}  // namespace sluice::load

int main(int argc, char** argv) {
  CLI::App app{"Load for an MQTT server"};
  sluice::load::Options options;
  sluice::load::declare(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    return sluice::load::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice_load: %s\n", error.what());
    return 2;
  }
}
