#include "base/log.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <memory>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>
#include <utility>

#include "base/descriptor.hpp"
#include "base/escape.hpp"

namespace sluice::log {
namespace {

constexpr std::size_t kLongestValue = 2048;  // bytes of a field; the rest is cut

Result<Descriptor> open_to_append(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) return fail(Errc::IoFailed, std::strerror(errno));
  return Descriptor(file);
}

// Appends lines to a file that others may move away. Threads: any, one line at a time.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  FileSink(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  Result<void> reopen() {
    SL_TRY(fresh, open_to_append(path_));
    const std::lock_guard lock(mutex_);
    file_ = std::move(fresh);
    return {};
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view rest(line.data(), line.size());
    while (!rest.empty()) {
      const auto written = ::write(file_.get(), rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;  // a full disk costs lines, never the server
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void flush_() override {}

  const std::string path_;
  Descriptor file_;
};

// The one place of the process that everything may reach: a line has to get out from anywhere.
// Threads: all but `level` is written by set_up() before other threads start; the sinks lock for
// each line.
struct Output {
  std::shared_ptr<spdlog::logger> logger;
  std::shared_ptr<FileSink> file;  // null: standard error
  Format format = Format::Text;
  std::atomic<Level> level{Level::Info};
};

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("sluice", std::move(sink));
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

Output& output() {
  // Never destroyed, so that the last lines of other destructors still have somewhere to go.
  static Output& instance =
      *new Output{make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>()), nullptr,
                  Format::Text, Level::Info};
  return instance;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warn:
      return "warn";
    case Level::Error:
      return "error";
  }
  return "info";
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warn:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string now_text() {
  const auto now = std::chrono::system_clock::now();
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const auto seconds = fmt::gmtime(std::chrono::system_clock::to_time_t(now));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", seconds, ms % 1000);
}

void append_value(std::string& out, const Field& field, EscapeFor format) {
  const std::string_view value = field.value;
  append_escaped(out, value.substr(0, kLongestValue), format);
  if (value.size() > kLongestValue) {
    out += fmt::format("... ({} bytes)", value.size());
  }
}

// Is it readable without quotes, and cannot be taken for more than one value?
bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    const bool is_visible_ascii = c > ' ' && c < 0x7F;
    if (!is_visible_ascii || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

// JSON has no NaN and no infinity.
bool is_json_number(const Field& field) {
  const bool is_finite =
      field.value.find("nan") == std::string::npos && field.value.find("inf") == std::string::npos;
  return field.is_number && is_finite;
}

std::string text_line(Level level, std::string_view event, Fields fields) {
  auto line = fmt::format("{} {:<5} ", now_text(), name_of(level));
  append_escaped(line, event, EscapeFor::Text);
  for (const auto& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    if (is_plain(field.value) && field.value.size() <= kLongestValue) {
      line += field.value;
      continue;
    }
    line += '"';
    append_value(line, field, EscapeFor::Text);
    line += '"';
  }
  return line;
}

std::string json_line(Level level, std::string_view event, Fields fields) {
  auto line = fmt::format(R"({{"time":"{}","level":"{}","event":")", now_text(), name_of(level));
  append_escaped(line, event, EscapeFor::Json);
  line += '"';
  for (const auto& field : fields) {
    line += ",\"";
    append_escaped(line, field.name, EscapeFor::Json);
    line += "\":";
    if (is_json_number(field)) {
      line += field.value;
      continue;
    }
    line += '"';
    append_value(line, field, EscapeFor::Json);
    line += '"';
  }
  line += '}';
  return line;
}

}  // namespace

Result<void> set_up(Level level, Format format, const std::string& file) {
  auto& out = output();
  if (file.empty()) {
    out.file = nullptr;
    out.logger = make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  } else {
    SL_TRY(opened, open_to_append(file));
    out.file = std::make_shared<FileSink>(file, std::move(opened));
    out.logger = make_logger(out.file);
  }
  out.format = format;
  set_level(level);
  return {};
}

Result<void> reopen() {
  const auto& file = output().file;
  if (file == nullptr) return {};
  return file->reopen();
}

void set_level(Level level) {
  output().level.store(level, std::memory_order_relaxed);
}

bool enabled(Level level) {
  return level >= output().level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  auto& out = output();
  const auto line = out.format == Format::Json ? json_line(level, event, fields)
                                               : text_line(level, event, fields);
  out.logger->log(spdlog_level(level), spdlog::string_view_t(line));
}

}  // namespace sluice::log
