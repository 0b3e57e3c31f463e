#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "connect/registry.hpp"
#include "connectors/file/line_file.hpp"

namespace sluice::connectors::file {

// What a record takes there.
[[nodiscard]] connect::Placement place(const connect::SinkConfig& config,
                                       const connect::Record& record);

// Writes every record as one line, and says that it was delivered once the line is on the disk.
//
// Owns:    the file that it writes; those that it has ended belong to whoever takes them away.
// Threads: the worker's; write() waits for the disk.
// Fails:   a full disk or folder is Unavailable: the task waits and tries again. What was written
// of
//          a batch that failed is cut off again, so no line comes twice for it.
class FileSink final : public connect::Sink {
 public:
  static Result<std::unique_ptr<connect::Sink>> make(const connect::SinkConfig& config,
                                                     Callbacks callbacks);

  struct Settings {
    std::string folder;  // its path
    bool whole_record = true;
    std::uint64_t rotate_bytes = 0;
    Milliseconds rotate_after{0};
    std::uint64_t maximum_bytes = 0;
  };
  FileSink(Settings settings, Callbacks callbacks, std::uint64_t bytes_there);
  ~FileSink() override;
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  Result<std::size_t> write(std::span<const connect::Record> records) override;
  Milliseconds collect(std::vector<connect::Delivery>& outcomes) override;
  std::string_view away() const override { return away_; }
  void flush() override {}    // nothing waits
  void abandon() override {}  // nothing is on its way

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  [[nodiscard]] Result<void> write_lines();
  [[nodiscard]] std::string_view add_line(const connect::Record& record);
  [[nodiscard]] bool has_room();
  [[nodiscard]] Result<std::size_t> wait_for_room();
  void rotate_when_due();
  void rotate();

  const Settings settings_;
  const Callbacks callbacks_;
  std::unique_ptr<LineFile> file_;  // null: the next line begins one
  SteadyTime rotate_at_{};
  std::int64_t last_file_us_ = 0;
  std::uint64_t bytes_there_;  // in the folder
  std::string lines_;
  std::vector<connect::Delivery> outcomes_;
  std::string away_;
};

}  // namespace sluice::connectors::file
