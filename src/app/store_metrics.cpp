#include "app/store_metrics.hpp"

namespace sluice::app {

StoreHistograms store_histograms(metrics::Registry& registry) {
  using metrics::Kind;
  return {registry.histogram({.name = "sluice_log_append_seconds",
                              .help = "From the append of the first message of a commit until it "
                                      "is durable: the longest wait in each commit.",
                              .kind = Kind::Histogram}),
          registry.histogram({.name = "sluice_log_sync_seconds",
                              .help = "How long each fdatasync of the commit log took.",
                              .kind = Kind::Histogram})};
}

void declare_store_metrics(metrics::Registry& registry,
                           const std::function<store::Statistics()>& statistics) {
  using metrics::Kind;
  const auto show = [&](std::string_view name, std::string_view help, Kind kind, auto member) {
    registry.observe({.name = name, .help = help, .kind = kind}, {},
                     [statistics, member] { return static_cast<double>(statistics().*member); });
  };
  using Statistics = store::Statistics;
  show("sluice_log_messages_appended_total", "Messages appended to the commit log.", Kind::Counter,
       &Statistics::messages_appended);
  show("sluice_log_appended_bytes_total", "Bytes appended to the commit log.", Kind::Counter,
       &Statistics::bytes_appended);
  show("sluice_log_commits_total", "Writes of the commit log, each for all that waited.",
       Kind::Counter, &Statistics::commits);
  show("sluice_log_syncs_total", "fdatasync calls of the commit log.", Kind::Counter,
       &Statistics::syncs);
  show("sluice_log_bytes", "Bytes of the commit log on disk.", Kind::Gauge, &Statistics::log_bytes);
  show("sluice_log_segments", "Segment files of the commit log.", Kind::Gauge,
       &Statistics::segments);
  show("sluice_log_deleted_segments_total", "Files of the log that retention deleted.",
       Kind::Counter, &Statistics::segments_deleted);
  show("sluice_log_deleted_bytes_total", "Bytes of the log that retention deleted.", Kind::Counter,
       &Statistics::bytes_deleted);
  show("sluice_log_state_rewritten_bytes_total",
       "Small state that retention wrote again to delete what it stood in.", Kind::Counter,
       &Statistics::state_bytes_rewritten);
  show("sluice_log_held_for_sessions_bytes",
       "Log beyond its retention that is kept for sessions and groups that are behind.",
       Kind::Gauge, &Statistics::held_for_sessions);
  show("sluice_log_held_for_tasks_bytes",
       "Log beyond its retention that is kept for tasks that are behind.", Kind::Gauge,
       &Statistics::held_for_tasks);
  show("sluice_queues", "Queues: filters that a consumer must not miss.", Kind::Gauge,
       &Statistics::queues);
  show("sluice_cache_hits_total", "Reads served from the cache of recent messages.", Kind::Counter,
       &Statistics::cache_hits);
  show("sluice_cache_misses_total", "Reads that needed files.", Kind::Counter,
       &Statistics::cache_misses);
  show("sluice_log_damaged_reads_total",
       "Reads that met damage on the disk: the server's log names each place once.", Kind::Counter,
       &Statistics::damaged_reads);
  show("sluice_checkpoints_total", "Checkpoints of the view.", Kind::Counter,
       &Statistics::checkpoints);
}

}  // namespace sluice::app
