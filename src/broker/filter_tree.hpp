#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/unordered/unordered_flat_set.hpp>

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
// There may be a million filters, most of them with a level of their own: all nodes stand in one
// table by parent and level, so that a leaf needs no table for children that it does not have.
//
// Contract: filters and names are valid (mqtt/topic.hpp) and the levels of filters are bounded.
template <class Value>
class FilterTree {
 public:
  FilterTree() = default;
  FilterTree(const FilterTree&) = delete;  // its nodes know each other by address
  FilterTree& operator=(const FilterTree&) = delete;

  // The value of exactly this filter, made if it is not there.
  Value& at(std::string_view filter) {
    Node* node = &root_;
    walk(filter, [&](std::string_view level) { node = &child_made(*node, level); });
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
    while (node->parent != nullptr && node->children == 0 && !node->value) {
      Node* parent = node->parent;
      --parent->children;
      parent->note_wildcard(node->level, false);
      nodes_.erase(nodes_.find(Key(parent, node->level)));
      node = parent;
    }
  }

  // `$`-topics are not matched by a leading wildcard. [MQTT-4.7.2-1]
  void match(std::string_view topic, FunctionRef<void(Value&)> found) const {
    match_below<Of::Topic>(root_, topic, false, topic.starts_with('$'), found);
  }

  // Those that match all that `inner` matches: mqtt::covers, which says why of `#`.
  void match_covering(std::string_view inner, FunctionRef<void(Value&)> found) const {
    const bool is_dollar = inner.starts_with('$');
    if (inner == "#") inner = "+/#";
    if (inner == "/#") inner = "/+/#";
    match_below<Of::Filter>(root_, inner, false, is_dollar, found);
  }

  void for_each(FunctionRef<void(Value&)> visit) {
    for (const auto& entry : nodes_)
      if (entry.node->value) visit(*entry.node->value);
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  enum class Of : std::uint8_t { Topic, Filter };
  struct Node {
    Node* parent = nullptr;
    std::string level;
    std::unique_ptr<Value> value;
    std::uint32_t children = 0;
    bool has_plus = false;  // among the children
    bool has_hash = false;

    void note_wildcard(std::string_view child, bool is_there) {
      if (child == "+") has_plus = is_there;
      if (child == "#") has_hash = is_there;
    }
  };
  struct Key {
    Key(const Node* of, std::string_view name)
        : parent(of),
          level(name),
          hash(TextHash{}(name) ^ (reinterpret_cast<std::uintptr_t>(of) * 0x9e3779b97f4a7c15ULL)) {}
    const Node* parent;
    std::string_view level;
    std::size_t hash;
  };
  // The hash stands here: a table that grows does not visit a million nodes.
  struct Entry {
    std::unique_ptr<Node> node;
    std::size_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Entry& entry) const { return entry.hash; }
    std::size_t operator()(const Key& key) const { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Entry& one, const Entry& other) const { return one.node == other.node; }
    bool operator()(const Key& key, const Entry& entry) const {
      return key.parent == entry.node->parent && key.level == entry.node->level;
    }
    bool operator()(const Entry& entry, const Key& key) const { return (*this)(key, entry); }
  };

  template <class Step>
  static void walk(std::string_view filter, Step step) {
    bool at_end = false;
    std::string_view level;
    while (next_level(filter, at_end, level)) step(level);
  }

  [[nodiscard]] Node* child(const Node& node, std::string_view level) const {
    if (node.children == 0) return nullptr;
    const auto found = nodes_.find(Key(&node, level));
    return found == nodes_.end() ? nullptr : found->node.get();
  }

  [[nodiscard]] Node& child_made(Node& node, std::string_view level) {
    const Key key(&node, level);
    if (const auto found = nodes_.find(key); found != nodes_.end()) return *found->node;
    auto made = std::make_unique<Node>();
    made->parent = &node;
    made->level = level;
    ++node.children;
    node.note_wildcard(level, true);
    return *nodes_.insert(Entry{std::move(made), key.hash}).first->node;
  }

  Node* descend(std::string_view filter) {
    Node* node = &root_;
    bool at_end = false;
    std::string_view level;
    while (node != nullptr && next_level(filter, at_end, level)) node = child(*node, level);
    return node;
  }

  // Depth is bounded by the levels of the filters, however many the topic has.
  template <Of of>
  void match_below(const Node& node, std::string_view rest, bool at_end, bool no_wildcard,
                   FunctionRef<void(Value&)> found) const {
    // `sport/#` matches `sport` too, so `#` is looked for at the end as well.
    if (node.has_hash && !no_wildcard)
      if (Node* hash = child(node, "#"); hash->value) found(*hash->value);
    std::string_view level;
    if (!next_level(rest, at_end, level)) {
      if (node.value) found(*node.value);
      return;
    }
    bool may_be_any = node.has_plus && !no_wildcard;
    if constexpr (of == Of::Filter) {
      if (level == "#") return;                 // only a `#` covers it
      may_be_any = may_be_any && level != "+";  // which is the named child then
    }
    if (Node* named = child(node, level)) match_below<of>(*named, rest, at_end, false, found);
    if (may_be_any) match_below<of>(*child(node, "+"), rest, at_end, false, found);
  }

  Node root_;
  boost::unordered_flat_set<Entry, Hash, Equal> nodes_;
  std::size_t size_ = 0;
};

}  // namespace sluice::broker
