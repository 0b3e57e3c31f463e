#include <charconv>
#include <numeric>
#include <optional>

#include "base/crc32c.hpp"
#include "store/embedded/backup.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::string_view kTitle = "sluice-backup ";
constexpr std::string_view kManifestVersion = "1";

template <class Number>
std::uint64_t sum(const std::vector<BackupManifest::Entry>& files, Number number) {
  return std::accumulate(
      files.begin(), files.end(), std::uint64_t{0},
      [&](std::uint64_t all, const BackupManifest::Entry& entry) { return all + entry.*number; });
}

// Words and numbers of one line after the other.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  [[nodiscard]] bool is(std::string_view word) { return next() == word; }
  template <class Number>
  [[nodiscard]] bool number(Number& into) {
    const auto word = next();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), into);
    return error == std::errc() && end == word.data() + word.size();
  }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

 private:
  std::string_view next() {
    const auto end = text_.find_first_of(" \n");
    const auto word = text_.substr(0, end);
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
    return word;
  }
  std::string_view text_;
};

std::optional<BackupManifest> parse(Words words) {
  BackupManifest manifest;
  std::uint64_t count = 0;
  if (!words.is("made_ms") || !words.number(manifest.made_ms) || !words.is("end") ||
      !words.number(manifest.end) || !words.is("first_ms") || !words.number(manifest.first_ms) ||
      !words.is("last_ms") || !words.number(manifest.last_ms) || !words.is("files") ||
      !words.number(count)) {
    return std::nullopt;
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    BackupManifest::Entry entry;
    if (!words.is("file") || !words.number(entry.base) || !words.number(entry.bytes) ||
        !words.number(entry.crc) || !words.number(entry.messages) || !words.number(entry.changes)) {
      return std::nullopt;
    }
    manifest.files.push_back(entry);
  }
  if (!words.at_end()) return std::nullopt;
  return manifest;
}

}  // namespace

std::uint64_t BackupManifest::bytes() const {
  return sum(files, &Entry::bytes);
}

std::uint64_t BackupManifest::messages() const {
  return sum(files, &Entry::messages);
}

std::uint64_t BackupManifest::changes() const {
  return sum(files, &Entry::changes);
}

std::string encode_manifest(const BackupManifest& manifest) {
  const auto number = [](auto value) { return std::to_string(value); };
  std::string text = "made_ms " + number(manifest.made_ms) + "\nend " + number(manifest.end) +
                     "\nfirst_ms " + number(manifest.first_ms) + "\nlast_ms " +
                     number(manifest.last_ms) + "\nfiles " + number(manifest.files.size()) + "\n";
  for (const auto& entry : manifest.files) {
    text += "file " + number(entry.base) + " " + number(entry.bytes) + " " + number(entry.crc) +
            " " + number(entry.messages) + " " + number(entry.changes) + "\n";
  }
  return std::string(kTitle) + std::string(kManifestVersion) + "\nchecksum " +
         number(crc32c(text)) + "\n" + text;
}

Result<BackupManifest> decode_manifest(std::string_view text) {
  const auto damaged = [] { return fail(Errc::Corrupt, "the manifest is damaged"); };
  if (!text.starts_with(kTitle)) return damaged();
  text.remove_prefix(kTitle.size());
  const auto line = text.find('\n');
  if (line == std::string_view::npos) return damaged();
  if (text.substr(0, line) != kManifestVersion) {
    return fail(Errc::Unsupported, "the backup was written by another version");
  }
  text.remove_prefix(line + 1);
  const auto body = text.find('\n');
  if (body == std::string_view::npos) return damaged();
  Words first(text.substr(0, body));
  std::uint32_t crc = 0;
  if (!first.is("checksum") || !first.number(crc) || !first.at_end()) return damaged();
  text.remove_prefix(body + 1);
  if (crc != crc32c(text)) return damaged();
  const auto manifest = parse(Words(text));
  if (!manifest) return damaged();
  return *manifest;
}

}  // namespace sluice::store::embedded
