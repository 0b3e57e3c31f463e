#include "connectors/kafka/registry/format.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/json_text.hpp"
#include "connectors/kafka/registry/avro_format.hpp"
#include "connectors/kafka/registry/json_format.hpp"
#include "connectors/kafka/registry/protobuf_format.hpp"

namespace sluice::connectors::kafka::registry {

using FormatResult = Result<std::unique_ptr<Format>, std::string>;

FormatResult JsonFormat::make(const SchemaText& text, std::string_view record) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(text.text, error);
  if (error || (!parsed.is_object() && !parsed.is_bool()))
    return tl::unexpected(std::string("json: the schema must be an object, true or false"));
  auto title = parsed.is_object() ? text_at(parsed.get_object(), "title") : std::string();
  return std::unique_ptr<Format>(
      new JsonFormat(record.empty() ? std::move(title) : std::string(record)));
}

Result<void, std::string> JsonFormat::encode(const boost::json::value& /*value*/,
                                             std::string_view text, std::string& out) const {
  out += text;
  return {};
}

Result<std::string, std::string> JsonFormat::decode(std::string_view bytes) const {
  return std::string(bytes);
}

FormatResult make_format(connect::Encoding::Format format, const SchemaText& schema,
                         std::string_view record) {
  switch (format) {
    case connect::Encoding::Format::Avro:
      return AvroFormat::make(schema, record);
    case connect::Encoding::Format::Protobuf:
      return ProtobufFormat::make(schema, record);
    case connect::Encoding::Format::Json:
      break;
  }
  return JsonFormat::make(schema, record);
}

}  // namespace sluice::connectors::kafka::registry
