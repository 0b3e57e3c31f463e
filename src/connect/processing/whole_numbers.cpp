#include "connect/processing/whole_numbers.hpp"

#include <algorithm>
#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::connect::processing {
namespace {

namespace json = boost::json;

constexpr double kBeyond = 9223372036854775808.0;  // 2^63

bool has_nul_in(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

}  // namespace

void make_whole(json::value& value, Draft draft) {
  if (auto* list = value.if_array()) {
    for (auto& one : *list) make_whole(one, draft);
  } else if (auto* object = value.if_object()) {
    for (auto& member : *object) make_whole(member.value(), draft);
  } else if (const auto* large = value.if_uint64()) {
    value = static_cast<double>(*large);  // no smaller one is kept so
  } else if (const auto* number = value.if_double(); number != nullptr && draft == Draft::Later &&
                                                     *number >= -kBeyond && *number < kBeyond &&
                                                     std::trunc(*number) == *number) {
    value = static_cast<std::int64_t>(*number);
  }
}

bool has_nul(const json::value& value) {
  if (const auto* text = value.if_string()) return has_nul_in(*text);
  if (const auto* list = value.if_array()) return std::ranges::any_of(*list, has_nul);
  const auto* object = value.if_object();
  return object != nullptr && std::ranges::any_of(*object, [](const json::key_value_pair& member) {
           return has_nul_in(member.key()) || has_nul(member.value());
         });
}

}  // namespace sluice::connect::processing
