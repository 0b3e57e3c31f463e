#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "base/function_ref.hpp"

namespace sluice::broker {

// The first clients behind a place, by client id, or their subscriptions, by filter after that, out
// of very many that are seen in any order: nothing is made of those that do not stand on the page.
//
// Owns:    at most `limit` rows, and `most_bytes` of names in them.
// Threads: one at a time.
class ClientPage {
 public:
  static constexpr std::size_t kMostBytes = 4 << 20;  // one filter may have 64 KiB

  struct Row {
    std::string client_id;
    std::string filter;  // empty: of a client
    boost::json::object shown;
  };

  explicit ClientPage(std::size_t limit, std::size_t most_bytes = kMostBytes)
      : limit_(limit), most_bytes_(most_bytes) {}

  // Whether this client, or a subscription of it, may still come onto the page.
  [[nodiscard]] bool may_take(std::string_view client_id) const {
    return !end_ || client_id <= end_->first;
  }
  // False: it stands behind the page.
  bool add(std::string_view client_id, std::string_view filter,
           FunctionRef<boost::json::object()> show);

  // One page of those that were made of the parts; `more`: there are rows behind it.
  struct Whole {
    std::vector<Row> rows;
    bool more = false;
  };
  [[nodiscard]] static Whole merge(std::vector<ClientPage> pages, std::size_t limit,
                                   std::size_t most_bytes = kMostBytes);

 private:
  using Place = std::pair<std::string, std::string>;

  std::size_t limit_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::vector<Row> rows_;     // a heap, the last one on top
  std::optional<Place> end_;  // the first that was left out: what stands there or behind is refused
};

}  // namespace sluice::broker
