#include "store/embedded/recent_batches.hpp"

#include <string>

#include <gtest/gtest.h>

namespace sluice::store::embedded {
namespace {

using std::chrono::seconds;

class RecentBatchesTest : public ::testing::Test {
 protected:
  // A batch of a little more than one MiB, placed at `now_`.
  void add() {
    auto batch = std::make_shared<LogBatch>(LogBatch::SizeHint{});
    NewMessage message;
    message.topic = "t";
    message.payload = payload_;
    batch->add_message(message, {});
    batch->place({plan_, end_, end_, 0, now_});
    end_ = batch->end_position();
    cache_.add(std::move(batch));
  }
  void add_all(int mebibytes) {
    for (int i = 0; i < mebibytes; ++i) {
      add();
      cache_.shrink(end_);
    }
  }
  [[nodiscard]] std::uint64_t mebibytes() const { return (end_ - cache_.begin()) >> 20; }

  const std::string payload_ = std::string(1 << 20, 'p');
  const SegmentPlanPtr plan_ = std::make_shared<SegmentPlan>();
  std::uint64_t end_ = kSegmentHeaderBytes;
  RecentBatches::Time now_{seconds(1000)};
  RecentBatches cache_{64 << 20};
};

TEST_F(RecentBatchesTest, StaysSmallWithEverybodyAtTheTail) {
  for (int i = 0; i < 40; ++i) {
    const auto read_to = end_;
    add_all(1);
    cache_.note_reader(end_ - read_to);
  }

  EXPECT_LE(mebibytes(), RecentBatches::kLeastBytes >> 20);
  EXPECT_GE(mebibytes(), (RecentBatches::kLeastBytes >> 20) - 2);
}

TEST_F(RecentBatchesTest, KeepsWhatAReaderHasNotReadYetUpToTheBound) {
  const auto reader = end_;
  for (int i = 0; i < 30; ++i) {
    add_all(1);
    cache_.note_reader(end_ - reader);
  }
  EXPECT_LE(cache_.begin(), reader);

  cache_.note_reader(90 << 20);
  add_all(60);
  EXPECT_LE(mebibytes(), 64U);
  EXPECT_GE(mebibytes(), 62U);
}

TEST_F(RecentBatchesTest, ForgetsAReaderThatDoesNotComeBack) {
  cache_.note_reader(40 << 20);
  add_all(30);
  ASSERT_GT(mebibytes(), 29U);

  now_ += RecentBatches::kReaderRests;
  add_all(1);
  EXPECT_GT(mebibytes(), 29U) << "it may have read a moment ago";
  now_ += RecentBatches::kReaderRests;
  add_all(1);

  EXPECT_LE(mebibytes(), RecentBatches::kLeastBytes >> 20);
}

TEST_F(RecentBatchesTest, KeepsWhatIsNotDurableWhateverItsSize) {
  for (int i = 0; i < 80; ++i) add();
  cache_.shrink(kSegmentHeaderBytes);

  EXPECT_GE(mebibytes(), 80U);
}

}  // namespace
}  // namespace sluice::store::embedded
