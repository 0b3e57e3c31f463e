#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <sys/epoll.h>
#include <vector>

#include "load/clients.hpp"

namespace sluice::load {

// All clients of a run on one epoll: who may send, and what comes back.
//
// Two ways to send. Without --rate publishers take turns as long as --window and --undelivered let
// them. With --rate a message is due at its time, whatever the server does: what cannot be written
// then is written later and its latency counts from when it was due.
// Owns:  every client. Threads: one.
class Flow {
 public:
  explicit Flow(const Options& options);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // Until the time, or until `done` holds. With `publishing` new messages are sent.
  void run(std::uint64_t until_ns, bool publishing, const std::function<bool()>& done);
  // What is under way: until everything came back, or nothing has for a while.
  void settle();

  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] std::size_t owed() const;
  [[nodiscard]] std::uint64_t expected() const { return totals.sent * options_.deliveries(); }

  Totals totals;

 private:
  void add(std::unique_ptr<Client> client);
  void add_subscribers();
  void wait(std::uint64_t at_most_ns);

  // Each sends what may be sent and says for how long nothing more will.
  std::uint64_t send_by_window(std::uint64_t now);
  std::uint64_t send_by_rate(std::uint64_t now);
  [[nodiscard]] std::size_t room(std::uint64_t now);

  const Options& options_;
  int epoll_;
  std::vector<epoll_event> events_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Publisher*> publishers_;
  std::size_t turn_ = 0;           // whose turn it is to send
  std::uint64_t begun_ns_ = 0;     // with --rate: when the first message was due
  std::uint64_t bursts_ = 0;       // with --rate: how many have been due since
  std::uint64_t written_off_ = 0;  // deliveries that will not come
  std::uint64_t last_received_ = 0;
  std::uint64_t last_progress_ns_ = 0;
};

}  // namespace sluice::load
