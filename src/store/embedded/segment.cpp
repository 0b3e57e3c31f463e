#include "store/embedded/segment.hpp"

#include <charconv>
#include <cstdio>

#include "base/crc32c.hpp"
#include "store/embedded/bytes.hpp"
#include "store/embedded/record.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::string_view kMagic = "SLUICLOG";
constexpr std::string_view kSuffix = ".log";
constexpr std::size_t kDigits = 20;
constexpr std::uint32_t kSegmentVersion = 1;

// Places in the header.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kCrcAt = 12;
constexpr std::size_t kBaseAt = 16;
constexpr std::size_t kCapacityAt = 24;
constexpr std::size_t kGenerationAt = 32;
constexpr std::size_t kPreviousEndAt = 40;
constexpr std::size_t kUsedBytes = 48;

}  // namespace

std::string segment_name(std::uint64_t base) {
  char name[32];
  std::snprintf(name, sizeof name, "%020llu.log", static_cast<unsigned long long>(base));
  return name;
}

std::optional<std::uint64_t> base_of(std::string_view file_name) {
  if (file_name.size() != kDigits + kSuffix.size() || !file_name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  std::uint64_t base = 0;
  const char* const begin = file_name.data();
  const char* const end = begin + kDigits;
  const auto [stopped, error] = std::from_chars(begin, end, base);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return base;
}

std::string encode_segment_header(const SegmentPlan& plan) {
  std::string bytes(kSegmentHeaderBytes, '\0');
  bytes.replace(0, kMagic.size(), kMagic);
  store_le(bytes.data() + kVersionAt, kSegmentVersion);
  store_le(bytes.data() + kBaseAt, plan.base);
  store_le(bytes.data() + kCapacityAt, plan.capacity);
  store_le(bytes.data() + kGenerationAt, plan.generation);
  store_le(bytes.data() + kPreviousEndAt, plan.previous_end);
  store_le(bytes.data() + kCrcAt,
           crc32c(std::string_view(bytes).substr(kBaseAt, kUsedBytes - kBaseAt)));
  return bytes;
}

tl::unexpected<Error> damaged_record(const SegmentPlan& plan, std::uint64_t position,
                                     std::string_view why) {
  std::string text = "log/" + segment_name(plan.base) + " is damaged at offset " +
                     std::to_string(position - plan.base) + " (position " +
                     std::to_string(position) + ")";
  if (!why.empty()) text.append(": ").append(why);
  return fail(Errc::Corrupt,
              text +
                  "; stop the server, `sluice log verify` says what is lost and `sluice log "
                  "repair` makes the rest usable");
}

Result<std::optional<SegmentPlan>> decode_segment_header(std::string_view bytes,
                                                         std::uint64_t base) {
  if (bytes.size() < kUsedBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  const auto crc = crc32c(bytes.substr(kBaseAt, kUsedBytes - kBaseAt));
  if (load_le<std::uint32_t>(bytes, kCrcAt) != crc) return std::nullopt;
  const auto version = load_le<std::uint32_t>(bytes, kVersionAt);
  if (version != kSegmentVersion) {
    return fail(Errc::Unsupported, segment_name(base) + " was written by another version (format " +
                                       std::to_string(version) + ")");
  }
  SegmentPlan plan;
  plan.base = load_le<std::uint64_t>(bytes, kBaseAt);
  plan.capacity = load_le<std::uint64_t>(bytes, kCapacityAt);
  plan.generation = load_le<std::uint64_t>(bytes, kGenerationAt);
  plan.previous_end = load_le<std::uint64_t>(bytes, kPreviousEndAt);
  plan.seed = seed_of(plan.generation);
  if (plan.base != base) return std::nullopt;
  return plan;
}

}  // namespace sluice::store::embedded
