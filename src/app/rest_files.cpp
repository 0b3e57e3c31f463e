#include "app/rest_files.hpp"

#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <iterator>

#include <boost/json/stream_parser.hpp>

#include "admin/duplicate_names.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

constexpr std::size_t kDeepestDocument = 32;  // as the server takes it

std::string line_and_column(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line = std::ranges::count(before, '\n') + 1;
  const auto last = before.rfind('\n');
  const auto column = last == std::string_view::npos ? offset + 1 : offset - last;
  return fmt::format("line {}, column {}", line, column);
}

}  // namespace

Result<std::string> read_text(const std::string& path, std::size_t limit) {
  std::string text;
  const auto read = [&](std::istream& in) {
    text.resize(limit + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
  };
  if (path == "-") {
    read(std::cin);
  } else {
    std::ifstream file(path, std::ios::binary);
    if (file) read(file);
    if (!file.is_open() || file.bad()) {
      return fail(Errc::IoFailed, fmt::format("{} cannot be read", path));
    }
  }
  if (text.size() > limit) {
    return fail(Errc::InvalidArgument, fmt::format("{} holds more than {} bytes", path, limit));
  }
  return text;
}

// "line 3, column 7" of a byte.

Result<json::object> read_document(const std::string& path) {
  SL_TRY(text, read_text(path, kLargestDocument));
  json::stream_parser parser;
  json::error_code error;
  const auto consumed = parser.write_some(text, error);
  if (!error && text.find_first_not_of(" \t\r\n", consumed) != std::string::npos) {
    error = json::error::extra_data;
  }
  if (!error) parser.finish(error);
  if (error) {
    return fail(Errc::InvalidArgument,
                fmt::format("{} is not JSON: {} at {}", path == "-" ? "standard input" : path,
                            error.message(), line_and_column(text, consumed)));
  }
  auto value = parser.release();
  if (!value.is_object()) {
    return fail(Errc::InvalidArgument, fmt::format("{} holds no JSON object", path));
  }
  if (const auto twice = admin::duplicate_names(text, kDeepestDocument); !twice.empty()) {
    return fail(Errc::InvalidArgument,
                fmt::format("{}: {} {}", path, twice.front().pointer, twice.front().detail));
  }
  return std::move(value.get_object());
}

}  // namespace sluice::app
