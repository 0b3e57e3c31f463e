#include "app/key_fetcher.hpp"

#include <atomic>
#include <memory>

#include <gtest/gtest.h>

#include "base/guarded.hpp"
#include "support/eventually.hpp"

namespace sluice::app {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr std::string_view kSet = R"({"keys":[{"kty":"EC","crv":"P-256","kid":"1",)"
                                  R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                                  R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

class MovedClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return 0; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::seconds(seconds));
  }
  std::atomic<int> seconds{1000};
};

class KeyFetcherTest : public testing::Test {
 protected:
  void begin(KeyFetcher::Options options) {
    fetcher_ = std::make_unique<KeyFetcher>(
        clock_,
        [this](const std::string& url, const std::string&) {
          urls_.with([&](auto& urls) { urls.push_back(url); });
          ++asked_;
          if (is_away_) return Result<std::string>(fail(Errc::Unavailable, "away"));
          return Result<std::string>(std::string(kSet));
        },
        [this](broker::JwtKeys keys, KeyFetcher::Time until) {
          until_s_ =
              std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count();
          ++taken_;
          keys_ = keys.size();  // last: it is what tests wait for
        });
    fetcher_->use(std::move(options));
  }

  MovedClock clock_;
  std::atomic<bool> is_away_{false};
  std::atomic<int> asked_{0};
  std::atomic<int> taken_{0};
  std::atomic<std::size_t> keys_{0};
  std::atomic<std::int64_t> until_s_{0};
  Guarded<std::vector<std::string>> urls_;
  std::unique_ptr<KeyFetcher> fetcher_;
};

TEST_F(KeyFetcherTest, FetchesAtOnceAndSaysHowLongTheKeysHold) {
  begin({.url = "https://id.example/keys", .keep = 100s});

  EXPECT_TRUE(eventually([&] { return keys_ == 1; }));
  EXPECT_EQ(until_s_, 1100);
}

TEST_F(KeyFetcherTest, FetchesSoonerWhenAKeyIsMissingButNotForEachToken) {
  begin({.url = "https://id.example/keys"});
  ASSERT_TRUE(eventually([&] { return keys_ == 1; }));

  for (int i = 0; i < 1000; ++i) fetcher_->want();
  clock_.seconds += 9;
  for (int i = 0; i < 1000; ++i) fetcher_->want();
  EXPECT_EQ(asked_, 1);
  clock_.seconds += 1;
  fetcher_->want();

  EXPECT_TRUE(eventually([&] { return asked_ == 2; }));
}

TEST_F(KeyFetcherTest, LeavesTheKeysThatAreThereWhenTheOtherSideIsAway) {
  begin({.url = "https://id.example/keys"});
  ASSERT_TRUE(eventually([&] { return keys_ == 1; }));
  const int taken = taken_;
  is_away_ = true;
  clock_.seconds += 400;
  fetcher_->want();
  ASSERT_TRUE(eventually([&] { return asked_ == 2; }));

  EXPECT_EQ(taken_, taken);
  is_away_ = false;
  clock_.seconds += 2;  // the first pause
  fetcher_->want();
  EXPECT_TRUE(eventually([&] { return taken_ == taken + 1; }));
}

TEST_F(KeyFetcherTest, FetchesAgainAndAgain) {
  SystemClock real;
  std::atomic<int> times{0};
  KeyFetcher fetcher(
      real,
      [&](const std::string&, const std::string&) {
        ++times;
        return Result<std::string>(std::string(kSet));
      },
      [](broker::JwtKeys, KeyFetcher::Time) {});
  fetcher.use({.url = "https://id.example/keys", .refresh = 1ms});

  EXPECT_TRUE(eventually([&] { return times >= 5; }));
}

// Whoever changes where keys come from does not trust the old place any more.
TEST_F(KeyFetcherTest, ForgetsTheKeysOfAnotherPlace) {
  begin({.url = "https://id.example/keys"});
  ASSERT_TRUE(eventually([&] { return keys_ == 1; }));
  is_away_ = true;

  fetcher_->use({.url = "https://other.example/keys"});

  EXPECT_EQ(keys_, 0U);
  EXPECT_TRUE(eventually([&] { return asked_ == 2; }));
  EXPECT_EQ(urls_.with([](const auto& urls) { return urls.back(); }), "https://other.example/keys");
  EXPECT_EQ(keys_, 0U);
}

TEST_F(KeyFetcherTest, AsksNobodyWithoutAnAddress) {
  begin({});
  for (int i = 0; i < 10; ++i) fetcher_->want();
  fetcher_->stop();

  EXPECT_EQ(asked_, 0);
}

}  // namespace
}  // namespace sluice::app
