#include "app/log_commands.hpp"

#include <fmt/format.h>

#include "app/failure.hpp"
#include "base/escape.hpp"
#include "connect/text.hpp"
#include "store/embedded/directory_lock.hpp"
#include "store/embedded/inspect.hpp"

namespace sluice::app {
namespace {

using store::embedded::Damage;
using store::embedded::FrameHeader;
using store::embedded::LogReport;
using store::embedded::RecordType;
using store::embedded::SegmentPlan;

constexpr std::size_t kShownBytes = 60;  // of a payload or a key

// What a client sent must not move the cursor of a terminal.
std::string shown(std::string_view text) {
  std::string out;
  append_escaped(out, text.substr(0, kShownBytes), EscapeFor::Terminal);
  if (text.size() > kShownBytes) out += fmt::format("... ({} bytes)", text.size());
  return out;
}

std::string damage_text(const Damage& damage) {
  const auto first = damage.base + damage.offset;
  if (damage.is_begin) return fmt::format("{}\n  {}\n", damage.file, damage.what);
  if (damage.is_missing && damage.bytes == 0) {
    return fmt::format("{}\n  {}\n", damage.file, damage.what);
  }
  if (damage.is_missing) {
    return fmt::format("{}\n  positions {} to {} are gone\n  {}\n", damage.file, first,
                       first + damage.bytes, damage.what);
  }
  return fmt::format("{}\n  at offset {}, {} bytes, positions {} to {}\n  {}\n  {}\n", damage.file,
                     damage.offset, damage.bytes, first, first + damage.bytes, damage.what,
                     damage.is_tail    ? "behind all that was proven to be on disk: a start cuts it"
                     : damage.has_next ? "what follows is whole"
                                       : "nothing whole follows in this file");
}

void print_report(const LogReport& report) {
  for (const auto& segment : report.segments) {
    fmt::print("{}  positions {} to {}  {} messages, {} changes of state  {} to {}\n", segment.file,
               segment.plan.first_record(), segment.plan.base + segment.end, segment.messages,
               segment.changes, connect::rfc3339(segment.first_ms),
               connect::rfc3339(segment.last_ms));
  }
  for (const auto& damage : report.damages) fmt::print("\nDAMAGED {}", damage_text(damage));
}

int verify(FileSystem& files, const std::string& data) {
  const auto report = store::embedded::inspect_log(files, data);
  if (!report) return fail_with(report.error().detail);
  print_report(*report);
  if (report->damages.empty()) {
    fmt::print("nothing is damaged\n");
  } else if (report->is_usable()) {
    fmt::print("\na torn tail, which the next start cuts by itself\n");
  } else {
    fmt::print("\n`sluice log repair --yes` makes the rest usable and keeps a copy\n");
  }
  return report->is_usable() ? 0 : 1;
}

void print_record(const FrameHeader& header, std::string_view body) {
  const auto time = connect::rfc3339(store::embedded::milliseconds_of(header.time_and_node));
  if (header.type == RecordType::Message) {
    model::Message message;
    std::vector<store::QueueId> queues;
    if (!store::embedded::decode_message(header, body, message, &queues)) {
      fmt::print("{} {} a message that cannot be understood\n", header.position, time);
      return;
    }
    fmt::print("{} {} message id={} topic={} qos={}{} client={} queues={} payload={}\n",
               header.position, time, model::to_hex(message.id), shown(message.topic), message.qos,
               message.retain ? " retain" : "", shown(message.client_id), queues.size(),
               shown(message.payload));
    return;
  }
  if (header.type == RecordType::Batch) {
    const auto batch = store::embedded::decode_batch_body(body);
    fmt::print("{} {} batch records={} bytes={} proven_end={}\n", header.position, time,
               batch ? batch->records : 0, batch ? batch->bytes : 0, batch ? batch->proven_end : 0);
    return;
  }
  const auto state = store::embedded::decode_state_body(body);
  const bool is_put = header.type == RecordType::Put;
  // Values may hold passwords and secrets of connections: only their size is shown.
  fmt::print("{} {} {} kind={} key={} value_bytes={}\n", header.position, time,
             is_put ? "put" : "erase", state ? static_cast<int>(state->kind) : 0,
             state ? shown(state->key) : "", state ? state->value.size() : 0);
}

int dump(FileSystem& files, const LogCommand& command) {
  std::uint64_t left = command.limit;
  const auto report = store::embedded::inspect_log(
      files, command.data,
      [&](const SegmentPlan&, const FrameHeader& header, std::string_view body) {
        if (left == 0 || header.position < command.from) return;
        --left;
        print_record(header, body);
      });
  if (!report) return fail_with(report.error().detail);
  for (const auto& damage : report->damages) fmt::print(stderr, "DAMAGED {}", damage_text(damage));
  return report->is_usable() ? 0 : 1;
}

int repair(FileSystem& files, const LogCommand& command) {
  if (!command.confirmed) {
    const int found = verify(files, command.data);
    if (found != 0) fmt::print("nothing was changed: `--yes` does it\n");
    return found;
  }
  const auto done = store::embedded::repair_log(files, command.data);
  if (!done) return fail_with(done.error().detail);
  if (done->empty()) fmt::print("nothing is damaged; nothing was changed\n");
  for (const auto& sentence : *done) fmt::print("{}\n", sentence);
  return 0;
}

}  // namespace

int run_log_command(const LogCommand& command) {
  const auto files = posix_file_system();
  if (const auto listed = files->list(command.data + "/log"); !listed) {
    return fail_with("no log: " + listed.error().detail + "; --data names the data directory");
  }
  // A server that runs writes while we read.
  const auto lock = store::embedded::DirectoryLock::acquire(command.data);
  if (!lock) return fail_with(lock.error().detail);
  if (command.verb == "verify") return verify(*files, command.data);
  if (command.verb == "dump") return dump(*files, command);
  return repair(*files, command);
}

}  // namespace sluice::app
