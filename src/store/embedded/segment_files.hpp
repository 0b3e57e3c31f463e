#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "base/threads.hpp"
#include "store/embedded/begin.hpp"
#include "store/embedded/segment.hpp"

namespace sluice::store::embedded {

// The files of the log: which there are, made ready before they are needed, opened for who reads.
//
// Owns:    DATA/log, its open files, DATA/begin, and the thread that fills the next file with
// zeros: rewriting
//          written blocks syncs twice as fast as extending a file, and rolling over costs a rename.
//          It fills two bytes for each that is written: after a small first segment each is twice
//          as large as the one before, so that every one is ready in time.
// Threads: every call from any thread; activate() and advance() by the committing thread only.
// Fails:   a file that cannot be made ready is made when it is needed.
class SegmentFiles {
 public:
  struct Options {
    std::uint64_t first_fill_bytes = 8 << 20;  // of the segment that a start begins with
    bool prepare_next = true;
    bool direct = false;  // past the system's cache
    std::uint64_t segment_bytes = 256 << 20;
  };
  SegmentFiles(FileSystem& files, Threads& threads, std::string data_directory, Options options);
  ~SegmentFiles();
  SegmentFiles(const SegmentFiles&) = delete;
  SegmentFiles& operator=(const SegmentFiles&) = delete;

  // A segment that recovery found.
  void add(const SegmentPlan& plan, std::uint64_t end);
  // What was recorded when the log was opened.
  void set_recorded_begin(const LogBegin& begin);
  // Records the first segment that there is, unless it or an earlier one is recorded. Afterwards
  // files without a record that stand before it can go.
  [[nodiscard]] Result<void> settle_begin();
  // Makes the file of a new segment, header and name durable; records can be written when it
  // returns. The log's first is recorded as such. Can be called again after a failure.
  [[nodiscard]] Result<std::shared_ptr<File>> activate(const SegmentPlan& plan);
  // The active segment is written up to `end`, its newest record is of `time_ms`: lets the next one
  // be filled in step.
  void advance(std::uint64_t end, std::int64_t time_ms);

  struct Readable {
    std::shared_ptr<const File> file;
    SegmentPlan plan;
    std::uint64_t end = 0;  // nothing behind it belongs to this segment
  };
  // The segment that holds this position. NotFound: none does.
  [[nodiscard]] Result<Readable> at(std::uint64_t position);
  // The segment that holds this position, or else the first one behind it.
  [[nodiscard]] Result<Readable> at_or_behind(std::uint64_t position);
  // All of them, ascending: where each begins and where its records end.
  struct Range {
    std::uint64_t base = 0;
    std::uint64_t end = 0;
    std::int64_t newest_ms = 0;  // 0: written by an earlier process
  };
  [[nodiscard]] std::vector<Range> ranges() const;
  // All but the one that is written, ascending.
  [[nodiscard]] std::vector<Range> sealed() const;
  // Deletes the oldest, which is not the one that is written. Not before the one deleted before is
  // gone for certain, a hole would look like a lost file, nor before the next one is recorded as
  // the first.
  [[nodiscard]] Result<void> remove_oldest();
  [[nodiscard]] std::uint64_t begin() const { return begin_.load(std::memory_order_acquire); }
  void remove(const std::string& path);
  // How large the segment behind one of this size should be; 0: behind none.
  [[nodiscard]] std::uint64_t next_capacity(std::uint64_t capacity) const;

  [[nodiscard]] std::uint64_t bytes() const;  // of records and headers
  [[nodiscard]] std::uint64_t count() const;
  void stop();  // joins the filling thread

 private:
  struct Segment {
    SegmentPlan plan;
    std::uint64_t end = 0;
    std::shared_ptr<File> file;
    std::uint64_t used = 0;  // when it was last read, in calls
    std::int64_t newest_ms = 0;
  };
  [[nodiscard]] std::string path_of(std::uint64_t base) const;
  [[nodiscard]] Result<std::unique_ptr<File>> take_file(const SegmentPlan& plan);
  void note_begin();
  [[nodiscard]] Result<void> record_begin(const SegmentPlan& first);
  [[nodiscard]] Result<Readable> open_to_read(Segment& segment);
  void close_least_used();
  void fill_next();
  [[nodiscard]] bool fill_is_due() const;
  [[nodiscard]] FileSystem::Mode read_mode() const;
  [[nodiscard]] FileSystem::Mode write_mode() const;

  FileSystem& files_;
  Threads& threads_;
  const std::string data_directory_;
  const std::string directory_;
  const std::string spare_path_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Segment> segments_;  // by base
  std::atomic<std::uint64_t> begin_{0};        // base of the first
  LogBegin recorded_;                          // what DATA/begin says
  std::uint64_t active_ = UINT64_MAX;          // base of the segment that is written
  std::uint64_t reads_ = 0;
  bool filling_ = false;    // the spare file is in the filling thread's hands
  bool has_spare_ = false;  // DATA/log/next.prepared is there, filled up to spare_bytes_
  // Nothing is filled before a segment has been activated: the last try failed, or the spare is
  // being taken and may still have its name.
  bool filling_rests_ = false;
  std::uint64_t spare_bytes_ = 0;
  bool stopping_ = false;
  std::unique_ptr<Threads::Thread> filler_;
};

// Writes zeros from `from` to `to`, in pieces.
[[nodiscard]] Result<void> write_zeros(File& file, std::uint64_t from, std::uint64_t to);

}  // namespace sluice::store::embedded
