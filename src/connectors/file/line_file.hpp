#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/descriptor.hpp"
#include "base/result.hpp"

namespace sluice::connectors::file {

// One file of whole lines, `records-TIME-N.jsonl.part` while it is written and without `.part` once
// it is ended. Locked by who writes it, so that others know whether somebody does.
//
// Threads: one at a time; it waits for the disk.
class LineFile {
 public:
  // A new one, whose name no other has, and sorts behind the one that was made at `last_us`.
  [[nodiscard]] static Result<std::unique_ptr<LineFile>> create(const std::string& folder,
                                                                std::int64_t& last_us);
  LineFile(std::string folder, std::string name, Descriptor descriptor)
      : folder_(std::move(folder)), name_(std::move(name)), descriptor_(std::move(descriptor)) {}

  // Durable when it returns; after an error nothing of it is there.
  [[nodiscard]] Result<void> append(std::string_view lines);
  [[nodiscard]] Result<void> end();
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  std::string folder_, name_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

[[nodiscard]] Result<void> make_folder(const std::string& path);
// Files that a killed process was writing lose what stands behind their last whole line, and are
// ended.
[[nodiscard]] Result<void> end_what_was_left(const std::string& folder);
[[nodiscard]] Result<std::uint64_t> bytes_in(const std::string& folder);

}  // namespace sluice::connectors::file
