#include "broker/retained.hpp"

#include "broker/session_records.hpp"

namespace sluice::broker {

void Retained::set(const model::MessagePtr& message) {
  tree_.with([&](Tree& tree) {
    Node* node = &tree.root;
    auto rest = message->topic;
    bool at_end = false;
    std::string_view level;
    while (next_level(rest, at_end, level)) {
      auto& child = node->children.try_emplace(std::string(level)).first->second;
      if (!child) child = std::make_unique<Node>();
      node = child.get();
    }
    if (!node->message) ++tree.size;
    node->message = message;
  });
}

void Retained::erase(std::string_view topic) {
  tree_.with([&](Tree& tree) {
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
    node->message.reset();
    --tree.size;
    while (!path.empty()) {
      const auto [parent, name] = path.back();
      path.pop_back();
      const auto it = parent->children.find(name);
      if (it->second->message || !it->second->children.empty()) break;
      parent->children.erase(it);
    }
  });
}

bool Retained::contains(std::string_view topic) const {
  return tree_.with([&](const Tree& tree) {
    const Node* node = &tree.root;
    bool at_end = false;
    std::string_view level;
    while (next_level(topic, at_end, level)) {
      const auto it = node->children.find(level);
      if (it == node->children.end()) return false;
      node = it->second.get();
    }
    return node->message != nullptr;
  });
}

std::size_t Retained::size() const {
  return tree_.with([](const Tree& tree) { return tree.size; });
}

std::vector<model::MessagePtr> Retained::match(std::string_view filter) const {
  std::vector<model::MessagePtr> found;
  tree_.with([&](const Tree& tree) { match_below(tree.root, filter, false, true, found); });
  return found;
}

void Retained::collect(const Node& node, std::vector<model::MessagePtr>& found) {
  if (node.message) found.push_back(node.message);
  for (const auto& [level, child] : node.children) collect(*child, found);
}

// A leading wildcard does not match topics that begin with `$`. [MQTT-4.7.2-1]
void Retained::match_below(const Node& node, std::string_view rest, bool at_end, bool is_first,
                           std::vector<model::MessagePtr>& found) {
  std::string_view level;
  if (!next_level(rest, at_end, level)) {
    if (node.message) found.push_back(node.message);
    return;
  }
  const auto hidden = [&](const std::string& name) { return is_first && name.starts_with('$'); };
  if (level == "#") {
    if (node.message) found.push_back(node.message);
    for (const auto& [name, child] : node.children)
      if (!hidden(name)) collect(*child, found);
    return;
  }
  if (level == "+") {
    for (const auto& [name, child] : node.children)
      if (!hidden(name)) match_below(*child, rest, at_end, false, found);
    return;
  }
  const auto it = node.children.find(level);
  if (it != node.children.end()) match_below(*it->second, rest, at_end, false, found);
}

}  // namespace sluice::broker
