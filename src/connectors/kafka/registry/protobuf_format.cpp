// The only file that sees libprotobuf: its headers take long to compile.
#include "connectors/kafka/registry/protobuf_format.hpp"

#include <algorithm>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <map>
#include <vector>

#include "connectors/kafka/registry/wire_form.hpp"

namespace sluice::connectors::kafka::registry {
namespace {

namespace pb = google::protobuf;

constexpr const char* kFile = "schema.proto";
constexpr const char* kTypes =
    "type.googleapis.com";  // only there Timestamp and its like are known
constexpr std::size_t kLongestReason = 300;

// Files that are texts in memory, and no others.
class TextFiles final : public pb::compiler::SourceTree {
 public:
  explicit TextFiles(const SchemaText& text) {
    for (const auto& reference : text.references) texts_.emplace(reference.name, reference.text);
    texts_.insert_or_assign(kFile, text.text);
  }
  pb::io::ZeroCopyInputStream* Open(const std::string& name) override {
    const auto found = texts_.find(name);
    if (found == texts_.end()) return nullptr;
    return new pb::io::ArrayInputStream(found->second.data(),
                                        static_cast<int>(found->second.size()));
  }
  std::string GetLastErrorMessage() override { return "the schema names no such reference"; }

 private:
  std::map<std::string, std::string, std::less<>> texts_;
};

// The first thing that is wrong; what follows from it says less.
class FirstError final : public pb::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int column,
                const std::string& message) override {
    if (!text_.empty()) return;
    text_ = "protobuf: ";
    if (file != kFile) text_ += file + ": ";
    if (line >= 0) text_ += std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": ";
    text_ += message;
  }
  [[nodiscard]] std::string text() const {
    return text_.empty() ? "protobuf: the schema cannot be read" : text_;
  }

 private:
  std::string text_;
};

std::vector<int> path_of(const pb::Descriptor& message) {
  std::vector<int> path;
  for (const auto* at = &message; at != nullptr; at = at->containing_type())
    path.insert(path.begin(), at->index());
  return path;
}

const pb::Descriptor* message_at(const pb::FileDescriptor& file, const std::vector<int>& path) {
  const pb::Descriptor* message = nullptr;
  for (const int index : path) {
    const int count = message == nullptr ? file.message_type_count() : message->nested_type_count();
    if (index >= count) return nullptr;
    message = message == nullptr ? file.message_type(index) : message->nested_type(index);
  }
  return message;
}

// As it is named, or without its package.
const pb::Descriptor* find_message(const pb::FileDescriptor& file, std::string_view name) {
  if (name.empty()) return file.message_type_count() > 0 ? file.message_type(0) : nullptr;
  const std::string text(name);
  const auto* found = file.pool()->FindMessageTypeByName(text);
  if (found == nullptr && !file.package().empty())
    found = file.pool()->FindMessageTypeByName(file.package() + "." + text);
  return found != nullptr && found->file() == &file ? found : nullptr;
}

}  // namespace

struct ProtobufFormat::Schema {
  explicit Schema(const SchemaText& text)
      : files(text),
        google(*pb::DescriptorPool::generated_pool()),
        database(&files, &google),
        pool(&database, database.GetValidationErrorCollector()) {
    database.RecordErrorsTo(&errors);
  }

  // Null: the bytes are no such message, or lack what it requires.
  [[nodiscard]] std::unique_ptr<pb::Message> read(const pb::Descriptor& what,
                                                  std::string_view bytes) {
    std::unique_ptr<pb::Message> read(messages.GetPrototype(&what)->New());
    if (!read->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return nullptr;
    return read;
  }

  FirstError errors;
  TextFiles files;
  pb::DescriptorPoolDatabase google;  // Timestamp and its like
  pb::compiler::SourceTreeDescriptorDatabase database;
  pb::DescriptorPool pool;
  const pb::Descriptor* message = nullptr;
  std::unique_ptr<pb::util::TypeResolver> types;
  std::string type;  // its address, for `types`
  pb::DynamicMessageFactory messages;
};

ProtobufFormat::ProtobufFormat(std::unique_ptr<Schema> schema) : schema_(std::move(schema)) {}
ProtobufFormat::~ProtobufFormat() = default;

Result<std::unique_ptr<Format>, std::string> ProtobufFormat::make(const SchemaText& text,
                                                                  std::string_view record) {
  pb::SetLogHandler(nullptr);  // it writes to the standard error otherwise; reasons say the same
  auto schema = std::make_unique<Schema>(text);
  const auto* file = schema->pool.FindFileByName(kFile);
  if (file == nullptr) return tl::unexpected(schema->errors.text());
  schema->message = find_message(*file, record);
  if (schema->message == nullptr)
    return tl::unexpected("protobuf: the schema has no message" +
                          (record.empty() ? "" : " `" + std::string(record) + "`"));
  schema->types.reset(pb::util::NewTypeResolverForDescriptorPool(kTypes, &schema->pool));
  schema->type = std::string(kTypes) + "/" + schema->message->full_name();
  return std::unique_ptr<Format>(new ProtobufFormat(std::move(schema)));
}

Result<void, std::string> ProtobufFormat::encode(const boost::json::value& /*value*/,
                                                 std::string_view text, std::string& out) const {
  std::string binary;
  const auto status =
      pb::util::JsonToBinaryString(schema_->types.get(), schema_->type, std::string(text), &binary);
  if (!status.ok())
    return tl::unexpected("protobuf: " + std::string(status.message().substr(0, kLongestReason)));
  if (binary.size() > std::max(kLargestValue, 2 * text.size()))
    return tl::unexpected(std::string("protobuf: the value becomes too large"));
  // Once more through a message: numbers of a list stand together then, as others write them.
  const auto message = schema_->read(*schema_->message, binary);
  if (message == nullptr || !message->SerializeToString(&binary))
    return tl::unexpected(std::string("protobuf: the value cannot be read again"));
  out += binary;
  return {};
}

Result<std::string, std::string> ProtobufFormat::decode(std::string_view bytes) const {
  const auto path = take_message_indexes(bytes);
  const auto* message = path ? message_at(*schema_->message->file(), *path) : nullptr;
  if (message == nullptr)
    return tl::unexpected(std::string("protobuf: the value names no message of its schema"));
  // The mapping to JSON alone takes bytes that end too early.
  if (schema_->read(*message, bytes) == nullptr)
    return tl::unexpected("protobuf: the value is no " + message->full_name());
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = pb::util::BinaryToJsonString(schema_->types.get(),
                                                   std::string(kTypes) + "/" + message->full_name(),
                                                   std::string(bytes), &text, options);
  if (status.ok()) return text;
  return tl::unexpected("protobuf: " + std::string(status.message().substr(0, kLongestReason)));
}

std::string ProtobufFormat::record() const {
  return schema_->message->full_name();
}

std::string ProtobufFormat::indexes() const {
  return message_indexes(path_of(*schema_->message));
}

}  // namespace sluice::connectors::kafka::registry
