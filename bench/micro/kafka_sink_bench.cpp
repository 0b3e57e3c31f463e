// What a task costs per message, thread by thread: reading the log, mapping, handing to the client
// library, settling. Against a sink that does nothing, and against the library's mock cluster in
// this process (thread `rdk:mock` is not ours to pay).
//
//   kafka_sink_bench [MESSAGES] [PAYLOAD BYTES] [PART OF A TITLE]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <librdkafka/rdkafka.h>
// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

#include "connect/worker.hpp"
#include "connectors/kafka/kafka_client.hpp"
#include "connectors/kafka/kafka_sink.hpp"
#include "store/embedded/engine.hpp"

namespace sluice {
namespace {

namespace json = boost::json;
using connect::Delivery;
using connect::Record;
using connectors::kafka::Client;

// Takes everything and says at once that it arrived.
class NoSink final : public connect::Sink {
 public:
  explicit NoSink(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}
  Result<std::size_t> write(std::span<const Record> records) override {
    for (const auto& record : records) deliveries_.push_back({.token = record.token, .reason = {}});
    callbacks_.on_ready();
    return records.size();
  }
  Milliseconds collect(std::vector<Delivery>& outcomes) override {
    std::swap(outcomes, deliveries_);
    return kNotByItself;
  }
  std::string_view away() const override { return {}; }
  void flush() override {}
  void abandon() override {}

 private:
  Callbacks callbacks_;
  std::vector<Delivery> deliveries_;
};

// Nanoseconds of CPU by thread name, of the threads that live now.
std::map<std::string, double> cpu_by_thread() {
  std::map<std::string, double> sums;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream name_file(entry.path() / "comm");
    std::ifstream run_file(entry.path() / "schedstat");
    std::string name;
    double ns = 0;
    std::getline(name_file, name);
    run_file >> ns;
    sums[name] += ns;
  }
  return sums;
}

struct Mock {
  Mock()
      : host(*connectors::kafka::make_client(
            RD_KAFKA_PRODUCER, *connectors::kafka::make_conf({{"client.id", "mock"}}))),
        cluster(rd_kafka_mock_cluster_new(host.get(), 1)) {
    rd_kafka_mock_topic_create(cluster, "bench", 4, 1);
  }
  ~Mock() { rd_kafka_mock_cluster_destroy(cluster); }
  Mock(const Mock&) = delete;
  Mock& operator=(const Mock&) = delete;
  [[nodiscard]] json::object settings() const {
    return {{"bootstrap_servers", rd_kafka_mock_cluster_bootstraps(cluster)},
            {"security_protocol", "PLAINTEXT"},
            {"properties", json::object()}};
  }
  Client host;
  rd_kafka_mock_cluster_t* cluster;
};

json::object sink_document(const char* compression) {
  return {{"compression", compression},
          {"acks", "all"},
          {"linger_ms", 5},
          {"batch_bytes", 1'000'000},
          {"buffer_bytes", 33'554'432},
          {"client_id_prefix", ""},
          {"create", nullptr}};
}

class Bench {
 public:
  Bench(std::size_t messages, std::size_t payload, std::string only)
      : messages_(messages), only_(std::move(only)) {
    directory_ = "/tmp/sluice-kafka-bench-" + std::to_string(::getpid());
    std::filesystem::remove_all(directory_);
    store::EmbeddedOptions options;
    options.directory = directory_;
    options.durability = store::EmbeddedOptions::Durability::Os;
    store_ = std::move(*store::open_embedded(*files_, clock_, options));
    queue_ = store_->open_queue("#", true)->id;
    fill(payload);
  }
  ~Bench() {
    store_->close();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void run(const char* title, connect::HeaderForm headers, connect::ValueForm value,
           const connect::Worker::MakeSink& make_sink) {
    if (std::string_view(title).find(only_) == std::string_view::npos) return;
    connect::TaskSpec spec;
    spec.mapping.topic = *connect::Template::compile("bench");
    spec.mapping.key = *connect::Template::compile("${client_id}");
    spec.mapping.header_form = headers;
    spec.mapping.value_form = value;
    metrics::Counter counter;
    metrics::Histogram histogram;
    connect::DeadLetters letters(*store_, 1 << 20);
    const auto begin = std::chrono::steady_clock::now();
    std::map<std::string, double> cpu;
    const auto before = cpu_by_thread();
    {
      connect::Worker worker({.store = *store_,
                              .dead_letters = letters,
                              .clock = clock_,
                              .counters = {counter, counter, counter, counter, counter, counter,
                                           counter, counter, histogram},
                              .task_id = "bench",
                              .node_name = "n",
                              .worker_name = "worker",
                              .queues = {queue_},
                              .cursor = {},
                              .before = {}},
                             spec, make_sink);
      worker.start();
      while (worker.progress().delivered < messages_)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      cpu = cpu_by_thread();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%-34s %8.0f msg/s  ", title, static_cast<double>(messages_) / took.count());
    for (const auto& [name, ns] : cpu) {
      const auto old = before.contains(name) ? before.at(name) : 0.0;
      const auto each = (ns - old) / static_cast<double>(messages_) / 1000.0;
      if (each > 0.005) std::printf(" %s %.3f us", name.c_str(), each);
    }
    std::printf("\n");
    std::fflush(stdout);
  }

 private:
  void fill(std::size_t payload_bytes) {
    const std::string payload(payload_bytes, 'x');
    for (std::size_t done = 0; done < messages_;) {
      const auto batch = store_->new_batch();
      for (int i = 0; i < 200 && done < messages_; ++i, ++done) {
        const auto client = "client-" + std::to_string(done % 1000);
        const auto topic = "plant/" + std::to_string(done % 1000) + "/telemetry";
        batch->add_message({.topic = topic,
                            .payload = payload,
                            .properties = {},
                            .client_id = client,
                            .host = "10.0.0.1",
                            .username = "user",
                            .packet_id = 17,
                            .qos = 1,
                            .has_username = true},
                           {&queue_, 1});
      }
      while (!store_->append(batch)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    static_cast<void>(store_->wait_durable(store_->head()));
  }

  std::size_t messages_;
  std::string only_;  // titles that hold it are run
  std::string directory_;
  std::unique_ptr<FileSystem> files_ = posix_file_system();
  SystemClock clock_;
  std::unique_ptr<store::Store> store_;
  store::QueueId queue_;
};

void run_all(std::size_t messages, std::size_t payload, const char* only) {
  Bench bench(messages, payload, only);
  using connect::HeaderForm;
  using connect::ValueForm;
  const auto no_sink = [](connect::Sink::Callbacks callbacks) {
    return Result<std::unique_ptr<connect::Sink>>(std::make_unique<NoSink>(std::move(callbacks)));
  };
  bench.run("no sink, headers none", HeaderForm::None, ValueForm::Raw, no_sink);
  bench.run("no sink, headers all", HeaderForm::All, ValueForm::Raw, no_sink);
  bench.run("no sink, envelope", HeaderForm::None, ValueForm::Envelope, no_sink);
  const Mock mock;
  const auto kafka = [&](const char* compression) {
    return [&, compression](connect::Sink::Callbacks callbacks) {
      return connectors::kafka::KafkaSink::make({.connection = mock.settings(),
                                                 .sink = sink_document(compression),
                                                 .client_id = "bench",
                                                 .task_id = "bench"},
                                                std::move(callbacks));
    };
  };
  bench.run("mock Kafka, headers none", HeaderForm::None, ValueForm::Raw, kafka("none"));
  bench.run("mock Kafka, headers none, lz4", HeaderForm::None, ValueForm::Raw, kafka("lz4"));
  bench.run("mock Kafka, headers all", HeaderForm::All, ValueForm::Raw, kafka("none"));
  bench.run("mock Kafka, envelope", HeaderForm::None, ValueForm::Envelope, kafka("none"));
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  const auto messages = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
  const auto payload = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 256;
  sluice::run_all(messages, payload, argc > 3 ? argv[3] : "");
  return 0;
}
