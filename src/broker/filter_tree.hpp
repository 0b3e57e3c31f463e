#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/function_ref.hpp"

namespace sluice::broker {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

// Cuts the first level off `rest`; false when there was none left.
inline bool next_level(std::string_view& rest, bool& at_end, std::string_view& level) {
  if (at_end) return false;
  const auto slash = rest.find('/');
  level = rest.substr(0, slash);
  at_end = slash == std::string_view::npos;
  if (!at_end) rest.remove_prefix(slash + 1);
  return true;
}

// Values by topic filter, one tree level per topic level: which filters match a topic name is found
// by walking the name once, with at most two further branches (`+`, `#`) at each level.
//
// Contract: filters and names are valid (mqtt/topic.hpp) and the levels of filters are bounded.
template <class Value>
class FilterTree {
 public:
  // The value of exactly this filter, made if it is not there.
  Value& at(std::string_view filter) {
    Node* node = &root_;
    walk(filter, [&](std::string_view level) {
      auto it = node->children.find(level);
      if (it == node->children.end()) {
        it = node->children.emplace(std::string(level), std::make_unique<Node>()).first;
        it->second->parent = node;
        it->second->level = it->first;
      }
      node = it->second.get();
    });
    if (!node->value) {
      node->value = std::make_unique<Value>();
      ++size_;
    }
    return *node->value;
  }

  [[nodiscard]] Value* find(std::string_view filter) {
    Node* node = descend(filter);
    return node == nullptr ? nullptr : node->value.get();
  }

  void erase(std::string_view filter) {
    Node* node = descend(filter);
    if (node == nullptr || !node->value) return;
    node->value.reset();
    --size_;
    while (node->parent != nullptr && node->children.empty() && !node->value) {
      Node* parent = node->parent;
      parent->children.erase(parent->children.find(node->level));
      node = parent;
    }
  }

  // `$`-topics are not matched by a leading wildcard. [MQTT-4.7.2-1]
  void match(std::string_view topic, FunctionRef<void(Value&)> found) {
    match_below(root_, topic, false, topic.starts_with('$'), found);
  }

  void for_each(FunctionRef<void(Value&)> visit) { visit_below(root_, visit); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Node {
    Node* parent = nullptr;
    std::string_view level;  // the key under which the parent holds it
    std::unique_ptr<Value> value;
    std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>> children;
  };

  template <class Step>
  static void walk(std::string_view filter, Step step) {
    bool at_end = false;
    std::string_view level;
    while (next_level(filter, at_end, level)) step(level);
  }

  Node* descend(std::string_view filter) {
    Node* node = &root_;
    bool at_end = false;
    std::string_view level;
    while (next_level(filter, at_end, level)) {
      const auto it = node->children.find(level);
      if (it == node->children.end()) return nullptr;
      node = it->second.get();
    }
    return node;
  }

  // Depth is bounded by the levels of the filters, however many the topic has.
  static void match_below(Node& node, std::string_view rest, bool at_end, bool no_wildcard,
                          FunctionRef<void(Value&)> found) {
    if (!no_wildcard) {
      // `sport/#` matches `sport` too, so `#` is looked for at the end as well.
      if (const auto hash = node.children.find("#"); hash != node.children.end())
        if (hash->second->value) found(*hash->second->value);
    }
    std::string_view level;
    if (!next_level(rest, at_end, level)) {
      if (node.value) found(*node.value);
      return;
    }
    if (const auto it = node.children.find(level); it != node.children.end())
      match_below(*it->second, rest, at_end, false, found);
    if (no_wildcard) return;
    if (const auto plus = node.children.find("+"); plus != node.children.end())
      match_below(*plus->second, rest, at_end, false, found);
  }

  static void visit_below(Node& node, FunctionRef<void(Value&)> visit) {
    if (node.value) visit(*node.value);
    for (auto& [level, child] : node.children) visit_below(*child, visit);
  }

  Node root_;
  std::size_t size_ = 0;
};

}  // namespace sluice::broker
