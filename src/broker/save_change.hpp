#pragma once
#include "base/refusal.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// Appends what an administrator changed; durable once it returns. Blocks on the disk.
[[nodiscard]] Outcome<void> save_change(store::Store& store, const store::BatchPtr& batch);

}  // namespace sluice::broker
