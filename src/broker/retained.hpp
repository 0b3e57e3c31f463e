#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/guarded.hpp"
#include "broker/filter_tree.hpp"
#include "model/message.hpp"

namespace sluice::broker {

// The last retained message of each topic, as the log's head has it.
//
// Threads: any. A message is a compact copy: it does not keep a batch of the log in memory.
class Retained {
 public:
  void set(const model::MessagePtr& message);
  void erase(std::string_view topic);
  [[nodiscard]] bool contains(std::string_view topic) const;
  [[nodiscard]] std::size_t size() const;
  // Those whose topic matches the filter, in no order.
  [[nodiscard]] std::vector<model::MessagePtr> match(std::string_view filter) const;

 private:
  struct Node {
    model::MessagePtr message;
    std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>> children;
  };
  struct Tree {
    Node root;
    std::size_t size = 0;
  };
  static void collect(const Node& node, std::vector<model::MessagePtr>& found);
  static void match_below(const Node& node, std::string_view rest, bool at_end, bool is_first,
                          std::vector<model::MessagePtr>& found);

  Guarded<Tree> tree_;
};

}  // namespace sluice::broker
