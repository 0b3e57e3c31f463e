#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace sluice::connect {

// Which dead letters of a task are meant: those for which all of this is so. What is empty is not
// asked.
struct LetterFilter {
  std::string error = {};                      // the class: name_of(LetterClass)
  std::string reason = {};                     // stands in the reason; case does not count
  std::string topic = {};                      // a topic filter, for the message's topic
  std::string client_id = {};                  // whose message it is
  std::optional<std::int64_t> from_ms = {};    // was refused last then or later
  std::optional<std::int64_t> before_ms = {};  // and before then

  [[nodiscard]] bool is_empty() const { return *this == LetterFilter(); }
  bool operator==(const LetterFilter&) const = default;
};

// `letter` as it is kept, or its head.
[[nodiscard]] bool matches(const LetterFilter& filter, const boost::json::object& letter);
[[nodiscard]] bool matches(const LetterFilter& filter, std::string_view saved);

// A letter as it is kept without its payload, which is the most of it and stands last. Nothing
// where it cannot be read.
[[nodiscard]] std::optional<boost::json::object> head_of_letter(std::string_view saved);

}  // namespace sluice::connect
