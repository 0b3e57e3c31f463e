// Stands in for libFuzzer: gives every file of the directories named on the command line to the
// fuzzer once. No directory, or one without files, is a failure: it would test nothing.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// How many files were replayed; -1 when one could not be read.
int replay(const std::filesystem::path& directory) {
  std::error_code error;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    if (file.bad() || !file.is_open()) {
      std::fprintf(stderr, "cannot read %s\n", entry.path().c_str());
      return -1;
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++count;
  }
  if (error) {
    std::fprintf(stderr, "%s: %s\n", directory.c_str(), error.message().c_str());
    return -1;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY...\n", argv[0]);
    return 2;
  }
  for (int i = 1; i < argc; ++i) {
    const int count = replay(argv[i]);
    if (count <= 0) {
      std::fprintf(stderr, "%s: nothing to replay\n", argv[i]);
      return 1;
    }
    std::printf("%s: %d files\n", argv[i], count);
  }
  return 0;
}
