#include "mqtt/utf8.hpp"

#include <string>

#include <gtest/gtest.h>

#include "mqtt/topic.hpp"
#include "support/mqtt_packets.hpp"

namespace sluice::mqtt::test {
namespace {

struct Sample {
  std::string_view what;
  std::string_view hex;
  bool is_valid;
};

// [MQTT-1.5.4-1], [MQTT-1.5.4-2], RFC 3629 §4.
constexpr Sample kSamples[] = {
    {"empty", "", true},
    {"first ASCII", "01", true},
    {"last ASCII", "7F", true},
    {"NUL", "00", false},
    {"lowest of two bytes", "C280", true},
    {"highest of two bytes", "DFBF", true},
    {"lowest of three bytes", "E0A080", true},
    {"last before the surrogates", "ED9FBF", true},
    {"first behind the surrogates", "EE8080", true},
    {"U+FEFF", "EFBBBF", true},
    {"U+FFFF", "EFBFBF", true},
    {"lowest of four bytes", "F0908080", true},
    {"U+10FFFF", "F48FBFBF", true},
    {"overlong NUL", "C080", false},
    {"overlong slash", "C0AF", false},
    {"overlong, C1", "C1BF", false},
    {"overlong, three bytes", "E09FBF", false},
    {"overlong, four bytes", "F08FBFBF", false},
    {"lowest surrogate", "EDA080", false},
    {"highest surrogate", "EDBFBF", false},
    {"pair of surrogates", "EDA0BDEDB880", false},
    {"above U+10FFFF", "F4908080", false},
    {"F5", "F5808080", false},
    {"five bytes", "F888808080", false},
    {"FE", "FE", false},
    {"FF", "FF", false},
    {"continuation alone", "80", false},
    {"continuation alone, last", "BF", false},
    {"two bytes cut off", "C3", false},
    {"three bytes cut off", "E282", false},
    {"four bytes cut off", "F09F98", false},
    {"second byte is no continuation", "C328", false},
    {"third byte is no continuation", "E28228", false},
    {"fourth byte is no continuation", "F09F9828", false},
};

// Before, behind and between ASCII of every length: the test on eight bytes sees each offset.
TEST(Utf8, IsStrictAtEveryOffset) {
  for (const Sample& sample : kSamples) {
    for (std::size_t before = 0; before < 20; ++before) {
      for (std::size_t behind = 0; behind < 20; ++behind) {
        const ExactCopy text(std::string(before, 'a') + bytes(sample.hex) +
                             std::string(behind, 'z'));

        EXPECT_EQ(is_valid_utf8(text.view()), sample.is_valid)
            << sample.what << " at " << before << " with " << behind << " behind";
      }
    }
  }
}

// What is called plain is well-formed, and everything well-formed that is ASCII is called plain.
TEST(Utf8, SeesInOneLookWhatATopicHas) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string plain(size, 'a');
    EXPECT_TRUE(look_at_topic(ExactCopy(plain).view()).is_plain) << size;
    for (std::size_t at = 0; at < size; ++at) {
      for (int c = -128; c < 128; ++c) {
        std::string text = plain;
        text[at] = static_cast<char>(c);
        const ExactCopy copy(text);

        const TopicLook look = look_at_topic(copy.view());

        ASSERT_EQ(look.is_plain, c > 0) << size << ' ' << at << ' ' << c;
        ASSERT_EQ(look.has_wildcard, c == '+' || c == '#') << size << ' ' << at << ' ' << c;
      }
    }
  }
}

TEST(Utf8, FindsAWildcardAtEveryOffset) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string plain(size, 'a');
    EXPECT_FALSE(has_wildcard(ExactCopy(plain).view())) << size;
    for (std::size_t at = 0; at < size; ++at) {
      for (int c = -128; c < 128; ++c) {
        std::string text = plain;
        text[at] = static_cast<char>(c);
        const ExactCopy copy(text);

        ASSERT_EQ(has_wildcard(copy.view()), c == '+' || c == '#') << size << ' ' << at << ' ' << c;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::mqtt::test
