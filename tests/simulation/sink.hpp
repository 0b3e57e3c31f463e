#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "connect/sink.hpp"
#include "simulation/scheduler.hpp"

namespace sluice::simulation {

class World;

// The sink of a task into an outside system that is slow, refuses, loses answers and is away.
//
// Threads: the simulation's; told what to do by World.
class SimulatedSink final : public connect::Sink {
 public:
  SimulatedSink(World& world, Callbacks callbacks);
  ~SimulatedSink() override;

  [[nodiscard]] Result<std::size_t> write(std::span<const connect::Record> records) override;
  [[nodiscard]] Milliseconds collect(std::vector<connect::Delivery>& outcomes) override;
  [[nodiscard]] std::string_view away() const override { return {}; }
  void flush() override {}
  void abandon() override;

  void act(bool calm);  // some outcomes

 private:
  struct Held {
    std::uint64_t token = 0;
    std::uint64_t position = 0;
    std::string client;
    std::uint64_t sequence = 0;
  };
  World& world_;
  const Callbacks callbacks_;
  std::deque<Held> held_;
  std::vector<connect::Delivery> outcomes_;
  bool came_back_ = false;
};

}  // namespace sluice::simulation
