#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>

namespace sluice::where {

using PathStep = std::variant<std::string, std::size_t>;  // member, element

// The place in a JSON document that a path leads to; null when it leads nowhere.
[[nodiscard]] const boost::json::value* follow(const boost::json::value* value,
                                               const std::vector<PathStep>& path);

// The payload of one message as JSON, parsed when it is asked for and at most once.
//
// Threads: one at a time.
class PayloadJson {
 public:
  PayloadJson();

  // Starts over with another payload, which must live until the next.
  void use(std::string_view payload);
  // Null when it is not JSON, or deeper than 32 levels.
  [[nodiscard]] const boost::json::value* get();

 private:
  static constexpr std::size_t kMemory = std::size_t{16} * 1024;
  static constexpr std::size_t kSmall = std::size_t{4} * 1024;
  void parse();

  std::string_view payload_;
  std::unique_ptr<unsigned char[]> memory_;
  // Made anew for each payload: release() would keep the size of the next block, which doubles with
  // every block, until no machine has so much.
  std::optional<boost::json::monotonic_resource> resource_;
  std::optional<boost::json::value> value_;
  // For payloads of up to kSmall: what it needs for a large one it would keep.
  boost::json::parser parser_;
  bool is_parsed_ = false;
};

}  // namespace sluice::where
