#include "connect/place.hpp"

#include <algorithm>
#include <iterator>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using store::Position;

constexpr int kFormat = 1;
constexpr int kFormatWithAhead = 2;

std::uint64_t number_at(const json::object& object, std::string_view name, bool& is_whole) {
  const auto* value = object.if_contains(name);
  json::error_code error;
  const auto number = value != nullptr ? value->to_number<std::uint64_t>(error) : 0;
  is_whole = is_whole && value != nullptr && !error;
  return number;
}

}  // namespace

// The set above the position as distances, each to the one before.
std::string encode(const Place& place) {
  json::array above;
  auto before = place.cursor.position.get();
  for (const auto position : place.cursor.acknowledged) {
    above.push_back(position.get() - before);
    before = position.get();
  }
  json::object out{{"format", kFormat},
                   {"task", place.task_id},
                   {"generation", place.generation},
                   {"position", place.cursor.position.get()},
                   {"above", std::move(above)},
                   {"newest", model::to_hex(place.newest)},
                   {"delivered", place.delivered}};
  if (place.cursor.has_ahead()) {
    out["format"] = kFormatWithAhead;
    out["ahead_after"] = place.cursor.ahead.after.get();
    out["ahead_up_to"] = place.cursor.ahead.up_to.get();
  }
  return json::serialize(out);
}

Result<Place> decode_place(std::string_view text) {
  const auto corrupt = [](const char* why) {
    return fail(Errc::Corrupt, std::string("the place that was saved ") + why);
  };
  json::error_code error;
  const auto parsed = json::parse(text, error);
  const auto* object = parsed.if_object();
  if (error || object == nullptr) return corrupt("cannot be read");
  bool is_whole = true;
  const auto format = number_at(*object, "format", is_whole);
  if (format != kFormat && format != kFormatWithAhead)
    return corrupt("is of another version of this server");
  Place place{.task_id = text_at(*object, "task"),
              .generation = number_at(*object, "generation", is_whole),
              .cursor = {Position(number_at(*object, "position", is_whole)), {}},
              .newest = {}};
  if (format == kFormatWithAhead)
    place.cursor.ahead = {Position(number_at(*object, "ahead_after", is_whole)),
                          Position(number_at(*object, "ahead_up_to", is_whole))};
  const auto newest = model::parse_message_id(text_at(*object, "newest"));
  const auto* above = object->if_contains("above");
  if (!is_whole || !newest || above == nullptr || !above->is_array())
    return corrupt("cannot be read");
  place.newest = *newest;
  bool is_there = true;
  place.delivered = number_at(*object, "delivered", is_there);
  auto position = place.cursor.position.get();
  for (const auto& distance : above->get_array()) {
    position += distance.to_number<std::uint64_t>(error);
    if (error) return corrupt("cannot be read");
    place.cursor.acknowledged.emplace_back(position);
  }
  return place;
}

store::Cursor furthest(const store::Cursor& one, const store::Cursor& other) {
  store::Cursor cursor{std::max(one.position, other.position), {}};
  std::ranges::set_union(one.acknowledged, other.acknowledged,
                         std::back_inserter(cursor.acknowledged));
  // Of two ranges the one that begins later is of a later cut: the other one lies before the
  // position by then.
  cursor.ahead = std::max(one.ahead, other.ahead);
  cursor.close_up();
  return cursor;
}

}  // namespace sluice::connect
