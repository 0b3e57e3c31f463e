#include "connect/dead_letters.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "connect/text.hpp"
#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using mqtt::PropertyId;
using store::StateKind;

constexpr std::size_t kMostPerAppend = std::size_t{4} << 20;  // bytes

// Everything that is needed to look at the message, and to send it again as it was.
std::string encode(const DeadLetter& letter) {
  const auto& message = *letter.message;
  json::object out;
  out["message_id"] = model::to_hex(message.id);
  out["position"] = message.position().get();
  out["timestamp"] = rfc3339(message.timestamp_ms);
  out["rejected_at"] = rfc3339(letter.at_ms);
  out["first_rejected_at"] = rfc3339(letter.at_ms);
  out["class"] = name_of(letter.error);
  out["reason"] = letter.reason;
  out["attempts"] = letter.attempts;
  out["target"] = letter.target;
  out["topic"] = message.topic;
  out["client_id"] = message.client_id;
  out["host"] = message.host;
  if (message.has_username) out["username"] = message.username;
  out["qos"] = message.qos;
  out["retain"] = message.retain;
  out["dup"] = message.dup;
  if (message.packet_id != 0) out["packet_id"] = message.packet_id;
  out["properties"] = properties_of(message);
  out["encoded_properties"] = base64(message.properties);
  out["payload_bytes"] = message.payload.size();
  out["payload"] = base64(message.payload);
  return json::serialize(out);
}

}  // namespace

std::string letters_prefix(std::string_view task_id) {
  return std::string(task_id) + "/";
}

std::string letter_key(std::string_view task_id, model::Position position) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%020llu", static_cast<unsigned long long>(position.get()));
  return letters_prefix(task_id) + digits;
}

model::Position position_in(std::string_view digits) {
  std::uint64_t position = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), position);
  return model::Position(position);
}

std::string_view name_of(LetterClass error) {
  switch (error) {
    case LetterClass::Unmapped:
      return "unmapped";
    case LetterClass::Refused:
      return "refused";
    case LetterClass::Denied:
      return "denied";
    case LetterClass::GivenUp:
      return "given_up";
  }
  return "";
}

json::object properties_of(const model::Message& message) {
  json::object out;
  json::array user;
  const auto properties = mqtt::Properties::from_checked(message.properties);
  for (auto it = properties.begin(); it != properties.end(); ++it) {
    switch (it->id) {
      case PropertyId::ContentType:
        out["content_type"] = it->text;
        break;
      case PropertyId::ResponseTopic:
        out["response_topic"] = it->text;
        break;
      case PropertyId::CorrelationData:
        out["correlation_data"] = base64(it->text);
        break;
      case PropertyId::PayloadFormatIndicator:
        out["payload_format"] = it->number;
        break;
      case PropertyId::MessageExpiryInterval:
        out["message_expiry"] = it->number;
        break;
      case PropertyId::UserProperty:
        user.push_back(json::object{{"name", it->name}, {"value", it->text}});
        break;
      default:
        break;
    }
  }
  if (!user.empty()) out["user"] = std::move(user);
  return out;
}

DeadLetters::DeadLetters(store::Store& store, std::uint64_t maximum_bytes, std::size_t looks_at)
    : store_(store), maximum_(maximum_bytes), looks_at_(looks_at) {}

Result<void> DeadLetters::load() {
  const std::scoped_lock lock(mutex_);
  total_ = 0;
  uses_.clear();
  SL_TRY_VOID(
      store_.scan(StateKind::DeadLetter, "", [this](std::string_view key, std::string_view value) {
        count_in(key.substr(0, key.find('/')), counted_of(value));
        return true;
      }));
  return load_copies();
}

Result<std::size_t> DeadLetters::keep(std::string_view task_id, std::span<const DeadLetter> letters,
                                      const Keeping& how) {
  auto kept = keep_all(task_id, letters, how);
  if (kept && how.is_copied) tell_of_copies(task_id, letters.first(*kept));
  return kept;
}

Result<std::size_t> DeadLetters::keep_all(std::string_view task_id,
                                          std::span<const DeadLetter> letters, const Keeping& how) {
  const std::scoped_lock lock(mutex_);
  const auto batch = store_.new_batch();
  auto& use = uses_[std::string(task_id)];
  const auto total_before = total_;
  const auto use_before = use;
  const auto undo = [&] {
    total_ = total_before;
    use = use_before;
  };

  std::size_t kept = 0;
  for (const auto& letter : letters) {
    if (batch->bytes() > kMostPerAppend) break;
    const auto key = letter_key(task_id, letter.message->position());
    const auto value = encode(letter);
    batch->begin_atomic();  // the letter, its mark, and what makes room for them
    auto made = replace_and_make_room(task_id, key, value.size(), how.drop_oldest, *batch);
    const bool fits = made && has_room(value.size());
    if (fits) batch->put(StateKind::DeadLetter, key, value);
    if (fits && how.is_copied) made = mark(task_id, key, *batch);
    batch->end_atomic();
    if (!made) {
      undo();
      return tl::unexpected(std::move(made).error());
    }
    if (!fits) break;
    count_in(task_id, {value.size(), std::string(letter.reason), letter.at_ms});
    ++kept;
  }
  if (kept == 0) {
    undo();
    return fail(Errc::Overloaded, "the dead letters have reached their bound of bytes");
  }
  auto end = store_.append(batch);
  if (!end) {
    undo();
    return tl::unexpected(std::move(end).error());
  }
  SL_TRY_VOID(store_.wait_durable(*end));
  return kept;
}

// A letter that is there already counts no more. Then, if the task says so, its oldest letters go
// until `bytes` fit, in the same batch as what takes their place.
Result<void> DeadLetters::replace_and_make_room(std::string_view task_id, const std::string& key,
                                                std::uint64_t bytes, bool drop_oldest,
                                                store::Batch& batch) {
  SL_TRY(old, store_.get(StateKind::DeadLetter, key));
  if (old) forget(task_id, counted_of(*old));
  if (!drop_oldest || has_room(bytes)) return {};
  std::vector<std::string> dropped;
  SL_TRY_VOID(store_.scan(StateKind::DeadLetter, letters_prefix(task_id),
                          [&](std::string_view key, std::string_view value) {
                            if (has_room(bytes)) return false;
                            batch.erase(StateKind::DeadLetter, key);
                            forget(task_id, counted_of(value));
                            dropped.emplace_back(key);
                            return true;
                          }));
  for (const auto& gone : dropped) SL_TRY_VOID(unmark(task_id, gone, batch));
  return {};
}

DeadLetters::Counted DeadLetters::counted_of(std::string_view saved) {
  Counted letter{.bytes = saved.size()};
  const auto head = head_of_letter(saved);
  if (!head) return letter;
  letter.reason = text_at(*head, "reason");
  static_cast<void>(parse_rfc3339(text_at(*head, "rejected_at"), letter.at_ms));
  return letter;
}

void DeadLetters::count_in(std::string_view task_id, const Counted& letter) {
  auto& use = uses_[std::string(task_id)];
  ++use.letters;
  use.bytes += letter.bytes;
  use.last_ms = std::max(use.last_ms, letter.at_ms);
  use.reasons.add(letter.reason);
  total_ += letter.bytes;
}

void DeadLetters::forget(std::string_view task_id, const Counted& letter) {
  const auto it = uses_.find(task_id);
  if (it == uses_.end()) return;
  auto& use = it->second;
  use.bytes -= std::min(use.bytes, letter.bytes);
  use.letters -= std::min<std::uint64_t>(use.letters, 1);
  use.reasons.remove(letter.reason);
  total_ -= std::min(total_, letter.bytes);
}

Result<std::optional<std::string>> DeadLetters::reason_of(std::string_view task_id,
                                                          model::Position position) const {
  SL_TRY(letter, store_.get(StateKind::DeadLetter, letter_key(task_id, position)));
  if (!letter) return std::nullopt;
  json::error_code error;
  const auto parsed = json::parse(*letter, error);
  const auto* reason =
      error || !parsed.is_object() ? nullptr : parsed.get_object().if_contains("reason");
  if (reason == nullptr || !reason->is_string()) return std::optional<std::string>("");
  return std::optional<std::string>(reason->get_string());
}

Result<std::optional<std::string>> DeadLetters::get(std::string_view task_id,
                                                    model::Position position) const {
  return store_.get(StateKind::DeadLetter, letter_key(task_id, position));
}

Result<std::optional<json::object>> DeadLetters::find(std::string_view task_id,
                                                      model::Position position) const {
  SL_TRY(letter, get(task_id, position));
  if (!letter) return std::nullopt;
  json::error_code error;
  auto parsed = json::parse(*letter, error);
  if (error || !parsed.is_object()) return fail(Errc::Corrupt, "a dead letter cannot be read");
  return std::optional(std::move(parsed.get_object()));
}

Result<void> DeadLetters::refused_again(std::string_view task_id, model::Position position,
                                        std::string_view reason, LetterClass error,
                                        std::int64_t at_ms) {
  const std::scoped_lock lock(mutex_);
  SL_TRY(letter, find(task_id, position));
  if (!letter) return {};
  const auto* attempts = letter->if_contains("attempts");
  const auto before = attempts != nullptr && attempts->is_number()
                          ? attempts->to_number<std::uint64_t>()
                          : std::uint64_t{0};
  const Counted counted{.bytes = json::serialize(*letter).size(),
                        .reason = text_at(*letter, "reason")};
  (*letter)["attempts"] = before + 1;
  (*letter)["reason"] = reason;
  (*letter)["class"] = name_of(error);
  (*letter)["rejected_at"] = rfc3339(at_ms);
  const auto value = json::serialize(*letter);
  const auto batch = store_.new_batch();
  batch->put(StateKind::DeadLetter, letter_key(task_id, position), value);
  SL_TRY_VOID(store_.append(batch));
  forget(task_id, counted);
  count_in(task_id, {value.size(), std::string(reason), at_ms});
  return {};
}

Result<std::size_t> DeadLetters::erase(std::string_view task_id,
                                       std::span<const model::Position> positions) {
  const std::scoped_lock lock(mutex_);
  const auto batch = store_.new_batch();
  auto& use = uses_[std::string(task_id)];
  const auto use_before = use;
  const auto undone = [&](Error error) {
    use = use_before;
    return tl::unexpected(std::move(error));
  };
  std::vector<Counted> erased;
  std::vector<model::Position> once(positions.begin(), positions.end());
  std::ranges::sort(once);
  const auto [repeated, last] = std::ranges::unique(once);
  once.erase(repeated, last);
  for (const auto position : once) {
    const auto key = letter_key(task_id, position);
    const auto letter = store_.get(StateKind::DeadLetter, key);
    if (!letter) return undone(letter.error());
    if (!*letter) continue;
    batch->begin_atomic();
    batch->erase(StateKind::DeadLetter, key);
    const auto unmarked = unmark(task_id, key, *batch);
    batch->end_atomic();
    if (!unmarked) return undone(unmarked.error());
    erased.push_back(counted_of(**letter));
  }
  if (erased.empty()) return 0;
  const auto end = store_.append(batch);
  if (!end) return undone(end.error());
  for (const auto& letter : erased) forget(task_id, letter);
  SL_TRY_VOID(store_.wait_durable(*end));
  return erased.size();
}

Result<void> DeadLetters::erase_all(std::string_view task_id) {
  const std::scoped_lock lock(mutex_);
  const auto batch = store_.new_batch();
  SL_TRY_VOID(store_.scan(StateKind::DeadLetter, letters_prefix(task_id),
                          [&](std::string_view key, std::string_view) {
                            batch->erase(StateKind::DeadLetter, key);
                            return true;
                          }));
  SL_TRY_VOID(unmark_all(task_id, *batch));
  if (!batch->empty()) SL_TRY_VOID(store_.append(batch));
  if (const auto it = uses_.find(task_id); it != uses_.end()) {
    total_ -= std::min(total_, it->second.bytes);
    uses_.erase(it);
  }
  return {};
}

std::uint64_t DeadLetters::count(std::string_view task_id) const {
  const std::scoped_lock lock(mutex_);
  const auto it = uses_.find(task_id);
  return it == uses_.end() ? 0 : it->second.letters;
}

DeadLetters::Summary DeadLetters::summary(std::string_view task_id) const {
  const std::scoped_lock lock(mutex_);
  const auto it = uses_.find(task_id);
  if (it == uses_.end()) return {};
  const auto& use = it->second;
  return {.letters = use.letters,
          .bytes = use.bytes,
          .last_ms = use.last_ms,
          .commonest = use.reasons.commonest()};
}

}  // namespace sluice::connect
