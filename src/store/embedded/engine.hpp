// The embedded engine: an own commit log with RocksDB as its view, in one directory.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "base/threads.hpp"
#include "store/store.hpp"

namespace sluice::store {

// What may be deleted. Whole files go, the oldest first.
struct Retention {
  std::optional<std::chrono::milliseconds> time;  // of messages; none: never for their age
  std::optional<std::uint64_t> bytes;             // of the log; at most 80 % of the file system
  // So many bytes more are kept for those who have not read them.
  std::uint64_t hold_sessions = UINT64_MAX;
  std::uint64_t hold_tasks = UINT64_MAX;
};

struct EmbeddedOptions {
  enum class Durability : std::uint8_t {
    Fsync,  // durable: on the disk
    Os,     // durable: given to the operating system; survives a killed process, not a power cut,
            // which takes the last 8 MiB or what came within `sync_behind_after`
  };

  std::string directory;
  Durability durability = Durability::Fsync;
  std::uint16_t node = 1;  // stands in every message id
  std::uint64_t segment_bytes = 256ULL << 20;
  std::uint64_t cache_bytes = 256ULL << 20;             // recent batches in memory
  std::uint64_t checkpoint_bytes = 256ULL << 20;        // of log, from one checkpoint to the next
  std::uint64_t topic_block_bytes = 1ULL << 20;         // of log, whose topics are known together
  std::uint64_t maximum_waiting_bytes = 64ULL << 20;    // ordered but not durable, then Overloaded
  std::uint64_t reserve_bytes = 32ULL << 20;            // put aside for small state on a full disk
  std::uint64_t first_fill_bytes = 8ULL << 20;          // written ahead at every start
  std::uint64_t maximum_volatile_entries = 4ULL << 20;  // of one volatile queue; the oldest go
  bool prepare_segments = true;                         // fill the next file ahead
  std::chrono::milliseconds retry_interval{200};        // on a full disk
  std::chrono::milliseconds sync_behind_after{1000};    // durability `os`
  Retention retention;                                  // everything is kept
  std::chrono::milliseconds retention_interval{10'000};
  // Observed once for each commit; they outlive the store. None: not measured.
  metrics::Histogram* append_seconds = nullptr;  // from the append of its first batch to durable
  metrics::Histogram* sync_seconds = nullptr;    // of fdatasync
  Threads* threads = &system_threads();          // outlive the store
};

// Opens the directory, or makes it. Recovers what was durable when the last holder ended; a torn
// tail is cut and logged. The file system carries the log; the view and the lock are always the
// operating system's files. Both references outlive the store. Blocks.
// Errors: AlreadyExists (another process holds it), Corrupt (says what, and what to do),
// Unsupported (written by a later version), or what the file system reports.
[[nodiscard]] Result<std::unique_ptr<Store>> open_embedded(FileSystem& files, const Clock& clock,
                                                           EmbeddedOptions options);

}  // namespace sluice::store
