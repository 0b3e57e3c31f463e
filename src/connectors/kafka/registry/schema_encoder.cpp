#include "connectors/kafka/registry/schema_encoder.hpp"

#include <algorithm>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include "connectors/kafka/registry/json_bundle.hpp"

namespace sluice::connectors::kafka::registry {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using connect::Encoding;
using Outcome = connect::processing::Processor::Outcome;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kDeepestValue = 32;  // a payload may come from anybody
constexpr std::size_t kMostSubjects = 1024;
constexpr std::size_t kMostCheckers = 16;  // each is a process
constexpr auto kAskAgainAfter = 5min;      // of `latest`
constexpr auto kAskAgainSoon = 30s;        // after that was no use

Result<json::value, std::string> parse_value(std::string_view text, json::storage_ptr memory) {
  json::parse_options options;
  options.max_depth = kDeepestValue;
  boost::system::error_code error;
  auto parsed = json::parse(text, error, std::move(memory), options);
  if (!error) return parsed;
  return tl::unexpected("schema: the value is not JSON: " + error.message());
}

}  // namespace

// What is still to be held against a JSON Schema.
struct SchemaEncoder::Check {
  std::size_t index;  // of the record
  std::string_view text;
  const Writer* writer;
};

SchemaEncoder::SchemaEncoder(Encoding encoding, RegistryAddress address)
    : encoding_(std::move(encoding)), client_(std::move(address)), own_record_(encoding_.record) {
  if (encoding_.definition.empty() || !own_record_.empty()) return;
  const auto made = make_format(encoding_.format, {.text = encoding_.definition}, {});
  if (made) own_record_ = (*made)->record();
}

Result<void> SchemaEncoder::encode(std::span<connect::Record* const> records, connect::Arena& arena,
                                   std::vector<std::string>& reasons,
                                   const std::function<bool()>& is_stopping) {
  reasons.assign(records.size(), {});
  if (writers_.size() >= kMostSubjects) writers_.clear();
  std::vector<const Writer*> writers;
  writers.reserve(records.size());
  for (const auto* record : records) {
    if (is_stopping()) return fail(Errc::Unavailable, "schema registry: stopped");
    const bool is_like_the_last =
        !writers.empty() && records[writers.size() - 1]->topic == record->topic;
    if (is_like_the_last) {
      writers.push_back(writers.back());
      continue;
    }
    SL_TRY(writer, writer_for(record->topic));
    writers.push_back(writer);
  }
  std::vector<Check> checks;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto value = records[i]->value;
    reasons[i] = encode(*records[i], *writers[i], arena);
    if (reasons[i].empty() && !writers[i]->text.empty()) checks.push_back({i, value, writers[i]});
  }
  return hold_against_schemas(checks, arena, reasons, is_stopping);
}

Result<void> SchemaEncoder::hold_against_schemas(std::vector<Check>& checks, connect::Arena& arena,
                                                 std::vector<std::string>& reasons,
                                                 const std::function<bool()>& is_stopping) {
  std::ranges::sort(checks, {},
                    [](const Check& check) { return std::pair(check.writer, check.index); });
  std::vector<std::string_view> texts;
  std::vector<Outcome> outcomes;
  for (std::size_t first = 0; first < checks.size();) {
    const auto* writer = checks[first].writer;
    auto last = first;
    texts.clear();
    for (; last < checks.size() && checks[last].writer == writer; ++last)
      texts.push_back(checks[last].text);
    if (!checkers_.contains(writer->text)) {
      if (checkers_.size() >= kMostCheckers) checkers_.clear();
      checkers_.emplace(writer->text, std::make_unique<connect::processing::Processor>(
                                          connect::processing::Steps{.schema = writer->text}));
    }
    if (auto ran = checkers_.at(writer->text)->run(texts, arena, outcomes, is_stopping); !ran) {
      auto& error = ran.error();
      if (error.code == Errc::InvalidArgument)
        error.detail +=
            "; `check: false` in /map/schema writes values without holding them "
            "against it";
      return tl::unexpected(std::move(error));
    }
    for (auto i = first; i < last; ++i) {
      const auto& outcome = outcomes[i - first];
      if (outcome.kind != Outcome::Kind::Value)
        reasons[checks[i].index] = std::string(outcome.text);
    }
    first = last;
  }
  return {};
}

// Empty, or why not.
std::string SchemaEncoder::encode(connect::Record& record, const Writer& writer,
                                  connect::Arena& arena) {
  unsigned char memory[4096];
  json::monotonic_resource resource(memory, sizeof memory);
  const auto value = parse_value(record.value, &resource);
  if (!value) return value.error();
  scratch_.clear();
  if (encoding_.form == Encoding::Form::Prefix) scratch_ = writer.names;
  if (auto encoded = writer.format->encode(*value, record.value, scratch_); !encoded)
    return std::move(encoded.error());
  record.value = arena.copy(scratch_);
  name_schema(record, writer, arena);
  return {};
}

// A device may send a user property of that name: no reader may take it for ours.
void SchemaEncoder::name_schema(connect::Record& record, const Writer& writer,
                                connect::Arena& arena) const {
  const auto is_foreign = [](const auto& header) { return header.first == kValueSchemaHeader; };
  const bool adds = encoding_.form == Encoding::Form::Header;
  const auto foreign = static_cast<std::size_t>(std::ranges::count_if(record.headers, is_foreign));
  if (!adds && foreign == 0) return;
  const auto headers = arena.array<std::pair<std::string_view, std::string_view>>(
      record.headers.size() - foreign + (adds ? 1 : 0));
  auto at = headers.begin();
  for (const auto& header : record.headers) {
    if (!is_foreign(header)) *at++ = header;
  }
  if (adds) *at = {kValueSchemaHeader, arena.copy(writer.names)};
  record.headers = headers;
}

Result<std::string> SchemaEncoder::subject_of(std::string_view topic) const {
  if (encoding_.subject == Encoding::Subject::TopicName) return std::string(topic) + "-value";
  if (own_record_.empty())
    return fail(Errc::InvalidArgument,
                "schema: the schema has no name that a subject could have; "
                "give it as `record`");
  if (encoding_.subject == Encoding::Subject::RecordName) return own_record_;
  return std::string(topic) + "-" + own_record_;
}

bool SchemaEncoder::is_current(const Writer& writer) const {
  const bool may_change = encoding_.definition.empty() && !encoding_.version;
  return !may_change || SteadyClock::now() < writer.asked + kAskAgainAfter;
}

Result<const SchemaEncoder::Writer*> SchemaEncoder::writer_for(std::string_view topic) {
  SL_TRY(subject, subject_of(topic));
  const auto known = writers_.find(subject);
  if (known != writers_.end() && is_current(known->second)) return &known->second;
  auto found = ask(subject);
  if (known != writers_.end()) {
    // The one before does as long as nobody says which comes after it.
    auto& before = known->second;
    before.asked = SteadyClock::now();
    if (!found) before.asked -= kAskAgainAfter - kAskAgainSoon;
    if (!found || found->id == before.id) return &before;
  }
  if (!found) return tl::unexpected(std::move(found.error()));
  SL_TRY(made, make_writer(std::move(*found)));
  return &writers_.insert_or_assign(std::move(subject), std::move(made)).first->second;
}

Result<RegisteredSchema> SchemaEncoder::ask(const std::string& subject) {
  if (encoding_.definition.empty()) return client_.get(subject, encoding_.version);
  if (!encoding_.auto_register) return client_.find(subject, encoding_);
  if (!encoding_.references.empty()) {
    // Registered is registered: one that nothing can be written by is refused before.
    SL_TRY(whole, client_.whole(encoding_));
    SL_TRY_VOID(read_schema(whole));
  }
  return client_.add(subject, encoding_);
}

Result<SchemaEncoder::Writer> SchemaEncoder::read_schema(const SchemaText& schema) const {
  auto format = make_format(encoding_.format, schema, encoding_.record);
  if (!format) return fail(Errc::InvalidArgument, "schema: " + format.error());
  Writer writer{
      .format = std::move(*format), .text = {}, .names = {}, .id = 0, .asked = SteadyClock::now()};
  if (encoding_.format == Encoding::Format::Json && encoding_.check) {
    auto whole = bundled(schema);
    if (!whole) return fail(Errc::InvalidArgument, "schema: " + whole.error());
    writer.text = std::move(*whole);
  }
  return writer;
}

Result<SchemaEncoder::Writer> SchemaEncoder::make_writer(RegisteredSchema found) const {
  SL_TRY(writer, read_schema(found.schema));
  writer.id = found.id;
  const auto indexes = writer.format->indexes();
  if (encoding_.form == Encoding::Form::Prefix) {
    writer.names = id_prefix(found.id, indexes);
  } else if (found.guid) {
    writer.names = guid_header(*found.guid, indexes);
  } else {
    return fail(Errc::InvalidArgument,
                "schema registry: it gives no GUIDs, which the form `header` needs: use `prefix`");
  }
  return std::move(writer);
}

void check_encoding(const Encoding& encoding, std::vector<schema::Problem>& problems) {
  // With references it can be read once the registry has given them.
  if (encoding.definition.empty() || !encoding.references.empty()) return;
  const auto made = make_format(encoding.format, {.text = encoding.definition}, encoding.record);
  if (!made) {
    problems.push_back({"/map/schema/definition", made.error()});
  } else if (encoding.subject != Encoding::Subject::TopicName && (*made)->record().empty()) {
    problems.push_back({"/map/schema/record", "is needed: the subject is named after it"});
  }
}

}  // namespace sluice::connectors::kafka::registry
