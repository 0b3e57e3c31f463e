// A decision that is remembered is the decision that would be taken.
#include "broker/publish_memo.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

using mqtt::Qos;

// Allows one topic at QoS 1, not retained, and counts how often it is asked.
class OneTopic final : public Permissions {
 public:
  explicit OneTopic(std::string topic) : topic_(std::move(topic)) {}
  [[nodiscard]] bool may_connect() const override { return true; }
  [[nodiscard]] bool may_publish(std::string_view topic, Qos qos, bool retain) const override {
    ++asked;
    return topic == topic_ && qos == Qos::AtLeastOnce && !retain;
  }
  [[nodiscard]] bool may_subscribe(std::string_view, Qos) const override { return false; }
  [[nodiscard]] bool may_stay_subscribed(std::string_view, Qos) const override { return false; }
  [[nodiscard]] bool may_receive(std::string_view) const override { return false; }
  [[nodiscard]] bool nothing_denied() const override { return false; }
  mutable int asked = 0;

 private:
  std::string topic_;
};

TEST(PublishMemo, AsksOnceForTheSame) {
  const auto rights = std::make_shared<OneTopic>("a");
  PublishMemo memo;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(memo.may_publish(rights, "a", Qos::AtLeastOnce, false));
  EXPECT_EQ(rights->asked, 1);
}

TEST(PublishMemo, AsksAnewForAnotherTopicQosFlagOrClient) {
  const auto rights = std::make_shared<OneTopic>("a");
  const auto others = std::make_shared<OneTopic>("b");
  PublishMemo memo;
  EXPECT_TRUE(memo.may_publish(rights, "a", Qos::AtLeastOnce, false));
  EXPECT_FALSE(memo.may_publish(rights, "a", Qos::AtMostOnce, false));
  EXPECT_TRUE(memo.may_publish(rights, "a", Qos::AtLeastOnce, false));
  EXPECT_FALSE(memo.may_publish(rights, "a", Qos::AtLeastOnce, true));
  EXPECT_TRUE(memo.may_publish(rights, "a", Qos::AtLeastOnce, false));
  EXPECT_FALSE(memo.may_publish(rights, "b", Qos::AtLeastOnce, false));
  EXPECT_FALSE(memo.may_publish(others, "a", Qos::AtLeastOnce, false));
  EXPECT_TRUE(memo.may_publish(others, "b", Qos::AtLeastOnce, false));
}

// What is remembered is not taken for what was made in the same place later.
TEST(PublishMemo, HoldsTheRightsThatItRemembers) {
  auto rights = std::make_shared<OneTopic>("a");
  const std::weak_ptr<const Permissions> watched = rights;
  PublishMemo memo;
  EXPECT_TRUE(memo.may_publish(rights, "a", Qos::AtLeastOnce, false));
  rights = nullptr;
  EXPECT_FALSE(watched.expired());
}

TEST(PublishMemo, KeepsNoLongTopics) {
  const auto rights = std::make_shared<OneTopic>(std::string(60'000, 'a'));
  PublishMemo memo;
  const std::string topic(60'000, 'a');
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(memo.may_publish(rights, topic, Qos::AtLeastOnce, false));
  EXPECT_EQ(rights->asked, 2);
}

}  // namespace
}  // namespace sluice::broker
