// What a file sink may say. Validation, form and reference page are made from this.
#include "connect/documents.hpp"
#include "connectors/file/file.hpp"
#include "connectors/file/file_sink.hpp"

namespace sluice::connectors {
namespace {

using schema::Type;

schema::Fields file_sink_fields() {
  return {
      {.name = "folder",
       .help = "Files go to DATA/files/FOLDER, and nowhere else. Tasks may share one.",
       .required = true,
       .minimum = 1,
       .maximum = 64,
       .pattern_help = "letters, digits and _ - . (and not dots alone)",
       .allowed = connect::is_entity_name},
      {.name = "format",
       .type = Type::Choice,
       .help = "A line is the whole `record` as JSON, or its `value` alone.",
       .fallback = "record",
       .choices = {"record", "value"}},
      {.name = "rotate_bytes",
       .type = Type::Bytes,
       .help = "A file ends when it has so many bytes.",
       .fallback = std::int64_t{64} << 20,
       .minimum = 4096,
       .maximum = std::int64_t{1} << 40},
      {.name = "rotate_after",
       .type = Type::Duration,
       .help = "And when it is so old.",
       .fallback = "1h",
       .minimum = 1000,
       .maximum = std::int64_t{7} * 86'400'000},
      {.name = "maximum_bytes",
       .type = Type::Bytes,
       .help = "The task waits while the folder holds so much, until somebody takes files away.",
       .fallback = std::int64_t{10} << 30,
       .minimum = 4096,
       .maximum = std::int64_t{1} << 50},
  };
}

}  // namespace

void register_file(connect::Registry& registry) {
  connect::Connector connector;
  connector.name = "file";
  connector.summary = "Writes records as lines of JSON into files below the data directory.";
  connector.needs_connection = false;
  connector.sink_fields = file_sink_fields();
  connector.place = file::place;
  connector.make_sink = file::FileSink::make;
  registry.add(std::move(connector));
}

}  // namespace sluice::connectors
