#include "broker/save_change.hpp"

namespace sluice::broker {

Outcome<void> save_change(store::Store& store, const store::BatchPtr& batch) {
  const auto end = store.append(batch);
  const auto durable = end ? store.wait_durable(*end) : Result<void>(tl::unexpected(end.error()));
  if (durable) return {};
  return refuse({.errc = durable.error().code,
                 .code = std::string(name_of(durable.error().code)),
                 .detail = "the change was not saved: " + durable.error().detail,
                 .hint = "nothing was changed; see /health/ready for the state of the store"});
}

}  // namespace sluice::broker
