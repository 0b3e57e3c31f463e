// Stands in for libFuzzer: gives every file of the directories named on the command line to the
// fuzzer once. No directory, or one without files, is a failure: it would test nothing.
//
// With `--seconds N` it then goes on with what becomes of those files when bytes of them are
// changed, without looking at what that reaches, as libFuzzer does (`./dev fuzz`). Input K of a
// seed is always the same; `--seed S --only K` gives the fuzzer that one alone.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<std::uint8_t>;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kLongest = 4096;

// Of the input that is being tried, for whoever looks at a failure.
std::uint64_t seed = 1;
std::uint64_t number = 0;  // 0: a file of the corpus

void say_which() {
  if (number == 0) return;
  std::fprintf(stderr, "\nthis input again: --seed %llu --only %llu\n",
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(number));
}

struct Arguments {
  std::vector<std::filesystem::path> directories;
  std::chrono::seconds duration{0};
  std::uint64_t only = 0;
};

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      arguments.directories.emplace_back(word);
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const auto value = std::strtoull(argv[++i], nullptr, 10);
    if (word == "--seconds")
      arguments.duration = std::chrono::seconds(value);
    else if (word == "--seed")
      seed = value;
    else if (word == "--only")
      arguments.only = value;
    else
      return std::nullopt;
  }
  if (arguments.directories.empty()) return std::nullopt;
  return arguments;
}

// False: one could not be read, or there are none.
bool read_files(const std::filesystem::path& directory, std::vector<Bytes>& files) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (entry.is_regular_file()) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());  // the inputs of a seed depend on the order
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (!file.is_open() || file.bad()) {
      std::fprintf(stderr, "cannot read %s\n", path.c_str());
      return false;
    }
  }
  if (error) std::fprintf(stderr, "%s: %s\n", directory.c_str(), error.message().c_str());
  if (paths.empty()) std::fprintf(stderr, "%s: nothing to replay\n", directory.c_str());
  return !error && !paths.empty();
}

class Mutation {
 public:
  Mutation(const std::vector<Bytes>& files, std::uint64_t which)
      : files_(files), random_(seed * 0x9e3779b97f4a7c15 + which) {}

  Bytes make() {
    auto bytes = files_[below(files_.size())];
    for (auto changes = 1 + below(5); changes > 0; --changes) change(bytes);
    if (bytes.size() > kLongest) bytes.resize(kLongest);
    return bytes;
  }

 private:
  std::size_t below(std::size_t bound) {
    return bound == 0 ? 0 : static_cast<std::size_t>(random_() % bound);
  }
  void change(Bytes& bytes) {
    static constexpr std::uint8_t kTelling[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    const auto at = below(bytes.size());
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto length = std::min(1 + below(16), bytes.size() - at);
    const auto end = place + static_cast<std::ptrdiff_t>(length);
    switch (below(6)) {
      case 0:
        if (!bytes.empty()) *place ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 1:
        if (!bytes.empty()) *place = kTelling[below(std::size(kTelling))];
        break;
      case 2:
        bytes.erase(place, end);
        break;
      case 3:
        bytes.insert(place, 1 + below(4), static_cast<std::uint8_t>(below(256)));
        break;
      case 4: {  // a part of itself again
        const Bytes part(place, end);
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size())), part.begin(),
                     part.end());
        break;
      }
      default: {  // the end of another
        const auto& other = files_[below(files_.size())];
        bytes.resize(at);
        bytes.insert(bytes.end(), other.begin() + static_cast<std::ptrdiff_t>(below(other.size())),
                     other.end());
      }
    }
  }

  const std::vector<Bytes>& files_;
  std::mt19937_64 random_;
};

void try_one(const std::vector<Bytes>& files, std::uint64_t which) {
  number = which;
  const auto bytes = Mutation(files, which).make();
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY... [--seconds N] [--seed S [--only NUMBER]]\n",
                 argv[0]);
    return 2;
  }
  std::signal(SIGABRT, [](int) { say_which(); });
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(say_which);

  std::vector<Bytes> files;
  for (const auto& directory : arguments->directories)
    if (!read_files(directory, files)) return 1;
  if (arguments->only > 0) {
    try_one(files, arguments->only);
    return 0;
  }
  for (const auto& bytes : files) LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  std::uint64_t tried = 0;
  const auto end = SteadyClock::now() + arguments->duration;
  while (arguments->duration.count() > 0 && SteadyClock::now() < end) try_one(files, ++tried);
  std::printf("%zu files, %llu inputs made of them (seed %llu)\n", files.size(),
              static_cast<unsigned long long>(tried), static_cast<unsigned long long>(seed));
  return 0;
}
