// Random work, random ends, and after each the question whether what is left is what may be left.
#include <cstdlib>

#include "ledger.hpp"

namespace sluice::store {
namespace {

std::uint64_t number(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

class Model : public StoreTest {
 protected:
  void draw_options(Ledger& ledger) {
    options_.segment_bytes = (8ULL << 10) << ledger.draw(4);
    options_.cache_bytes = ledger.draw(2) == 0 ? 0 : 32 << 10;
    options_.checkpoint_bytes = ledger.draw(2) == 0 ? 4 << 10 : 1 << 30;
    options_.first_fill_bytes = ledger.draw(2) == 0 ? 0 : 8 << 10;
    options_.prepare_segments = ledger.draw(2) == 0;
    options_.durability =
        ledger.draw(4) == 0 ? EmbeddedOptions::Durability::Os : EmbeddedOptions::Durability::Fsync;
  }

  void work(Ledger& ledger) {
    for (std::uint64_t i = ledger.draw(40); i > 0; --i) {
      if (!ledger.append(*store_)) return;
      if (ledger.draw(4) == 0 && !store_->wait_durable(ledger.end())) return;
    }
  }

  void end(Ledger& ledger) {
    ledger.note_durable(*store_);
    const std::uint64_t way = ledger.draw(5);
    if (way == 0) {
      store_->close();
      ledger.note_durable(*store_);
      store_.reset();
    } else {
      const Survives survives = way == 1   ? Survives::Synced
                                : way == 2 ? Survives::All
                                           : Survives::Anything;
      if (options_.durability == EmbeddedOptions::Durability::Os && survives != Survives::All) {
        ledger.forget_durable();
      }
      crash(survives, ledger.draw(UINT64_MAX));
    }
    if (ledger.draw(3) == 0) forget_view();
  }

  void run(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Ledger ledger(seed);
    draw_options(ledger);
    open();
    if (HasFatalFailure()) return;
    ledger.open_queues(*store_);
    ASSERT_TRUE(ledger.has_queues());
    ASSERT_TRUE(files_.sync_directory(""));
    for (int round = 0; round < 4; ++round) {
      if (ledger.draw(4) == 0) {
        files_.fail_nth(1 + ledger.draw(60), ledger.draw(3) == 0 ? Errc::NoSpace : Errc::IoFailed);
      }
      work(ledger);
      end(ledger);
      files_.fail_nothing();
      open();
      if (HasFatalFailure()) return;
      ledger.check(*store_);
      if (HasFatalFailure()) return;
    }
    store_.reset();
  }
};

TEST_F(Model, KeepsItsPromisesWhateverHappens) {
  const std::uint64_t first = number("SLUICE_STORE_FIRST_SEED", 1);
  const std::uint64_t seeds = number("SLUICE_STORE_SEEDS", 60);
  for (std::uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) {
    run(seed);
    files_.restart(Survives::Synced);
    for (const std::string& path : files_.paths()) ASSERT_TRUE(files_.remove(path));
    forget_view();
  }
}

}  // namespace
}  // namespace sluice::store
