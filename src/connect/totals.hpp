#pragma once
#include <string>
#include <string_view>

#include "connect/progress.hpp"
#include "store/store.hpp"

namespace sluice::connect {

// What a task has done in all, kept beside its cursor and written in the same step: a run after
// `kill -9` counts on from there, and counts again exactly what it does again. Of a task with a
// source outside, whose place is kept over there, it is written by itself.
//
// StateKind::Document `task_totals/<id>`: the number of the format, then delivered, retried,
// rejected, filtered, shed, lost, possible_duplicates, since format 2 looped, and since format 3
// denied.
void put_totals(store::Batch& batch, std::string_view task_id, const Progress& progress);
[[nodiscard]] bool has_same_totals(const Progress& one, const Progress& other);
void erase_totals(store::Batch& batch, std::string_view task_id);

// Those that were written last; of a task without any, or whose totals cannot be read: none.
[[nodiscard]] Result<void> load_totals(store::Store& store, std::string_view task_id,
                                       Progress& progress);

}  // namespace sluice::connect
