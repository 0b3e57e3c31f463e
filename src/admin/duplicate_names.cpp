#include "admin/duplicate_names.hpp"

#include <set>
#include <string>

#include <boost/json/basic_parser_impl.hpp>

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kMost = 10;  // each repeats names of the text

// What the parser of Boost.JSON calls, whose names these are: keeps those of every open object.
struct NameReader {
  using ErrorCode = json::error_code;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  struct Container {
    bool is_object = false;
    std::set<std::string, std::less<>> names = {};
    std::string name = {};  // of the member that is read
    std::size_t count = 0;  // of the members so far
  };
  std::vector<Container> open = {};
  std::string key = {};
  std::vector<schema::Problem> problems = {};

  bool begin(bool is_object) {
    value();
    open.push_back({.is_object = is_object});
    return true;
  }
  bool end() {
    open.pop_back();
    return true;
  }
  bool value() {
    if (!open.empty()) ++open.back().count;
    return true;
  }
  [[nodiscard]] std::string pointer() const {
    std::string text;
    for (const auto& each : open)
      text =
          schema::child_pointer(text, each.is_object ? each.name : std::to_string(each.count - 1));
    return text;
  }

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_object_begin(ErrorCode&) { return begin(true); }
  bool on_object_end(std::size_t, ErrorCode&) { return end(); }
  bool on_array_begin(ErrorCode&) { return begin(false); }
  bool on_array_end(std::size_t, ErrorCode&) { return end(); }
  bool on_key_part(std::string_view part, std::size_t, ErrorCode&) {
    key += part;
    return true;
  }
  bool on_key(std::string_view part, std::size_t, ErrorCode&) {
    key += part;
    auto& object = open.back();
    object.name = std::exchange(key, {});
    const bool is_new = object.names.insert(object.name).second;
    if (!is_new && problems.size() < kMost) problems.push_back({pointer(), "is given twice"});
    return true;
  }
  bool on_string_part(std::string_view, std::size_t, ErrorCode&) { return true; }
  bool on_string(std::string_view, std::size_t, ErrorCode&) { return value(); }
  bool on_number_part(std::string_view, ErrorCode&) { return true; }
  bool on_int64(std::int64_t, std::string_view, ErrorCode&) { return value(); }
  bool on_uint64(std::uint64_t, std::string_view, ErrorCode&) { return value(); }
  bool on_double(double, std::string_view, ErrorCode&) { return value(); }
  bool on_bool(bool, ErrorCode&) { return value(); }
  bool on_null(ErrorCode&) { return value(); }
  bool on_comment_part(std::string_view, ErrorCode&) { return true; }
  bool on_comment(std::string_view, ErrorCode&) { return true; }
};

}  // namespace

std::vector<schema::Problem> duplicate_names(std::string_view text, std::size_t maximum_depth) {
  json::parse_options options;
  options.max_depth = maximum_depth;
  json::basic_parser<NameReader> parser(options);
  json::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  if (error) return {};
  return std::move(parser.handler().problems);
}

}  // namespace sluice::admin
