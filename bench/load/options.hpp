#pragma once
#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::load {

// What a run is to do; every field is one option of the command line.
struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  int pid = 0;
  std::size_t publishers = 1;
  std::size_t subscribers = 0;
  std::string group;
  bool persistent = false;
  std::size_t window = 64;
  std::size_t undelivered = 800;
  std::size_t batch = 16;
  bool one_per_write = false;
  double rate = 0;
  std::size_t burst = 1;
  std::size_t size = 256;
  int qos = 1;
  bool v5 = false;
  std::string topic = "load";
  std::string username;
  std::string password;
  double warmup = 1;
  double seconds = 5;
  std::uint64_t messages = 0;
  bool json = false;
  bool offline = false;
  std::size_t idle = 0;
  std::size_t sessions = 0;
  double connects = 0;

  [[nodiscard]] bool pairs() const { return subscribers == publishers && group.empty(); }
  // How often one message is delivered altogether.
  [[nodiscard]] std::size_t deliveries() const {
    if (subscribers == 0) return 0;
    return pairs() || !group.empty() ? 1 : subscribers;
  }
};

void declare(CLI::App& app, Options& options);

}  // namespace sluice::load
