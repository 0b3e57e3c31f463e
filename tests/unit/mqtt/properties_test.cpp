#include "mqtt/properties.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mqtt/property_rules.hpp"
#include "unit/mqtt/verdict.hpp"

namespace sluice::mqtt::test {
namespace {

[[nodiscard]] ReasonCode check(std::string_view notation, PropertyPlace place) {
  const ExactCopy section(bytes(notation));
  const auto outcome = check_properties(section.view(), place);
  return outcome ? ReasonCode::Success : outcome.error();
}

struct Row {
  unsigned id;
  std::string_view sample;  // one valid property
  std::string_view places;  // W will, C connect, c connack, P publish, a acks, s subscribe,
                            // b suback, u unsubscribe, v unsuback, D disconnect, A auth
};

// Table 2-4 of the standard, written down a second time.
constexpr Row kTable[] = {
    {0x01, "01 01", "PW"},
    {0x02, "02 00000001", "PW"},
    {0x03, R"(03 "t")", "PW"},
    {0x08, R"(08 "t")", "PW"},
    {0x09, R"(09 "d")", "PW"},
    {0x0B, "0B 01", "Ps"},
    {0x11, "11 00000001", "CcD"},
    {0x12, R"(12 "t")", "c"},
    {0x13, "13 0001", "c"},
    {0x15, R"(15 "t")", "CcA"},
    {0x16, R"(16 "d")", "CcA"},
    {0x17, "17 01", "C"},
    {0x18, "18 00000001", "W"},
    {0x19, "19 01", "C"},
    {0x1A, R"(1A "t")", "c"},
    {0x1C, R"(1C "t")", "cD"},
    {0x1F, R"(1F "t")", "cabvDA"},
    {0x21, "21 0001", "Cc"},
    {0x22, "22 0001", "Cc"},
    {0x23, "23 0001", "P"},
    {0x24, "24 01", "c"},
    {0x25, "25 01", "c"},
    {0x26, R"(26 "n" "v")", "WCcPasbuvDA"},
    {0x27, "27 00000001", "Cc"},
    {0x28, "28 01", "c"},
    {0x29, "29 01", "c"},
    {0x2A, "2A 01", "c"},
};

constexpr struct {
  char letter;
  PropertyPlace place;
} kPlaces[] = {
    {'W', PropertyPlace::Will},        {'C', PropertyPlace::Connect},
    {'c', PropertyPlace::Connack},     {'P', PropertyPlace::Publish},
    {'a', PropertyPlace::Puback},      {'a', PropertyPlace::Pubrec},
    {'a', PropertyPlace::Pubrel},      {'a', PropertyPlace::Pubcomp},
    {'s', PropertyPlace::Subscribe},   {'b', PropertyPlace::Suback},
    {'u', PropertyPlace::Unsubscribe}, {'v', PropertyPlace::Unsuback},
    {'D', PropertyPlace::Disconnect},  {'A', PropertyPlace::Auth},
};

// §2.2.2.2: "an Identifier which is not valid for its packet type ... is a Malformed Packet".
TEST(CheckProperties, AllowsEachWhereTheTableHasIt) {
  for (const Row& row : kTable) {
    for (const auto& [letter, place] : kPlaces) {
      const bool is_allowed = row.places.find(letter) != std::string_view::npos;

      EXPECT_EQ(check(row.sample, place), is_allowed ? kGood : kMalformed)
          << row.sample << " in " << letter;
    }
  }
}

TEST(CheckProperties, RefusesEveryIdentifierThatIsNotInTheTable) {
  for (unsigned id = 0; id < 256; ++id) {
    const bool is_known = std::any_of(std::begin(kTable), std::end(kTable),
                                      [&](const Row& row) { return row.id == id; });
    if (is_known) continue;
    const std::string section(8, static_cast<char>(id));
    for (const auto& [letter, place] : kPlaces) {
      EXPECT_EQ(check_properties(section, place).error(), kMalformed) << id;
    }
  }
}

TEST(CheckProperties, RefusesRepetitionButOfTwo) {
  for (const Row& row : kTable) {
    for (const auto& [letter, place] : kPlaces) {
      if (row.places.find(letter) == std::string_view::npos) continue;
      const bool may_repeat = row.id == 0x26 || (row.id == 0x0B && letter == 'P');
      const std::string twice = std::string(row.sample) + std::string(row.sample);

      EXPECT_EQ(check(twice, place), may_repeat ? kGood : kProtocol) << twice << " in " << letter;
    }
  }
}

TEST(CheckProperties, RefusesEveryPropertyThatIsCutOff) {
  for (const Row& row : kTable) {
    const auto place = std::find_if(std::begin(kPlaces), std::end(kPlaces), [&](const auto& one) {
                         return row.places.find(one.letter) != std::string_view::npos;
                       })->place;
    const std::string whole = bytes(row.sample);
    for (std::size_t size = 1; size < whole.size(); ++size) {
      const ExactCopy part(std::string_view(whole).substr(0, size));

      EXPECT_EQ(check_properties(part.view(), place).error(), kMalformed) << row.sample;
    }
  }
}

TEST(CheckProperties, ChecksBothHalvesOfAUserProperty) {
  EXPECT_EQ(check(R"(26 "n" 0001 FF)", PropertyPlace::Publish), kMalformed);  // [MQTT-1.5.7-1]
  EXPECT_EQ(check(R"(26 0001 FF "v")", PropertyPlace::Publish), kMalformed);  // [MQTT-1.5.7-1]
  EXPECT_EQ(check(R"(26 0001 00 "v")", PropertyPlace::Publish), kMalformed);  // [MQTT-1.5.4-2]
  EXPECT_EQ(check(R"(26 "" "")", PropertyPlace::Publish), kGood);
}

TEST(CheckProperties, TakesFiveThousandUserProperties) {
  std::string section;
  PropertyWriter writer(section);
  for (int i = 0; i < 5'000; ++i) writer.user("name-" + std::to_string(i), std::to_string(i));
  writer.number(PropertyId::TopicAlias, 7);

  const auto checked = check_properties(section, PropertyPlace::Publish);

  ASSERT_TRUE(checked);
  EXPECT_TRUE(checked->has(PropertyId::TopicAlias));
  EXPECT_FALSE(checked->has(PropertyId::ContentType));
  int count = 0;
  for (const Property& property : checked->properties) {
    if (property.id != PropertyId::UserProperty) continue;
    EXPECT_EQ(property.name, "name-" + std::to_string(count));
    EXPECT_EQ(property.text, std::to_string(count));
    ++count;
  }
  EXPECT_EQ(count, 5'000);
  EXPECT_EQ(checked->properties.number(PropertyId::TopicAlias), 7U);
}

TEST(Properties, ReadsWhatTheWriterWrote) {
  std::string section;
  PropertyWriter writer(section);
  writer.number(PropertyId::PayloadFormatIndicator, 1);
  writer.number(PropertyId::TopicAlias, 0x1234);
  writer.number(PropertyId::MessageExpiryInterval, 0x89ABCDEF);
  writer.number(PropertyId::SubscriptionIdentifier, 268'435'455);
  writer.text(PropertyId::ContentType, "text/plain");
  writer.user("n", "v");
  writer.raw(bytes("09 0002 00FF"));

  EXPECT_EQ(hex(section),
            "01 01 23 12 34 02 89 ab cd ef 0b ff ff ff 7f "
            "03 00 0a 74 65 78 74 2f 70 6c 61 69 6e 26 00 01 6e 00 01 76 09 00 02 00 ff");
  const auto properties = Properties::from_checked(section);
  EXPECT_FALSE(properties.empty());
  EXPECT_EQ(properties.number(PropertyId::PayloadFormatIndicator), 1U);
  EXPECT_EQ(properties.number(PropertyId::TopicAlias), 0x1234U);
  EXPECT_EQ(properties.number(PropertyId::MessageExpiryInterval), 0x89ABCDEFU);
  EXPECT_EQ(properties.number(PropertyId::SubscriptionIdentifier), 268'435'455U);
  EXPECT_EQ(properties.text(PropertyId::ContentType), "text/plain");
  EXPECT_EQ(properties.text(PropertyId::CorrelationData), std::string_view("\0\xFF", 2));
  EXPECT_EQ(properties.number(PropertyId::ReceiveMaximum), std::nullopt);
  EXPECT_EQ(properties.text(PropertyId::ResponseTopic), std::nullopt);
  EXPECT_EQ(properties.number(PropertyId::ContentType), std::nullopt) << "that one is a text";
  EXPECT_EQ(properties.text(PropertyId::TopicAlias), std::nullopt) << "that one is a number";
}

TEST(Properties, EachKnowsItsOwnBytes) {
  const std::string section = bytes(R"(01 01 26 "n" "v" 0B 8001 26 "n" "w")");
  const auto properties = Properties::from_checked(section);

  std::string joined;
  std::vector<PropertyId> ids;
  for (const Property& property : properties) {
    joined += property.encoded;
    ids.push_back(property.id);
  }

  EXPECT_EQ(joined, section);
  EXPECT_EQ(ids, (std::vector{PropertyId::PayloadFormatIndicator, PropertyId::UserProperty,
                              PropertyId::SubscriptionIdentifier, PropertyId::UserProperty}));
}

TEST(Properties, EmptyHasNone) {
  const Properties properties;

  EXPECT_TRUE(properties.empty());
  EXPECT_TRUE(properties.begin() == Properties::end());
  EXPECT_EQ(properties.number(PropertyId::TopicAlias), std::nullopt);
}

}  // namespace
}  // namespace sluice::mqtt::test
