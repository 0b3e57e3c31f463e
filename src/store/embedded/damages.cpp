#include "store/embedded/damages.hpp"

#include "base/log.hpp"

namespace sluice::store::embedded {
namespace {

// More are counted as reads only: whoever repairs is told all of them by `sluice log verify`.
constexpr std::size_t kMostPlaces = 10'000;

}  // namespace

void Damages::note(const Error& error) {
  if (error.code != Errc::Corrupt) return;
  reads_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::scoped_lock lock(mutex_);
    if (places_.size() >= kMostPlaces || !places_.insert(error.detail).second) return;
    if (first_.empty()) first_ = error.detail;
  }
  log::error("what is on disk is damaged", {{"place", error.detail}});
}

std::string Damages::summary() const {
  const std::scoped_lock lock(mutex_);
  if (places_.size() < 2) return first_;
  return first_ + " (and " + std::to_string(places_.size() - 1) + " places more)";
}

}  // namespace sluice::store::embedded
