#include "broker/retained.hpp"

#include <optional>

#include "broker/message_expiry.hpp"

namespace sluice::broker {

void Retained::set(const model::MessagePtr& message) {
  tree_.with([&](Tree& tree) {
    set(tree, message);
    note_first_expiry(tree);
  });
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
  tree_.with([&](Tree& tree) {
    for (std::size_t i = 0; i < batch->message_count(); ++i) {
      const auto& message = batch->message(i);
      if (!message.retain) continue;
      if (message.payload.empty())
        erase(tree, message.topic);
      else
        set(tree, store::message_of(batch, i));
    }
    note_first_expiry(tree);
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
  tree_.with([&](Tree& tree) {
    const auto* node = node_of(tree, message->topic);
    if (node == nullptr || node->message != message) return;
    if (by)
      set(tree, by);
    else
      erase(tree, message->topic);
    note_first_expiry(tree);
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

// Through the tree in order, beginning behind one topic.
class Retained::Walk {
 public:
  Walk(std::size_t most, std::vector<model::MessagePtr>& found) : most_(most), found_(found) {}

  // The topic behind which it begins, below some node: where `inside` says that the node stands on
  // the way to it, all that comes before has been seen, the node itself included.
  struct Place {
    std::string_view rest;
    bool at_end = true;
    bool inside = false;
  };

  // A leading wildcard does not match topics that begin with `$`. [MQTT-4.7.2-1]
  void below(const Node& node, std::string_view rest, bool at_end, bool is_first, Place place) {
    std::string_view level;
    if (!next_level(rest, at_end, level)) return take(node, place);
    const auto hidden = [&](const std::string& name) { return is_first && name.starts_with('$'); };
    if (level == "#") {
      take(node, place);
      each(node, place, [&](const std::string& name, const Node& child, Place next) {
        if (!hidden(name)) all(child, next);
      });
    } else if (level == "+") {
      each(node, place, [&](const std::string& name, const Node& child, Place next) {
        if (!hidden(name)) below(child, rest, at_end, false, next);
      });
    } else if (const auto it = node.children.find(level); it != node.children.end()) {
      std::string_view seen;
      if (!place.inside || !next_level(place.rest, place.at_end, seen) || level > seen) place = {};
      if (!place.inside || level == seen) below(*it->second, rest, at_end, false, place);
    }
  }

 private:
  [[nodiscard]] bool is_full() const { return found_.size() >= most_; }
  void take(const Node& node, const Place& place) {
    if (node.message && !place.inside && !is_full()) found_.push_back(node.message);
  }
  void all(const Node& node, const Place& place) {
    take(node, place);
    each(node, place, [&](const std::string&, const Node& child, Place next) { all(child, next); });
  }
  template <class Visit>
  void each(const Node& node, Place place, Visit visit) {
    std::string_view seen;
    const bool has_seen = place.inside && next_level(place.rest, place.at_end, seen);
    auto it = has_seen ? node.children.lower_bound(seen) : node.children.begin();
    for (; it != node.children.end() && !is_full(); ++it)
      visit(it->first, *it->second, has_seen && it->first == seen ? place : Place());
  }

  const std::size_t most_;
  std::vector<model::MessagePtr>& found_;
};

std::vector<model::MessagePtr> Retained::match(std::string_view filter, std::string_view after,
                                               std::size_t most) const {
  std::vector<model::MessagePtr> found;
  tree_.with([&](const Tree& tree) {
    Walk(most, found).below(tree.root, filter, false, true, {after, after.empty(), !after.empty()});
  });
  return found;
}

}  // namespace sluice::broker
