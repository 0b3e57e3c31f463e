#include "base/escape.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string escaped(std::string_view text, EscapeFor format) {
  std::string out;
  append_escaped(out, text, format);
  return out;
}

struct Case {
  std::string_view text;
  std::string_view log;
  std::string_view json;
  std::string_view terminal;
};

using namespace std::string_view_literals;

const Case kCases[] = {
    {"plain", "plain", "plain", "plain"},
    {"grün €", "grün €", "grün €", "grün €"},
    {"a\nb\r\t", "a\\nb\\r\\t", "a\\nb\\r\\t", "a\\nb\\r\\t"},
    {"\"\\", "\\\"\\\\", "\\\"\\\\", "\"\\"},
    {"\x1b[2J"sv, "\\u001b[2J", "\\u001b[2J", "\\u001b[2J"},
    {"\0"sv, "\\u0000", "\\u0000", "\\u0000"},
    {"\x7f"sv, "\\u007f", "\\u007f", "\\u007f"},
    {"\xc2\x9b"sv, "\\u009b", "\\u009b", "\\u009b"},               // CSI in one character
    {"\xe2\x80\xa8"sv, "\\u2028", "\\u2028", "\\u2028"},           // line separator
    {"\xe2\x80\xae"sv, "\\u202e", "\\u202e", "\\u202e"},           // right-to-left override
    {"\xff"sv, "\\xff", "\\\\xff", "\\xff"},                       // never in UTF-8
    {"\xc3"sv, "\\xc3", "\\\\xc3", "\\xc3"},                       // cut
    {"\xc0\xaf"sv, "\\xc0\\xaf", "\\\\xc0\\\\xaf", "\\xc0\\xaf"},  // overlong
    {"\xed\xa0\x80"sv, "\\xed\\xa0\\x80", "\\\\xed\\\\xa0\\\\x80", "\\xed\\xa0\\x80"},  // surrogate
};

TEST(Escape, KeepsTextOnOneLineAndInsideItsQuotes) {
  for (const auto& each : kCases) {
    EXPECT_EQ(escaped(each.text, EscapeFor::Text), each.log);
    EXPECT_EQ(escaped(each.text, EscapeFor::Json), each.json);
    EXPECT_EQ(escaped(each.text, EscapeFor::Terminal), each.terminal);
  }
}

TEST(Utf8, IsRecognisedWithoutOverlongFormsAndSurrogates) {
  for (const auto good : {""sv, "a"sv, "\xc2\x80"sv, "\xe2\x82\xac"sv, "\xf4\x8f\xbf\xbf"sv}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const auto bad : {"\x80"sv, "\xc1\x81"sv, "\xe0\x80\x80"sv, "\xf0\x80\x80\x80"sv,
                         "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "a\xe2\x82"sv}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

}  // namespace
}  // namespace sluice
