#include "app/rest_answer.hpp"

#include <cstdio>
#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "app/failure.hpp"
#include "app/rest_output.hpp"
#include "base/json_text.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;

std::string text_of(const RestCommand& command, const json::object& answer) {
  if (command.verb == "trace") return trace_text(answer);
  if (command.verb == "test") return verdict_text(answer);
  if (command.verb == "import") return import_text(answer);
  const auto* items = answer.if_contains("items");
  if (items != nullptr && items->is_array())
    return table_text(items->get_array(), command.noun->columns, true, terminal_width());
  const auto* steps = command.verb == "verify" ? answer.if_contains("steps") : nullptr;
  if (steps == nullptr || !steps->is_array()) return entity_text(answer);
  return steps_text(steps->get_array());
}

}  // namespace

int show(const RestCommand& command, const io::HttpResponse& answer) {
  if (answer.status >= 300) {
    fmt::print(stderr, "{}", problem_text(answer.status, answer.body));
    return 1;
  }
  if (answer.body.empty()) return 0;
  json::error_code error;
  const auto value = json::parse(answer.body, error);
  if (error) return fail_with("the server's answer is not JSON");
  const auto* object = value.if_object();
  if (command.output == OutputFormat::Json || object == nullptr) {
    fmt::print("{}\n", json_text(value));
  } else {
    fmt::print("{}", text_of(command, *object));
  }
  const auto* ok = object == nullptr ? nullptr : object->if_contains("ok");
  return ok != nullptr && *ok == false ? 1 : 0;
}

}  // namespace sluice::app
