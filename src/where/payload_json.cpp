#include "where/payload_json.hpp"

#include <boost/json/parse.hpp>

namespace sluice::where {
namespace {

namespace json = boost::json;

constexpr std::size_t kDeepest = 32;  // a payload may come from anybody

json::parse_options options() {
  json::parse_options options;
  options.max_depth = kDeepest;
  return options;
}

}  // namespace

const json::value* follow(const json::value* value, const std::vector<PathStep>& path) {
  for (const auto& step : path) {
    if (value == nullptr) return nullptr;
    if (const auto* name = std::get_if<std::string>(&step)) {
      const auto* object = value->if_object();
      value = object != nullptr ? object->if_contains(*name) : nullptr;
    } else {
      const auto* array = value->if_array();
      value = array != nullptr ? array->if_contains(std::get<std::size_t>(step)) : nullptr;
    }
  }
  return value;
}

PayloadJson::PayloadJson()
    : memory_(std::make_unique_for_overwrite<unsigned char[]>(kMemory)),
      resource_(std::in_place, memory_.get(), kMemory),
      parser_({}, options()) {}

void PayloadJson::use(std::string_view payload) {
  payload_ = payload;
  if (!is_parsed_) return;
  value_.reset();
  resource_.emplace(memory_.get(), kMemory);
  is_parsed_ = false;
}

const json::value* PayloadJson::get() {
  if (!is_parsed_) {
    is_parsed_ = true;
    parse();
  }
  return value_ ? &*value_ : nullptr;
}

void PayloadJson::parse() {
  json::error_code error;
  if (payload_.size() > kSmall) {
    auto value = json::parse(payload_, error, &*resource_, options());
    if (!error) value_.emplace(std::move(value));
    return;
  }
  parser_.reset(&*resource_);
  parser_.write(payload_, error);
  if (error) {
    parser_.reset();  // what it has of this payload stands in memory that ends with it
  } else {
    value_.emplace(parser_.release());
  }
}

}  // namespace sluice::where
