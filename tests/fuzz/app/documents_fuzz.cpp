// Whatever document comes as a connection, a task, or a flow of another server: it is refused with
// a reason and a place, or it is understood; what is shown of a task is a document that means the
// same, and what is shown of a connection holds none of its secrets.
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "app/connectors.hpp"
#include "base/check.hpp"
#include "base/json_text.hpp"
#include "connect/documents.hpp"
#include "connect/task_spec.hpp"

namespace {

using namespace sluice;  // a fuzzer has no other names
namespace json = boost::json;

constexpr std::size_t kDepth = 32;  // as the administration takes it

void check_refusal(const Refusal& refusal) {
  SL_CHECK(!refusal.code.empty() && !refusal.detail.empty());
  for (const auto& field : refusal.fields) SL_CHECK(!field.detail.empty());
}

void check_connection(const connect::Registry& registry, const json::object& document) {
  const auto* connector = registry.find(text_at(document, "type"));
  if (connector == nullptr || !connector->needs_connection) return;
  const auto fields = connect::connection_fields(*connector);
  auto checked = schema::check(fields, document);
  if (!checked.problems.empty()) return;
  const auto& settings = checked.value.at("settings").get_object();
  std::vector<schema::Problem> problems;
  if (connector->check_connection != nullptr) connector->check_connection(settings, problems);
  for (const auto& problem : problems) SL_CHECK(!problem.detail.empty());
  auto shown = schema::mask(fields, checked.value);
  if (connector->mask_settings != nullptr)
    connector->mask_settings(shown.at("settings").get_object());
  // Whoever sends back what was shown changes nothing.
  SL_CHECK(schema::unmask(fields, checked.value, schema::mask(fields, checked.value)) ==
           checked.value);
  if (const auto password = text_at(settings, "password"); !password.empty())
    SL_CHECK(text_at(shown.at("settings").get_object(), "password") == "***");
  if (problems.empty() && connector->bound_resource != nullptr)
    static_cast<void>(connector->bound_resource(settings));
}

void check_task(const connect::Registry& registry, const json::object& document) {
  static_cast<void>(connect::salvage_task(document));
  const auto spec = connect::parse_task(registry, document);
  if (!spec) return check_refusal(spec.error());
  const auto again = connect::parse_task(registry, spec->shown);
  SL_CHECK(again.has_value());
  SL_CHECK(again->shown == spec->shown);
  SL_CHECK(again->filters == spec->filters && again->order == spec->order);
}

void check_imports(const connect::Registry& registry, const json::object& document) {
  for (const auto& [name, connector] : registry.all())
    for (const auto& import : connector.imports) {
      const auto flow = import.translate(document);
      if (!flow) {
        check_refusal(flow.error());
        continue;
      }
      check_connection(registry, flow->connection);
      check_task(registry, flow->task);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto kRegistry = [] {
    connect::Registry registry;
    app::register_connectors(registry);
    return registry;
  }();
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kDepth;
  const auto parsed = json::parse({reinterpret_cast<const char*>(data), size}, error, {}, options);
  if (error || !parsed.is_object()) return 0;
  const auto& document = parsed.get_object();
  check_connection(kRegistry, document);
  check_task(kRegistry, document);
  check_imports(kRegistry, document);
  return 0;
}
