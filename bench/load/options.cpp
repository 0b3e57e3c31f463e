#include "load/options.hpp"

#include "load/clients.hpp"

namespace sluice::load {
namespace {

void declare_clients(CLI::App& app, Options& options) {
  app.add_option("--host", options.host, "IPv4 address");
  app.add_option("--port", options.port);
  app.add_option("--pid", options.pid, "the server's process id, for its CPU time and memory");
  app.add_option("--publishers", options.publishers)->check(CLI::Range(1, 60000));
  app.add_option("--subscribers", options.subscribers,
                 "as many as publishers: pairs; otherwise each reads everything");
  app.add_option("--group", options.group, "subscribers share one subscription of this group");
  app.add_flag("--persistent", options.persistent,
               "subscribers have sessions that outlive a connection");
  app.add_flag("--v5", options.v5, "MQTT 5 instead of 3.1.1");
  app.add_option("--topic", options.topic, "publisher n writes TOPIC/n");
  app.add_option("--username", options.username);
  app.add_option("--password", options.password)->envname("SLUICE_LOAD_PASSWORD");
}

void declare_flow(CLI::App& app, Options& options) {
  app.add_option("--qos", options.qos, "of publishers and subscribers")->check(CLI::Range(0, 1));
  app.add_option("--size", options.size, "bytes of payload")
      ->check(CLI::Range(sizeof(Stamp), std::size_t{1'000'000}));
  app.add_option("--window", options.window, "QoS 1: unacknowledged messages of one publisher")
      ->check(CLI::Range(1, 65535));
  app.add_option("--undelivered", options.undelivered,
                 "messages of all publishers that some subscriber still lacks; 0: no limit");
  app.add_option("--batch", options.batch, "most messages of a publisher in one write")
      ->check(CLI::Range(1, 4096));
  app.add_flag("--one-per-write", options.one_per_write,
               "each message in a write, and so a segment, of its own");
  app.add_option("--rate", options.rate,
                 "messages per second of all publishers, whatever comes back; 0: as fast as "
                 "--window and --undelivered let them");
  app.add_option("--burst", options.burst, "with --rate: messages of one publisher due together")
      ->check(CLI::Range(1, 4096));
  app.add_option("--warmup", options.warmup, "seconds before the measured time");
  app.add_option("--seconds", options.seconds, "measured time");
  app.add_option("--messages", options.messages, "stop after so many instead of by time");
  app.add_flag("--json", options.json);
}

void declare_others(CLI::App& app, Options& options) {
  app.add_flag("--offline", options.offline,
               "instead: fill the queue of one absent session with --messages, then drain it");
  app.add_option("--idle", options.idle,
                 "instead: open so many connections, and with --persistent sessions with one "
                 "subscription each, and say what memory they take");
  app.add_option("--connects", options.connects,
                 "instead: so many clients a second, for --seconds, connect, log in and leave");
  app.add_option(
      "--sessions", options.sessions,
      "instead: begin so many sessions with one subscription each whose clients leave at "
      "once, then publish to them");
}

}  // namespace

void declare(CLI::App& app, Options& options) {
  declare_clients(app, options);
  declare_flow(app, options);
  declare_others(app, options);
}

}  // namespace sluice::load
