// Secrets are write-only: what leaves shows "***", and "***" that comes back keeps what is there.
#include "base/schema.hpp"

namespace sluice::schema {
namespace {

namespace json = boost::json;

constexpr std::string_view kMask = "***";

bool is_set(const json::value& value) {
  return !value.is_null() && !(value.is_string() && value.get_string().empty());
}

bool is_mask(const json::value& value) {
  return value.is_string() && std::string_view(value.get_string()) == kMask;
}

const json::object* object_at(const json::object& document, std::string_view name) {
  const auto* found = document.if_contains(name);
  return found == nullptr ? nullptr : found->if_object();
}

void mask_value(const Field& field, json::value& value) {
  if (auto* members = value.if_object(); members != nullptr && field.type == Type::Map) {
    for (auto& member : *members) {
      if (is_set(member.value())) member.value() = kMask;
    }
    return;
  }
  if (is_set(value)) value = kMask;
}

void unmask_value(const Field& field, const json::value* old, json::value& value) {
  if (old == nullptr) return;
  auto* members = value.if_object();
  const auto* old_members = old->if_object();
  if (field.type == Type::Map && members != nullptr && old_members != nullptr) {
    for (auto& member : *members) {
      const auto* kept = old_members->if_contains(member.key());
      if (kept != nullptr && is_mask(member.value())) member.value() = *kept;
    }
    return;
  }
  if (is_mask(value)) value = *old;
}

}  // namespace

json::object mask(const Fields& fields, const json::object& document) {
  json::object shown = document;
  for (const auto& field : fields) {
    auto* value = shown.if_contains(field.name);
    if (value == nullptr) continue;
    if (field.secret) {
      mask_value(field, *value);
    } else if (auto* nested = value->if_object(); nested != nullptr && field.type == Type::Object) {
      *nested = mask(field.fields, *nested);
    } else if (nested != nullptr && field.type == Type::ObjectMap) {
      for (auto& member : *nested) {
        if (auto* object = member.value().if_object()) *object = mask(field.fields, *object);
      }
    }
  }
  return shown;
}

json::object unmask(const Fields& fields, const json::object& old, json::object update) {
  const json::object nothing;
  for (const auto& field : fields) {
    auto* value = update.if_contains(field.name);
    if (value == nullptr) continue;
    if (field.secret) {
      unmask_value(field, old.if_contains(field.name), *value);
      continue;
    }
    auto* nested = value->if_object();
    if (nested == nullptr) continue;
    const auto* before = object_at(old, field.name);
    if (field.type == Type::Object) {
      *nested = unmask(field.fields, before != nullptr ? *before : nothing, std::move(*nested));
    } else if (field.type == Type::ObjectMap && before != nullptr) {
      for (auto& member : *nested) {
        auto* object = member.value().if_object();
        const auto* object_before = object_at(*before, member.key());
        if (object == nullptr || object_before == nullptr) continue;
        *object = unmask(field.fields, *object_before, std::move(*object));
      }
    }
  }
  return update;
}

}  // namespace sluice::schema
