#include "connectors/kafka/registry/wire_form.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::connectors::kafka::registry {
namespace {

using namespace std::string_literals;

std::string zigzag(std::int64_t number) {
  std::string out;
  append_zigzag(out, number);
  return out;
}

TEST(WireForm, NumbersAreZigzagAndShort) {
  EXPECT_EQ(zigzag(0), "\0"s);
  EXPECT_EQ(zigzag(-1), "\x01");
  EXPECT_EQ(zigzag(63), "\x7e");
  EXPECT_EQ(zigzag(64), "\x80\x01");
  EXPECT_EQ(zigzag(INT64_MIN), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(WireForm, ThePrefixIsAZeroByteAndTheIdHighestByteFirst) {
  EXPECT_EQ(id_prefix(1, {}), "\0\0\0\0\x01"s);
  EXPECT_EQ(id_prefix(0x7F020304, "\0"s), "\0\x7f\x02\x03\x04\0"s);
}

TEST(WireForm, IndexesOfTheFirstMessageAreOneByte) {
  EXPECT_EQ(message_indexes(std::vector<int>{0}), "\0"s);
  EXPECT_EQ(message_indexes(std::vector<int>{1}), "\x02\x02");
  EXPECT_EQ(message_indexes(std::vector<int>{0, 0}), "\x04\0\0"s);
}

TEST(WireForm, IsTakenOffAgain) {
  const auto whole = id_prefix(77, message_indexes(std::vector<int>{3, 0, 200})) + "rest";
  std::string_view rest = whole;
  EXPECT_EQ(std::get<std::int32_t>(take_schema_name(rest).value().schema), 77);
  EXPECT_EQ(take_message_indexes(rest), (std::vector<int>{3, 0, 200}));
  EXPECT_EQ(rest, "rest");
  for (const auto& wrong : {"\0\0\0\0"s, "\x01\0\0\0\x01"s, "{\"a\":1}"s, ""s}) {
    rest = wrong;
    EXPECT_FALSE(take_schema_name(rest).has_value());
  }
  for (const auto* wrong : {"", "\x02", "\x01", "\x02\x01", "\xff\xff"}) {
    rest = wrong;
    EXPECT_FALSE(take_message_indexes(rest).has_value());
  }
}

TEST(WireForm, TheHeaderHoldsTheGuid) {
  const auto guid = parse_guid("89791762-2336-4186-9674-299b90a802E2");
  ASSERT_TRUE(guid.has_value());
  EXPECT_EQ(guid_header(*guid, "\0"s),
            "\x01\x89\x79\x17\x62\x23\x36\x41\x86\x96\x74\x29\x9b\x90\xa8\x02\xe2\0"s);
  const auto header = guid_header(*guid, "x");
  std::string_view rest = header;
  const auto name = take_schema_name(rest);
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(guid_text(std::get<Guid>(name->schema)), "89791762-2336-4186-9674-299b90a802e2");
  EXPECT_EQ(name->bytes.size(), 17U);
  EXPECT_EQ(rest, "x");
  for (const auto* wrong :
       {"", "89791762-2336-4186-9674-299b90a802e", "8979176212336-4186-9674-299b90a802e2",
        "8979176g-2336-4186-9674-299b90a802e2"})
    EXPECT_FALSE(parse_guid(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace sluice::connectors::kafka::registry
