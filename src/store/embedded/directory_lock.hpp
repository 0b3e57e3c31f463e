#pragma once
#include <string>

#include "base/result.hpp"

namespace sluice::store::embedded {

// One process at a time works on a data directory.
//
// Owns: the lock on DATA/lock, which carries the holder's process id. It ends with the process.
class DirectoryLock {
 public:
  // Makes the directory if need be. AlreadyExists: somebody holds it; the detail says who.
  [[nodiscard]] static Result<DirectoryLock> acquire(const std::string& directory);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();
  void release();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace sluice::store::embedded
