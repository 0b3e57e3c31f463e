#include "connectors/file/file_sink.hpp"

#include <utility>

#include "base/log.hpp"
#include "connect/record_json.hpp"

namespace sluice::connectors::file {
namespace {

namespace json = boost::json;
using connect::Delivery;
using connect::Record;
using connect::Verdict;

constexpr std::string_view kSeveralLines =
    "the value has several lines: a line of its own it cannot be; use the format `record`";

bool is_whole_record(const connect::SinkConfig& config) {
  return config.sink.at("format").as_string() == "record";
}

// False when the value cannot be a line of its own.
bool append_line(std::string& lines, const Record& record, bool whole_record) {
  if (whole_record) {
    connect::append_record(lines, record);
    lines += '\n';
    return true;
  }
  if (record.value.find('\n') != std::string_view::npos) return false;
  lines += record.value;
  lines += '\n';
  return true;
}

}  // namespace

Result<std::unique_ptr<connect::Sink>> FileSink::make(const connect::SinkConfig& config,
                                                      Callbacks callbacks) {
  const auto& sink = config.sink;
  const auto number = [&](std::string_view name) { return sink.at(name).as_int64(); };
  if (config.files_directory.empty())
    return fail(Errc::InvalidArgument, "this server has no directory for files");
  Settings settings{
      .folder = config.files_directory + "/" + std::string(sink.at("folder").as_string()),
      .whole_record = is_whole_record(config),
      .rotate_bytes = static_cast<std::uint64_t>(number("rotate_bytes")),
      .rotate_after = Milliseconds(number("rotate_after")),
      .maximum_bytes = static_cast<std::uint64_t>(number("maximum_bytes"))};
  SL_TRY_VOID(make_folder(settings.folder));
  SL_TRY_VOID(end_what_was_left(settings.folder));
  SL_TRY(bytes, bytes_in(settings.folder));
  return std::make_unique<FileSink>(std::move(settings), std::move(callbacks), bytes);
}

connect::Placement place(const connect::SinkConfig& config, const Record& record) {
  std::string line;
  if (!append_line(line, record, is_whole_record(config)))
    return {.bytes = 0, .problem = std::string(kSeveralLines), .note = {}};
  return {.bytes = line.size(), .problem = {}, .note = {}};
}

FileSink::FileSink(Settings settings, Callbacks callbacks, std::uint64_t bytes_there)
    : settings_(std::move(settings)), callbacks_(std::move(callbacks)), bytes_there_(bytes_there) {}

FileSink::~FileSink() {
  rotate();
}

// Takes as many as there is room for. The worker's thread may wait for the disk: it does nothing
// else.
Result<std::size_t> FileSink::write(std::span<const Record> records) {
  lines_.clear();
  const auto before = outcomes_.size();
  std::size_t taken = 0;
  for (; taken < records.size(); ++taken) {
    const auto end = lines_.size();
    const auto problem = add_line(records[taken]);
    if (problem.empty() && !has_room()) {
      lines_.resize(end);
      break;
    }
    outcomes_.push_back({.token = records[taken].token,
                         .verdict = problem.empty() ? Verdict::Delivered : Verdict::Rejected,
                         .reason = std::string(problem)});
  }
  if (taken == 0) return wait_for_room();
  if (auto written = write_lines(); !written) {
    outcomes_.resize(before);
    away_ = written.error().detail;
    return fail(Errc::Unavailable, away_);
  }
  away_.clear();
  rotate_when_due();
  callbacks_.on_ready();
  return taken;
}

// Why it can never be a line here; empty: it is one now.
std::string_view FileSink::add_line(const Record& record) {
  const auto end = lines_.size();
  if (!append_line(lines_, record, settings_.whole_record)) return kSeveralLines;
  if (lines_.size() - end <= settings_.maximum_bytes) return {};
  lines_.resize(end);
  return "the line is longer than `maximum_bytes`, which the whole folder may hold";
}

Result<void> FileSink::write_lines() {
  if (lines_.empty()) return {};
  if (!file_) {
    SL_TRY(made, LineFile::create(settings_.folder, last_file_us_));
    file_ = std::move(made);
    rotate_at_ = std::chrono::steady_clock::now() + settings_.rotate_after;
  }
  auto written = file_->append(lines_);
  if (!written) {
    // What a failed sync leaves behind nobody knows: the next try begins another file.
    rotate();
    return written;
  }
  bytes_there_ += lines_.size();
  return {};
}

// Looks at the folder again only when it seems to be full: files are taken away meanwhile.
bool FileSink::has_room() {
  if (bytes_there_ + lines_.size() <= settings_.maximum_bytes) return true;
  if (const auto bytes = bytes_in(settings_.folder)) bytes_there_ = *bytes;
  return bytes_there_ + lines_.size() <= settings_.maximum_bytes;
}

// The file that is written is ended, so that it can be taken away.
Result<std::size_t> FileSink::wait_for_room() {
  rotate();
  away_ = settings_.folder + " holds " + std::to_string(bytes_there_) +
          " bytes, and `maximum_bytes` is " + std::to_string(settings_.maximum_bytes) +
          ": take files away, or allow more";
  return fail(Errc::Unavailable, away_);
}

connect::Sink::Milliseconds FileSink::collect(std::vector<Delivery>& outcomes) {
  for (auto& outcome : outcomes_) outcomes.push_back(std::move(outcome));
  outcomes_.clear();
  rotate_when_due();
  if (!file_) return kNotByItself;
  const auto left = rotate_at_ - std::chrono::steady_clock::now();
  return std::chrono::ceil<Milliseconds>(left);
}

void FileSink::rotate_when_due() {
  if (!file_) return;
  if (file_->size() >= settings_.rotate_bytes || std::chrono::steady_clock::now() >= rotate_at_)
    rotate();
}

void FileSink::rotate() {
  if (!file_) return;
  const auto file = std::exchange(file_, nullptr);
  if (auto ended = file->end(); !ended)
    log::warn("a file of a sink could not be ended: the next start does it",
              {{"folder", settings_.folder}, {"error", ended.error().detail}});
}

}  // namespace sluice::connectors::file
