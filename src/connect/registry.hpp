#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/refusal.hpp"
#include "base/schema.hpp"
#include "connect/encoding.hpp"
#include "connect/sink.hpp"
#include "connect/source.hpp"
#include "connect/value_decoder.hpp"
#include "connect/value_encoder.hpp"

namespace sluice::connect {

// What a sink is made from: both objects are checked and complete.
struct SinkConfig {
  boost::json::object connection;  // the connection's `settings`; empty where there is none
  boost::json::object sink;        // the task's `sink`
  std::string client_id;           // `<connection>-<task>-<n>`, for the other side's logs
  std::string task_id;
  std::string files_directory = {};   // where a sink may write files; empty: nowhere
  std::string transactional_id = {};  // of who writes exactly once, for ever the same; else empty
};

// A flow out of another server's document, as documents of ours.
struct ImportedFlow {
  boost::json::object connection, task;
  std::vector<std::string> notes;  // what is not as it was there
};

// A document of another server that a connector understands.
struct Import {
  std::string format;  // `tbmq`: the path under /imports
  Outcome<ImportedFlow> (*translate)(const boost::json::object& foreign) = nullptr;
};

// One kind of outside system, declared once: specs give validation, console form and reference
// page.
struct Connector {
  std::string name;                  // the `type` of its connections and sinks
  std::string summary;               // one sentence
  schema::Fields connection_fields;  // of `settings`
  schema::Fields sink_fields;        // of the task's `sink`, besides `type` and `connection`
  bool needs_connection = true;
  bool writes_exactly_once = false;  // its sinks can: Sink::transactions()
  // Its sinks publish where a task may bring messages from that leads back here: each notes itself
  // in their origins, and stops what it finds itself in.
  bool notes_origins = false;
  // Why dead letters cannot be copied over such a connection; empty: they can. Null: over none.
  std::string (*why_no_letters)(const boost::json::object& settings) = nullptr;
  // For the reference page: what becomes of a record for each answer of the other side. Markdown.
  std::string (*outcomes_page)() = nullptr;
  // What the declaration cannot say: rules across fields, property names. Pointers begin with
  // `/settings` and `/sink`.
  void (*check_connection)(const boost::json::object& settings,
                           std::vector<schema::Problem>& problems) = nullptr;
  void (*check_sink)(const boost::json::object& sink,
                     std::vector<schema::Problem>& problems) = nullptr;
  // Why a record can never have this topic; nothing when it can.
  std::optional<std::string> (*why_not_topic)(std::string_view topic) = nullptr;
  // What else a change must say: `given` are the settings as they were sent, `after` what becomes
  // of `before` with them. Secrets that a person gave for one place do not go to another one.
  void (*check_change)(const boost::json::object& before, const boost::json::object& after,
                       const boost::json::object& given,
                       std::vector<schema::Problem>& problems) = nullptr;
  // Hides what the declaration cannot mark as secret: some values of a map.
  void (*mask_settings)(boost::json::object& settings) = nullptr;
  std::string (*bound_resource)(const boost::json::object& settings) = nullptr;
  // Goes the way of a task, step by step, until one fails. `topic`: may records be written to it?
  // Empty: that is not asked. Writes nothing; blocks, for at most half a minute.
  std::vector<VerifyStep> (*verify)(const boost::json::object& settings,
                                    std::string_view topic) = nullptr;
  // Where this record would go; blocks for some seconds at most.
  Placement (*place)(const SinkConfig& config, const Record& record) = nullptr;
  std::vector<Import> imports = {};
  // --- of one that has sources
  schema::Fields source_fields = {};  // of the task's `source`, besides `type` and `connection`
  bool sends_records = false;         // what comes are records with key and headers, not PUBLISHes
  void (*check_source)(const boost::json::object& source,
                       std::vector<schema::Problem>& problems) = nullptr;
  // As make_sink.
  Result<std::unique_ptr<Source>> (*make_source)(const SourceConfig& config,
                                                 Source::Callbacks callbacks) = nullptr;
  // What its sources keep (Source::Callbacks::keep) so that the next one goes on from `start`, or
  // what may be said there instead. Null: the other side gives nothing again.
  tl::expected<std::string, std::string> (*seek_source)(const boost::json::value& start) = nullptr;
  // What stays at the other side, and how one comes by it, where the next source is made so and the
  // last one has kept this; empty: nothing does.
  std::string (*left_behind)(const SourceConfig& config, std::string_view note) = nullptr;
  // The task is deleted: takes away what it has at the other side, as far as that can be done
  // within some seconds, and says in the log what came of it. `note`: what its sources kept.
  void (*leave_source)(const boost::json::object& connection, std::string_view note) = nullptr;
  // --- of one that has sinks
  // Does not wait for the other side. Errors: InvalidArgument (a person must mend it), anything
  // else is worth another try.
  Result<std::unique_ptr<Sink>> (*make_sink)(const SinkConfig& config,
                                             Sink::Callbacks callbacks) = nullptr;
  // --- of one whose records may be encoded by a schema registry, and decoded
  Result<std::unique_ptr<ValueDecoder>> (*make_decoder)(const boost::json::object& connection,
                                                        Encoding::Format format) = nullptr;
  // As far as no registry has to be asked.
  void (*check_encoding)(const Encoding& encoding,
                         std::vector<schema::Problem>& problems) = nullptr;
  // Does not ask the registry yet. Errors: InvalidArgument (the connection names none).
  Result<std::unique_ptr<ValueEncoder>> (*make_encoder)(const boost::json::object& connection,
                                                        const Encoding& encoding) = nullptr;
};

// Threads: filled once at start, then read only.
class Registry {
 public:
  void add(Connector connector) {
    auto name = connector.name;
    connectors_.emplace(std::move(name), std::move(connector));
  }
  [[nodiscard]] const Connector* find(std::string_view name) const {
    const auto it = connectors_.find(name);
    return it == connectors_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] const std::map<std::string, Connector, std::less<>>& all() const {
    return connectors_;
  }

 private:
  std::map<std::string, Connector, std::less<>> connectors_;
};

}  // namespace sluice::connect
