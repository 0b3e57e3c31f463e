// Flows of other servers, from their own documents.
#include <boost/json/array.hpp>

#include "connect/service_state.hpp"

namespace sluice::connect {
namespace {

const Import* find_import(const Registry& registry, std::string_view format) {
  for (const auto& [name, connector] : registry.all())
    for (const auto& import : connector.imports)
      if (import.format == format) return &import;
  return nullptr;
}

}  // namespace

Outcome<boost::json::object> Service::import_flow(std::string_view format,
                                                  const boost::json::object& foreign,
                                                  const Verification& verification) {
  const auto* import = find_import(state_->around.registry, format);
  if (import == nullptr) return not_found("import", format);
  auto flow = import->translate(foreign);
  if (!flow) return tl::unexpected(std::move(flow.error()));

  auto connection = create_connection(flow->connection, verification);
  if (!connection) return tl::unexpected(std::move(connection.error()));
  auto task = create_task(flow->task);
  if (!task) {  // both or neither
    static_cast<void>(remove_connection(connection->at("id").as_string()));
    return tl::unexpected(std::move(task.error()));
  }
  boost::json::array notes;
  for (auto& note : flow->notes) notes.emplace_back(std::move(note));
  return boost::json::object{{"connection", std::move(*connection)},
                             {"task", std::move(*task)},
                             {"notes", std::move(notes)}};
}

}  // namespace sluice::connect
