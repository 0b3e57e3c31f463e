#include "base/entity_id.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <sys/random.h>

#include "base/check.hpp"

namespace sluice {
namespace {

constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct Random80 {
  std::uint16_t high = 0;
  std::uint64_t low = 0;
};

Random80 random_80() {
  std::array<unsigned char, 10> bytes{};
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const auto got = getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    SL_CHECK(got > 0);  // the system call of every Linux we run on
    filled += static_cast<std::size_t>(got);
  }
  Random80 value;
  value.high = static_cast<std::uint16_t>((bytes[0] << 8U) | bytes[1]);
  for (std::size_t i = 2; i < bytes.size(); ++i) value.low = (value.low << 8U) | bytes[i];
  return value;
}

// Two ids of one millisecond stay in the order in which they were made: the random part of the
// second is that of the first plus one. A clock that goes back does not take ids back with it.
struct Last {
  std::mutex mutex;
  std::uint64_t ms = 0;
  Random80 random = random_80();
};

Last& last() {
  static Last instance;
  return instance;
}

std::string encode(std::uint64_t ms, Random80 random) {
  // 128 bits: 48 of milliseconds, 80 of chance; 26 digits of 5 bits, the first holds 3.
  std::uint64_t high = (ms << 16U) | random.high;
  std::uint64_t low = random.low;
  std::string text(26, '0');
  for (std::size_t i = text.size(); i-- > 0;) {
    text[i] = kCrockford[low & 0x1FU];
    low = (low >> 5U) | (high << 59U);
    high >>= 5U;
  }
  return text;
}

}  // namespace

std::string new_entity_id(const Clock& clock) {
  const auto now = static_cast<std::uint64_t>(clock.wall_ms());
  auto& previous = last();
  const std::scoped_lock lock(previous.mutex);
  if (now > previous.ms) {
    previous.ms = now;
    previous.random = random_80();
  } else if (++previous.random.low == 0 && ++previous.random.high == 0) {
    ++previous.ms;
  }
  return encode(previous.ms, previous.random);
}

}  // namespace sluice
