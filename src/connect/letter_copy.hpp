// Where a task's dead letters go besides: its `delivery.dead_letter_copy`.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"
#include "connect/registry.hpp"
#include "connect/template.hpp"

namespace sluice::connect {

struct LetterCopy {
  std::string type;        // kLocal, or a connector's name
  std::string connection;  // name or id, as given; empty with kLocal
  Template topic;
  boost::json::object sink;  // of the connector: checked and complete
};

[[nodiscard]] schema::Field letter_copy_field();

// Of a checked `delivery`; nothing: it says none, or `problems` says what is wrong with it.
// `scope`: what the task's templates may ask for.
[[nodiscard]] std::optional<LetterCopy> parse_letter_copy(const Registry& registry,
                                                          const boost::json::object& delivery,
                                                          TemplateScope scope,
                                                          std::vector<schema::Problem>& problems);

}  // namespace sluice::connect
