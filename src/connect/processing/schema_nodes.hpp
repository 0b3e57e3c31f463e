#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/json/value.hpp>

#include "connect/processing/keyword_values.hpp"
#include "connect/processing/schema_check.hpp"

namespace sluice::connect::processing {

// Every schema within a schema, each once, and which of them are held against the same value: those
// in a list like `allOf`, and where a reference leads. References are followed wherever they lead.
class SchemaNodes {
 public:
  SchemaNodes(const boost::json::value& root, Draft draft) : root_(root), draft_(draft) {}

  // Before anything else. The first fault in them, if there is one.
  [[nodiscard]] std::optional<SchemaFault> read();
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] const boost::json::value& operator[](std::size_t index) const {
    return *nodes_[index].value;
  }

 private:
  using Fault = std::optional<SchemaFault>;
  struct Step {
    std::size_t to;
    std::string pointer;  // of what leads there
  };
  struct Node {
    const boost::json::value* value;
    std::string pointer;
    std::vector<Step> same_value = {};
  };
  enum class Visit : std::uint8_t { None, Open, Done };

  std::size_t add(const boost::json::value& schema, std::string pointer);
  [[nodiscard]] Fault read(std::size_t index);
  [[nodiscard]] Fault read_reference(std::size_t index, const boost::json::value& reference);
  void add_below(std::size_t index, std::string_view keyword, const boost::json::value& value,
                 bool is_same_value);
  [[nodiscard]] Fault find_circle(std::size_t from, std::vector<Visit>& visits) const;

  const boost::json::value& root_;
  const Draft draft_;
  std::vector<Node> nodes_;
  std::unordered_map<const boost::json::value*, std::size_t> known_;
};

}  // namespace sluice::connect::processing
