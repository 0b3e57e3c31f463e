#include "base/base64.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Base64, IsWrittenAndRead) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    std::string back;
    EXPECT_TRUE(decode_base64(base64(text), back)) << text;
    EXPECT_EQ(back, text);
  }
  std::string back;
  for (const std::string_view wrong : {"Z", "Zg", "Zg=", "Zh==", "Zm9!", "====", "Zg==Zg=="})
    EXPECT_FALSE(decode_base64(wrong, back)) << wrong;
}

TEST(Base64, HasOneTextForEachValue) {
  for (const auto* text : {"", "YQ==", "YWI=", "YWJj", "+/8="}) {
    std::string bytes;
    EXPECT_TRUE(decode_base64(text, bytes)) << text;
    EXPECT_EQ(base64(bytes), text);
  }
  std::string bytes;
  for (const auto* text : {"Y", "YQ", "YQ=", "YR==", " YQ==", "YQ==\n", "Y===", "YQ==YQ==", "Y-_="})
    EXPECT_FALSE(decode_base64(text, bytes)) << text;
}

}  // namespace
}  // namespace sluice
