#include "connect/processing/schema_check.hpp"

#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include "connect/processing/schema_keywords.hpp"
#include "connect/processing/whole_numbers.hpp"

namespace sluice::connect::processing {
namespace {

namespace json = boost::json;
using Adapter = valijson::adapters::BoostJsonAdapter;

constexpr std::size_t kDeepest = 32;  // as elsewhere: a payload may come from anybody
constexpr std::size_t kLongestPlace = 512;

// The library's `<root>`, `[name]`, `[0]` as a JSON pointer.
std::string pointer_of(const std::vector<std::string>& context) {
  std::string pointer;
  for (const auto& step : context) {
    if (!step.starts_with('[') || !step.ends_with(']')) continue;
    pointer += '/';
    for (const char c : std::string_view(step).substr(1, step.size() - 2))
      pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  if (pointer.size() > kLongestPlace) pointer.resize(kLongestPlace);
  return pointer;
}

}  // namespace

struct SchemaCheck::Compiled {
  Draft draft = Draft::Later;
  valijson::Schema schema;
  // Keeps the patterns that it has compiled.
  valijson::Validator validator{valijson::Validator::kStrongTypes};
};

SchemaCheck::SchemaCheck(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
SchemaCheck::SchemaCheck(SchemaCheck&& other) noexcept = default;
SchemaCheck& SchemaCheck::operator=(SchemaCheck&& other) noexcept = default;
SchemaCheck::~SchemaCheck() = default;

Result<SchemaCheck, SchemaFault> SchemaCheck::compile(std::string_view text) {
  json::error_code error;
  auto schema = json::parse(text, error);
  if (error == json::error::too_deep)
    return tl::unexpected(SchemaFault{"", "is nested deeper than 32 levels"});
  if (error) return tl::unexpected(SchemaFault{"", error.message()});
  if (has_nul(schema)) return tl::unexpected(SchemaFault{"", "has a string with U+0000 in it"});
  const auto draft = draft_of(schema);
  if (auto fault = write_for_library(schema, draft)) return tl::unexpected(std::move(*fault));
  auto compiled = std::make_unique<Compiled>();
  compiled->draft = draft;
  try {
    const Adapter adapter(schema);
    valijson::SchemaParser(draft == Draft::Four ? valijson::SchemaParser::kDraft4
                                                : valijson::SchemaParser::kDraft7)
        .populateSchema(adapter, compiled->schema);
  } catch (const std::bad_alloc&) {
    throw;  // a bound, which ends the child
  } catch (const std::exception& wrong) {
    return tl::unexpected(SchemaFault{"", wrong.what()});
  }
  return SchemaCheck(std::move(compiled));
}

std::string SchemaCheck::fault_of(std::string_view payload) {
  json::monotonic_resource memory;
  json::parse_options options;
  options.max_depth = kDeepest;
  json::error_code error;
  auto value = json::parse(payload, error, &memory, options);
  if (error) return "the payload is not JSON: " + error.message();
  if (payload.find("\\u0000") != std::string_view::npos && has_nul(value))
    return "a string with U+0000 in it cannot be checked";
  make_whole(value, compiled_->draft);
  try {
    const Adapter adapter(value);
    if (compiled_->validator.validate(compiled_->schema, adapter, nullptr)) return {};
    // Once more, for whoever reads it: collecting reasons costs more than finding that it is right.
    valijson::ValidationResults results;
    static_cast<void>(compiled_->validator.validate(compiled_->schema, adapter, &results));
    valijson::ValidationResults::Error first;
    if (!results.popError(first)) return "the payload does not meet the schema";
    const auto place = pointer_of(first.context);
    return (place.empty() ? "the payload" : place) + ": " + first.description;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& wrong) {
    return wrong.what();
  }
}

}  // namespace sluice::connect::processing
