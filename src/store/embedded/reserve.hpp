#pragma once
#include <cstdint>
#include <mutex>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace sluice::store::embedded {

// Space put aside so that cursors and small state can still be written when the disk is full:
// readers advance, and what they are done with can be deleted.
//
// Owns:    the file DATA/reserve.
// Threads: all calls from any thread.
class Reserve {
 public:
  Reserve(FileSystem& files, const std::string& directory, std::uint64_t bytes);

  // Writes it, unless it stands. NoSpace: nothing is left behind.
  [[nodiscard]] Result<void> build();
  void release();  // gives its space back
  // Is there room to build it and to go on after that?
  [[nodiscard]] bool fits() const;

 private:
  FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  const std::uint64_t bytes_;
  std::mutex mutex_;
};

}  // namespace sluice::store::embedded
