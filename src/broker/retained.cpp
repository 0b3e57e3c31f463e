#include "broker/retained.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "broker/message_expiry.hpp"

namespace sluice::broker {

// Under the lock.
template <class Work>
void Retained::change(Work work) {
  ++changing_;
  tree_.with([&](Tree& tree) {
    work(tree);
    note_first_expiry(tree);
  });
  --changing_;
  changing_.notify_all();
}

// Whoever unlocks and locks again at once keeps the lock from those who wait for it: they are woken
// later than that takes.
void Retained::let_changes_through() const {
  if (const auto changing = changing_.load(); changing > 0) changing_.wait(changing);
}

void Retained::set(const model::MessagePtr& message) {
  change([&](Tree& tree) { set(tree, message); });
}

void Retained::set(Tree& tree, const model::MessagePtr& message) {
  Node* node = &tree.root;
  auto rest = message->topic;
  bool at_end = false;
  std::string_view level;
  while (next_level(rest, at_end, level)) {
    auto it = node->children.find(level);
    if (it == node->children.end())
      it = node->children.emplace(level, std::make_unique<Node>()).first;
    node = it->second.get();
  }
  if (node->message)
    memory_->take_away(bytes_of(*node->message));
  else
    ++tree.size;
  if (const auto expiry = node->message ? expires_ms(*node->message) : std::nullopt)
    tree.expiring.erase({*expiry, node});
  node->message = message;
  memory_->add(bytes_of(*message));
  if (const auto expiry = expires_ms(*message)) tree.expiring.emplace(*expiry, node);
}

void Retained::take(const store::BatchPtr& batch) {
  change([&](Tree& tree) {
    for (std::size_t i = 0; i < batch->message_count(); ++i) {
      const auto& message = batch->message(i);
      if (!message.retain) continue;
      if (message.payload.empty())
        erase(tree, message.topic);
      else
        set(tree, store::message_of(batch, i));
    }
  });
}

void Retained::erase(Tree& tree, std::string_view topic) {
  std::vector<std::pair<Node*, std::string_view>> path;
  Node* node = &tree.root;
  bool at_end = false;
  std::string_view level;
  while (next_level(topic, at_end, level)) {
    const auto it = node->children.find(level);
    if (it == node->children.end()) return;
    path.emplace_back(node, it->first);
    node = it->second.get();
  }
  if (!node->message) return;
  if (const auto expiry = expires_ms(*node->message)) tree.expiring.erase({*expiry, node});
  memory_->take_away(bytes_of(*node->message));
  node->message.reset();
  --tree.size;
  while (!path.empty()) {
    const auto [parent, name] = path.back();
    path.pop_back();
    const auto it = parent->children.find(name);
    if (it->second->message || !it->second->children.empty()) break;
    parent->children.erase(it);
  }
}

const Retained::Node* Retained::node_of(const Tree& tree, std::string_view topic) {
  const Node* node = &tree.root;
  bool at_end = false;
  std::string_view level;
  while (next_level(topic, at_end, level)) {
    const auto it = node->children.find(level);
    if (it == node->children.end()) return nullptr;
    node = it->second.get();
  }
  return node;
}

model::MessagePtr Retained::find(std::string_view topic) const {
  return tree_.with([&](const Tree& tree) -> model::MessagePtr {
    const auto* node = node_of(tree, topic);
    return node == nullptr ? nullptr : node->message;
  });
}

void Retained::replace(const model::MessagePtr& message, const model::MessagePtr& by) {
  change([&](Tree& tree) {
    const auto* node = node_of(tree, message->topic);
    if (node == nullptr || node->message != message) return;
    if (by)
      set(tree, by);
    else
      erase(tree, message->topic);
  });
}

std::size_t Retained::size() const {
  return tree_.with([](const Tree& tree) { return tree.size; });
}

void Retained::note_first_expiry(const Tree& tree) {
  first_expiry_ms_.store(tree.expiring.empty() ? kNever : tree.expiring.begin()->first,
                         std::memory_order_relaxed);
}

std::size_t Retained::drop_expired(std::int64_t now_ms, std::size_t most,
                                   FunctionRef<bool(std::span<const std::string_view>)> forget) {
  std::vector<model::MessagePtr> expired;  // their topics are views
  std::vector<std::string_view> topics;
  tree_.with([&](const Tree& tree) {
    for (const auto& [expiry, node] : tree.expiring) {
      if (expiry > now_ms || topics.size() >= most) break;
      expired.push_back(node->message);
      topics.push_back(node->message->topic);
    }
  });
  if (topics.empty() || !forget(topics)) return 0;
  for (const auto& message : expired) replace(message, nullptr);
  return expired.size();
}

// Through the tree in order, beginning behind one topic, for one step.
class Retained::Walk {
 public:
  explicit Walk(std::size_t most) : most_(most) {}

  // The topic behind which it begins, below some node: where `inside` says that the node stands on
  // the way to it, all that comes before has been seen, the node itself included.
  struct Place {
    std::string_view rest;
    bool at_end = true;
    bool inside = false;
  };

  // A leading wildcard does not match topics that begin with `$`. [MQTT-4.7.2-1]
  void below(const Node& node, std::string_view rest, bool at_end, bool is_first, Place place) {
    note_look(place);
    std::string_view level;
    if (!next_level(rest, at_end, level)) return take(node, place);
    const auto hidden = [&](const std::string& name) { return is_first && name.starts_with('$'); };
    if (level == "#") {
      take(node, place);
      each(node, place, [&](const std::string& name, const Node& child, Place next) {
        if (!hidden(name)) descend(name, is_first, [&] { all(child, next); });
      });
    } else if (level == "+") {
      each(node, place, [&](const std::string& name, const Node& child, Place next) {
        if (!hidden(name))
          descend(name, is_first, [&] { below(child, rest, at_end, false, next); });
      });
    } else if (const auto it = node.children.find(level); it != node.children.end()) {
      std::string_view seen;
      if (!place.inside || !next_level(place.rest, place.at_end, seen) || level > seen) place = {};
      if (!is_done() && (!place.inside || level == seen))
        descend(level, is_first, [&] { below(*it->second, rest, at_end, false, place); });
    }
  }

  [[nodiscard]] Step take_step() {
    step_.at_end = !is_done();
    if (!is_cut_ && !step_.found.empty()) step_.after = step_.found.back()->topic;
    return std::move(step_);
  }

 private:
  [[nodiscard]] bool is_done() const { return is_cut_ || step_.found.size() >= most_; }
  // Of a node that was not seen before. The step ends with the last one that it may look at: what
  // stands below that comes in the next. Not with one of an empty name, which says `from the
  // beginning`.
  void note_look(const Place& place) {
    if (place.inside || ++step_.looks < kLooks || is_cut_ || path_.empty()) return;
    is_cut_ = true;
    step_.after = path_;
  }
  void take(const Node& node, const Place& place) {
    if (node.message && !place.inside && step_.found.size() < most_)
      step_.found.push_back(node.message);
  }
  void all(const Node& node, const Place& place) {
    note_look(place);
    take(node, place);
    each(node, place, [&](const std::string& name, const Node& child, Place next) {
      descend(name, false, [&] { all(child, next); });
    });
  }
  // With the node's name behind the path.
  template <class Visit>
  void descend(std::string_view name, bool is_first, Visit visit) {
    const auto before = path_.size();
    if (!is_first) path_ += '/';
    path_ += name;
    visit();
    path_.resize(before);
  }
  template <class Visit>
  void each(const Node& node, Place place, Visit visit) {
    std::string_view seen;
    const bool has_seen = place.inside && next_level(place.rest, place.at_end, seen);
    auto it = has_seen ? node.children.lower_bound(seen) : node.children.begin();
    for (; it != node.children.end() && !is_done(); ++it)
      visit(it->first, *it->second, has_seen && it->first == seen ? place : Place());
  }

  const std::size_t most_;
  std::string path_;     // of the node that is looked at
  bool is_cut_ = false;  // it has looked at as many as it may
  Step step_;
};

Retained::Step Retained::step(std::string_view filter, std::string_view after,
                              std::size_t most) const {
  Walk walk(most);
  tree_.with([&](const Tree& tree) {
    walk.below(tree.root, filter, false, true, {after, after.empty(), !after.empty()});
  });
  return walk.take_step();
}

std::vector<model::MessagePtr> Retained::match(std::string_view filter, std::string_view after,
                                               std::size_t most) const {
  std::vector<model::MessagePtr> found;
  std::string from(after);
  while (found.size() < most) {
    auto step = this->step(filter, from, most - found.size());
    std::ranges::move(step.found, std::back_inserter(found));
    if (step.at_end) break;
    from = std::move(step.after);
    let_changes_through();
  }
  return found;
}

}  // namespace sluice::broker
