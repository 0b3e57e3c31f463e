#include "connect/division.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using store::Cursor;
using store::Position;
using store::StateKind;

constexpr std::uint64_t kFormat = 1;
constexpr std::string_view kByKey = "key ";
constexpr unsigned kMostWorkers = 64;

std::string places_key(std::string_view task_id) {
  return "task_workers/" + std::string(task_id);
}

// FNV-1a, and then every bit depends on every bit (splitmix64): the range is cut by the upper ones.
// What is saved depends on it: never to be changed.
std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ULL;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebULL;
  return number ^ (number >> 31);
}

std::uint64_t hash_of_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return mixed(hash);
}

// Behind it the cursor covers nothing.
Position end_of(const Cursor& cursor) {
  auto end = std::max(cursor.position, cursor.ahead.up_to);
  return cursor.acknowledged.empty() ? end : std::max(end, cursor.acknowledged.back());
}

Position end_of(const Former& former) {
  Position end;
  for (const auto& cursor : former.cursors) end = std::max(end, end_of(cursor));
  return end;
}

json::object shown(const Division& division) {
  return {{"workers", division.workers}, {"by", division.by}};
}

Result<Division> read_division(const json::object& saved) {
  const auto* workers = saved.if_contains("workers");
  json::error_code error;
  const auto number = workers != nullptr ? workers->to_number<unsigned>(error) : 0;
  if (error || number == 0 || number > kMostWorkers)
    return fail(Errc::Corrupt, "how its workers share a task cannot be read");
  return Division{.workers = number, .by = text_at(saved, "by")};
}

Result<Former> read_former(const json::object& saved) {
  SL_TRY(division, read_division(saved));
  Former former{.division = std::move(division), .cursors = {}};
  const auto* cursors = saved.if_contains("cursors");
  const auto* list = cursors != nullptr ? cursors->if_array() : nullptr;
  if (list == nullptr || list->size() != former.division.workers)
    return fail(Errc::Corrupt, "how the workers of a task shared it cannot be read");
  for (const auto& text : *list) {
    std::string bytes;
    if (!text.is_string() || !decode_base64(text.get_string(), bytes))
      return fail(Errc::Corrupt, "where the workers of a task were cannot be read");
    SL_TRY(cursor, store::decode_cursor(bytes));
    former.cursors.push_back(std::move(cursor));
  }
  return former;
}

}  // namespace

std::string Division::state_id(std::string_view task_id, std::size_t number) const {
  auto id = std::string(task_id);
  return workers == 1 ? id : id + "/" + std::to_string(number);
}

Division division_of(const TaskSpec& spec) {
  if (spec.workers == 1) return {};
  Division division{.workers = spec.workers};
  switch (spec.order) {
    case Order::PerPublisher:
      division.by = "publisher";
      break;
    case Order::PerTopic:
      division.by = "topic";
      break;
    case Order::None:
      division.by = "position";
      break;
    case Order::PerKey:
      division.by = std::string(kByKey) + spec.key_text;
      break;
  }
  return division;
}

Cursor Places::lowest() const {
  const auto lowest = std::ranges::min_element(cursors, {}, &Cursor::position);
  return Cursor{lowest->position, {}};
}

Places divided(Places places, const Division& division) {
  if (places.division == division) return places;
  const auto lowest = places.lowest();
  places.before.push_back({std::move(places.division), std::move(places.cursors)});
  std::erase_if(places.before,
                [&](const Former& former) { return end_of(former) <= lowest.position; });
  return {.division = division,
          .cursors = std::vector<Cursor>(division.workers, lowest),
          .before = std::move(places.before)};
}

std::string cursor_key_of(std::string_view state_id) {
  return "task/" + std::string(state_id);
}

void put_places(store::Batch& batch, std::string_view task_id, const Places& places) {
  for (std::size_t i = 0; i < places.cursors.size(); ++i)
    batch.put(StateKind::Cursor, cursor_key_of(places.division.state_id(task_id, i)),
              store::encode(places.cursors[i]));
  if (places.division == Division{} && places.before.empty())
    return batch.erase(StateKind::Document, places_key(task_id));
  json::array before;
  for (const auto& former : places.before) {
    auto entry = shown(former.division);
    json::array cursors;
    for (const auto& cursor : former.cursors) cursors.emplace_back(base64(store::encode(cursor)));
    entry["cursors"] = std::move(cursors);
    before.push_back(std::move(entry));
  }
  auto out = shown(places.division);
  out["format"] = kFormat;
  out["before"] = std::move(before);
  batch.put(StateKind::Document, places_key(task_id), json::serialize(out));
}

void erase_places(store::Batch& batch, std::string_view task_id, const Places& places) {
  for (std::size_t i = 0; i < places.cursors.size(); ++i)
    batch.erase(StateKind::Cursor, cursor_key_of(places.division.state_id(task_id, i)));
  batch.erase(StateKind::Document, places_key(task_id));
}

Result<Places> load_places(store::Store& store, std::string_view task_id,
                           const std::function<Cursor()>& without) {
  SL_TRY(text, store.get(StateKind::Document, places_key(task_id)));
  Places places;
  if (text) {
    json::error_code error;
    const auto parsed = json::parse(*text, error);
    const auto* saved = parsed.if_object();
    const auto* format = saved != nullptr ? saved->if_contains("format") : nullptr;
    if (error || format == nullptr || *format != kFormat)
      return fail(Errc::Corrupt, "how its workers share a task is of another version");
    SL_TRY(division, read_division(*saved));
    places.division = std::move(division);
    const auto* before = saved->if_contains("before");
    if (before == nullptr || !before->is_array())
      return fail(Errc::Corrupt, "how the workers of a task shared it cannot be read");
    for (const auto& entry : before->get_array()) {
      if (!entry.is_object())
        return fail(Errc::Corrupt, "how the workers of a task shared it cannot be read");
      SL_TRY(former, read_former(entry.get_object()));
      places.before.push_back(std::move(former));
    }
  }
  for (unsigned i = 0; i < places.division.workers; ++i) {
    SL_TRY(bytes,
           store.get(StateKind::Cursor, cursor_key_of(places.division.state_id(task_id, i))));
    if (!bytes) {
      places.cursors.push_back(without());
      continue;
    }
    SL_TRY(cursor, store::decode_cursor(*bytes));
    places.cursors.push_back(std::move(cursor));
  }
  return places;
}

Divider::Divider(Division division, std::string_view node_name)
    : workers_(division.workers), by_(By::Publisher), fields_(std::string(node_name)) {
  if (division.by == "topic") by_ = By::Topic;
  if (division.by == "position") by_ = By::Position;
  if (!division.by.starts_with(kByKey)) return;
  by_ = By::Key;
  // Of a document that was checked. Were it not to compile, one worker would have all.
  if (auto key = Template::compile(std::string_view(division.by).substr(kByKey.size())))
    key_ = std::move(*key);
}

std::uint64_t Divider::hash_of(const model::Message& message) {
  switch (by_) {
    case By::Publisher:
      return hash_of_text(message.client_id);
    case By::Topic:
      return hash_of_text(message.topic);
    case By::Position:
      return mixed(message.position().get());
    case By::Key:
      break;
  }
  arena_.reset();
  fields_.use(message, arena_);
  // What has no key is rejected, by whoever has the empty one.
  return hash_of_text(key_.evaluate(fields_).value_or(std::string_view()));
}

unsigned Divider::worker_of(const model::Message& message) {
  if (workers_ == 1) return 0;
  return static_cast<unsigned>(((hash_of(message) >> 32) * workers_) >> 32);
}

Share::Share(const Places& places, unsigned number, std::string_view node_name)
    : divider_(places.division, node_name), number_(number) {
  for (const auto& former : places.before) {
    before_.emplace_back(former, node_name);
    until_ = std::max(until_, end_of(former));
  }
}

bool Share::has(const model::Message& message) {
  if (divider_.worker_of(message) != number_) return false;
  const auto position = message.position();
  if (position > until_) return true;
  return std::ranges::none_of(before_, [&](Past& past) {
    return past.cursors[past.divider.worker_of(message)].covers(position);
  });
}

Owner owner_of(const Places& places, const model::Message& message, std::string_view node_name) {
  Owner owner{.number = Divider(places.division, node_name).worker_of(message)};
  for (const auto& former : places.before) {
    const auto number = Divider(former.division, node_name).worker_of(message);
    owner.was_done = owner.was_done || former.cursors[number].covers(message.position());
  }
  return owner;
}

}  // namespace sluice::connect
