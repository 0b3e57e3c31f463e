#include "store/embedded/reserve.hpp"

#include "store/embedded/segment_files.hpp"

namespace sluice::store::embedded {

Reserve::Reserve(FileSystem& files, const std::string& directory, std::uint64_t bytes)
    : files_(files), directory_(directory), path_(directory + "/reserve"), bytes_(bytes) {}

Result<void> Reserve::build() {
  if (bytes_ == 0) return {};
  const std::scoped_lock lock(mutex_);
  SL_TRY(file, files_.open(path_, FileSystem::Mode::CreateReadWrite));
  SL_TRY(size, file->size());
  if (size == bytes_) return {};
  auto written = write_zeros(*file, 0, bytes_);
  if (written) written = file->sync();
  if (!written) {
    file.reset();
    static_cast<void>(files_.remove(path_));
  }
  return written;
}

void Reserve::release() {
  const std::scoped_lock lock(mutex_);
  // Truncated too: whoever still has it open must not hold its blocks.
  if (auto file = files_.open(path_, FileSystem::Mode::ReadWrite)) {
    static_cast<void>((*file)->truncate(0));
  }
  static_cast<void>(files_.remove(path_));
}

bool Reserve::fits() const {
  const auto free = files_.free_bytes(directory_);
  return free && *free >= bytes_ + bytes_ / 2;
}

}  // namespace sluice::store::embedded
