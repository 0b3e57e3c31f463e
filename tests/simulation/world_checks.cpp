// What must hold of the disk's contents after every start, whatever happened before.
#include <algorithm>
#include <filesystem>

#include "mqtt/topic.hpp"
#include "simulation/world.hpp"

namespace sluice::simulation {
namespace {

std::string name_of(const std::pair<std::string, std::uint64_t>& id) {
  return id.first + ":" + std::to_string(id.second);
}

std::string digits_of(std::uint64_t position) {
  auto digits = std::to_string(position);
  return std::string(20 - digits.size(), '0') + digits;
}

}  // namespace

// Every acknowledged message is in the log; one of QoS 2 once; none has moved; each publisher's
// stand in its order.
void World::check_log() {
  const std::vector<std::string> filters{"#"};
  std::map<MessageId, std::uint64_t> found;
  std::map<std::pair<std::string, int>, std::uint64_t> last;
  last_in_log_.clear();
  store::Position after;
  const auto end = store_->durable();
  while (true) {
    const auto part = store_->scan_log({.filters = filters, .after = after, .before = end});
    if (!part) {
      if (disk_.halted() || part.error().code == Errc::Overloaded) return;
      Violation::report("the log cannot be read: " + part.error().detail);
    }
    for (const auto& entry : part->entries) {
      const auto& message = *entry.message;
      const auto id = origin_of(message.payload);
      const auto position = message.position().get();
      const auto sent = sent_.find(id);
      if (sent == sent_.end()) Violation::report("invented: the log holds " + name_of(id));
      const auto [known, is_first] = found.emplace(id, position);
      if (!is_first && sent->second == 2)
        Violation::report("twice: " + name_of(id) + " of QoS 2 stands in the log at " +
                          std::to_string(known->second) + " and " + std::to_string(position));
      if (message.topic.starts_with("r/")) last_in_log_[std::string(message.topic)] = id;
    }
    after = part->next;
    if (part->at_end) break;
  }
  const auto begin = store_->statistics().begin.get();
  for (const auto& id : acknowledged_) {
    if (found.contains(id)) continue;
    const auto known = stored_at_.find(id);
    const bool may_be_deleted = begin > 0 && (known == stored_at_.end() || known->second < begin);
    if (!may_be_deleted) Violation::report("lost: " + name_of(id) + " was acknowledged");
  }
  for (const auto& [id, position] : found) {
    const auto [known, is_new] = stored_at_.emplace(id, position);
    if (is_new || known->second == position) continue;
    // The first of two may be gone with what retention deleted, or was never durable.
    if (position < known->second)
      Violation::report("offset: " + name_of(id) + " has moved from " +
                        std::to_string(known->second) + " to " + std::to_string(position));
    if (known->second >= begin && acknowledged_.contains(id))
      Violation::report("offset: " + name_of(id) + " has moved from " +
                        std::to_string(known->second) + " to " + std::to_string(position));
    known->second = position;
  }
}

// No cursor has passed what its consumer has not got, and none went back behind one that was seen
// durable.
void World::check_cursors() {
  std::set<std::string> letters;
  const auto listed = store_->scan(store::StateKind::DeadLetter, "task/",
                                   [&](std::string_view key, std::string_view) {
                                     letters.emplace(key.substr(5));
                                     return true;
                                   });
  if (!listed) return;  // killed
  const auto check = [&](std::string_view key, std::string_view value, std::string_view prefix,
                         const std::string& consumer) {
    if (!key.starts_with(prefix)) return;
    const auto cursor = store::decode_cursor(value);
    if (!cursor) Violation::report("a cursor cannot be read: " + std::string(key));
    for (const auto& [id, position] : stored_at_) {
      if (!cursor->covers(store::Position(position))) continue;
      if (consumer == "task" && is_rejected(id.second) && !letters.contains(digits_of(position)))
        Violation::report("cursor: that of the task has passed " + name_of(id) +
                          ", of which there is no dead letter");
      if (checker_.is_missing(consumer, id))
        Violation::report("cursor: that of " + consumer + " at " +
                          std::to_string(cursor->position.get()) + " has passed " + name_of(id) +
                          " at " + std::to_string(position) + ", which it never got");
    }
  };
  const auto scanned =
      store_->scan(store::StateKind::Cursor, "", [&](std::string_view key, std::string_view value) {
        if (key.starts_with("session/"))
          check(key, value, "session/", std::string(key.substr(8)));
        else if (key.starts_with("group/"))
          check(key, value, "group/", "group:" + std::string(key.substr(6, key.find('\0', 6) - 6)));
        else if (key == "task/task")
          check(key, value, "task/", "task");
        return true;
      });
  if (!scanned && !disk_.halted())
    Violation::report("the cursors cannot be read: " + scanned.error().detail);
}

// The retained message of a topic is not older than the last one that was acknowledged.
void World::check_retained() {
  for (const auto& client : clients_) {
    const auto acknowledged = client->last_retained();
    if (!client->plan().retains || acknowledged == 0) continue;
    const auto topic = "r/" + client->plan().id;
    const auto kept = broker_->retained().match(topic);
    const auto number = kept.empty() ? 0 : origin_of(kept.front()->payload).second;
    if (number < acknowledged)
      Violation::report("retained: " + topic + " has " + std::to_string(number) +
                        ", acknowledged was " + std::to_string(acknowledged));
  }
}

// When all is quiet it is the last one in the log. [MQTT-3.3.1-5]
void World::check_retained_is_last() {
  for (const auto& [topic, last] : last_in_log_) {
    const auto kept = broker_->retained().match(topic);
    const auto id = kept.empty() ? MessageId() : origin_of(kept.front()->payload);
    // Refused when it was in the log already: with QoS 1 the process may have ended before it was
    // retained as well, and nobody sends it again.
    const bool may_be_lost = refused_.contains(last) && !acknowledged_.contains(last);
    if (id != last && !may_be_lost)
      Violation::report("retained: " + topic + " has " + name_of(id) + ", the last one stored is " +
                        name_of(last));
  }
}

// All that a start found, in one text.
std::string World::content() {
  std::string text;
  const std::vector<std::string> filters{"#"};
  store::Position after;
  while (true) {
    const auto part =
        store_->scan_log({.filters = filters, .after = after, .before = store_->durable()});
    if (!part) return {};
    for (const auto& entry : part->entries)
      text += std::to_string(entry.message->position().get()) + " " +
              std::string(entry.message->payload) + "\n";
    after = part->next;
    if (part->at_end) break;
  }
  for (int kind = 1; kind <= 11; ++kind) {
    const auto scanned = store_->scan(
        static_cast<store::StateKind>(kind), "", [&](std::string_view key, std::string_view value) {
          text += std::to_string(kind) + " " + std::string(key) + " = " + std::string(value) + "\n";
          return true;
        });
    if (!scanned) return {};
  }
  return text;
}

// A start that is killed before anybody uses it leaves what it found.
void World::check_idempotence() {
  disk_.halt();
  drop();
  if (may_lose_power_ && random_.one_in(2))
    disk_.restart_machine();
  else
    disk_.restart_process();
  std::string first;
  for (int i = 0; i < 3; ++i) {
    auto opened = store::open_embedded(disk_, clock_, options_);
    if (!opened) {
      if (opened.error().code == Errc::Corrupt)
        Violation::report("a start refuses what a start left: " + opened.error().detail);
      break;
    }
    store_ = std::move(*opened);
    auto found = content();
    if (first.empty())  // or a fault met the one that looked first
      first = std::move(found);
    else if (!found.empty() && found != first)
      Violation::report("another start finds something else:\n" + first + "---\n" + found);
    disk_.halt();
    store_.reset();
    if (may_lose_power_ && random_.one_in(2))
      disk_.restart_machine();
    else
      disk_.restart_process();
    if (random_.one_in(3)) std::filesystem::remove_all(scratch_ + "/view");
  }
  start();
}

}  // namespace sluice::simulation
