#include "connectors/kafka/registry/schema_decoder.hpp"

#include <algorithm>

namespace sluice::connectors::kafka::registry {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostSchemas = 1024;
constexpr auto kLookForItAgainAfter = 30s;  // what the registry did not know

}  // namespace

Result<void> SchemaDecoder::decode(std::span<const std::string_view> values, connect::Arena& arena,
                                   std::vector<Decoded>& outcomes,
                                   const std::function<bool()>& is_stopping) {
  outcomes.assign(values.size(), {});
  if (known_.size() >= kMostSchemas) known_.clear();
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto rest = values[i];
    if (rest.empty()) continue;  // a record without a value: it has none here either
    const auto id = take_id_prefix(rest);
    if (!id) {
      outcomes[i].reason = "schema: the value does not begin with the id of a schema";
      continue;
    }
    if (is_stopping()) return fail(Errc::Unavailable, "schema registry: stopped");
    SL_TRY(known, schema_of(*id));
    if (known->format == nullptr) {
      outcomes[i].reason = known->reason;
      continue;
    }
    auto decoded = known->format->decode(rest);
    if (decoded)
      outcomes[i].text = arena.copy(*decoded);
    else
      outcomes[i].reason = std::move(decoded.error());
  }
  return {};
}

// Whoever writes records may name any id: one that nobody knows is that record's fault, and is not
// asked for with each.
Result<const SchemaDecoder::Known*> SchemaDecoder::schema_of(std::int32_t id) {
  const auto now = std::chrono::steady_clock::now();
  const auto at = known_.find(id);
  if (at != known_.end() &&
      (at->second.format != nullptr || now < at->second.asked + kLookForItAgainAfter))
    return &at->second;
  Known known{.format = nullptr, .reason = {}, .asked = now};
  const auto found = client_.get(id);
  if (!found && found.error().code != Errc::NotFound) return tl::unexpected(found.error());
  if (found) {
    auto format = make_format(format_, *found, {});
    if (format)
      known.format = std::move(*format);
    else
      known.reason = "schema " + std::to_string(id) + ": " + format.error();
  } else {
    known.reason = "schema: the registry has none with the id " + std::to_string(id);
  }
  return &known_.insert_or_assign(id, std::move(known)).first->second;
}

}  // namespace sluice::connectors::kafka::registry
