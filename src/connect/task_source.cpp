// A task whose source is outside: what runs it.
#include "connect/documents.hpp"
#include "connect/source_worker.hpp"
#include "connect/task.hpp"

namespace sluice::connect {

std::shared_ptr<Runner> Task::make_source_worker(const boost::json::object& settings) {
  const auto* connector = around_.registry.find(spec_.source_type);
  if (connector == nullptr || connector->make_source == nullptr)
    return cannot_start("there is no source `" + spec_.source_type + "`");
  if (around_.options.intake == nullptr) return cannot_start("nothing takes messages in here");
  SourceConfig config{.connection = settings,
                      .source = spec_.source,
                      .start = spec_.start,
                      .client_id = worker_client(),
                      .group = group(),
                      .member = "sluice-" + around_.options.node_name + "-" + record_.id};
  auto make = [connector, config = std::move(config)](Source::Callbacks callbacks) {
    return connector->make_source(config, std::move(callbacks));
  };
  return std::make_shared<SourceWorker>(
      SourceWorker::Context{.intake = *around_.options.intake,
                            .dead_letters = around_.dead_letters,
                            .clock = around_.clock,
                            .counters = counters(),
                            .task_id = record_.id,
                            .node_name = around_.options.node_name,
                            .worker_name = worker_client(),
                            .maximum_hops = around_.options.maximum_hops,
                            .before = progress(),
                            .on_change = around_.options.on_task_change},
      spec_, std::move(make));
}

}  // namespace sluice::connect
