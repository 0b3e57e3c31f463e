#include "app/backup_commands.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <map>

#include "app/descriptor_limit.hpp"
#include "app/failure.hpp"
#include "app/rest_commands.hpp"
#include "base/clock.hpp"
#include "base/pace.hpp"
#include "base/schema.hpp"
#include "connect/text.hpp"
#include "store/embedded/backup.hpp"
#include "store/embedded/directory_lock.hpp"
#include "store/embedded/engine.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;
using store::embedded::BackupManifest;
using store::embedded::DirectoryLock;
using store::embedded::LogSnapshot;
using store::embedded::Throttle;

constexpr std::string_view kLostAndFound = "lost+found";  // of a file system that was just made

// Not there, or nothing in it.
Result<void> check_empty(const std::string& directory) {
  std::error_code error;
  if (!fs::exists(directory, error)) return {};
  if (!fs::is_directory(directory, error)) {
    return fail(Errc::AlreadyExists, directory + " is no directory");
  }
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().filename() == kLostAndFound) continue;
    return fail(Errc::AlreadyExists, directory + " is not empty (" +
                                         entry.path().filename().string() +
                                         "): give an empty or a new directory");
  }
  if (error) return fail(Errc::IoFailed, directory + ": " + error.message());
  return {};
}

// Nothing in it was there before us.
void empty_again(const std::string& directory) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    std::error_code failed;
    if (entry.path().filename() != kLostAndFound) fs::remove_all(entry.path(), failed);
  }
}

bool is_inside(const fs::path& path, const fs::path& directory) {
  std::error_code error;
  const auto inner = fs::weakly_canonical(path, error).lexically_normal();
  const auto outer = fs::weakly_canonical(directory, error).lexically_normal();
  const auto relative = inner.lexically_relative(outer);
  return !relative.empty() && *relative.begin() != "..";
}

// How far the server that works on `data` has come, from itself.
Result<std::uint64_t> durable_of_server(const std::string& data) {
  SL_TRY(target, find_rest_target({}, data));
  SL_TRY(overview, get_document(target, "/overview"));
  const auto* store = overview.if_contains("store");
  const auto* durable = store == nullptr || !store->is_object()
                            ? nullptr
                            : store->get_object().if_contains("durable");
  boost::json::error_code error;
  const auto position = durable == nullptr ? 0 : durable->to_number<std::uint64_t>(error);
  if (position == 0 || error) {
    return fail(Errc::IoFailed, "the server's overview does not say what is durable");
  }
  return position;
}

struct Taken {
  LogSnapshot snapshot;
  bool is_running = false;
};

Result<Taken> take_snapshot(FileSystem& files, const std::string& data) {
  // Not while we copy: a server must be able to start.
  auto lock = DirectoryLock::acquire(data);
  if (lock) {
    SL_TRY(snapshot, store::embedded::snapshot_of_stopped(files, data));
    return Taken{std::move(snapshot), false};
  }
  if (lock.error().code != Errc::AlreadyExists) return tl::unexpected(lock.error());
  const auto durable = durable_of_server(data);
  if (!durable) {
    return fail(durable.error().code,
                lock.error().detail + ", and does not say how far it has come: " +
                    durable.error().detail + "; a server that is starting can be asked later");
  }
  SL_TRY(snapshot, store::embedded::snapshot_of_running(files, data, *durable));
  return Taken{std::move(snapshot), true};
}

Result<void> check_space(FileSystem& files, const std::string& directory, std::uint64_t needed) {
  SL_TRY_VOID(files.create_directories(directory));
  SL_TRY(free, files.free_bytes(directory));
  if (free > needed) return {};
  return fail(Errc::NoSpace,
              fmt::format("{} needs {} bytes, {} are free", directory, needed, free));
}

std::string summary(const BackupManifest& manifest) {
  return fmt::format(
      "  {} messages and {} changes of state in {} files, {} bytes\n"
      "  positions {} to {}, stored from {} to {}\n",
      manifest.messages(), manifest.changes(), manifest.files.size(), manifest.bytes(),
      manifest.files.front().base, manifest.end, connect::rfc3339(manifest.first_ms),
      connect::rfc3339(manifest.last_ms));
}

// That the directory itself, which may be new, is there after a power cut.
Result<void> keep_name(FileSystem& files, const std::string& directory) {
  std::error_code error;
  const auto path = fs::absolute(directory, error).lexically_normal();
  // With a slash at its end a path is its own parent.
  const auto parent = path.has_filename() ? path.parent_path() : path.parent_path().parent_path();
  return files.sync_directory(parent.string());
}

Throttle paced(Pace& pace) {
  return [&pace](std::size_t bytes) { pace.wait(bytes); };
}

// Proves that a server can start with it, and builds the view, which the first start would have to.
Result<std::string> open_and_count(FileSystem& files, const std::string& data) {
  using store::StateKind;
  const SystemClock clock;
  store::EmbeddedOptions options;
  options.directory = data;
  options.prepare_segments = false;
  options.first_fill_bytes = 0;
  SL_TRY(store, store::open_embedded(files, clock, options));
  const auto count = [&](StateKind kind) -> Result<std::uint64_t> {
    std::uint64_t found = 0;
    SL_TRY_VOID(store->scan(kind, "", [&](std::string_view, std::string_view) {
      ++found;
      return true;
    }));
    return found;
  };
  SL_TRY(sessions, count(StateKind::Session));
  SL_TRY(subscriptions, count(StateKind::Subscription));
  SL_TRY(retained, count(StateKind::Retained));
  SL_TRY(letters, count(StateKind::DeadLetter));
  std::map<std::string, std::uint64_t, std::less<>> documents;
  SL_TRY_VOID(store->scan(StateKind::Document, "", [&](std::string_view key, std::string_view) {
    ++documents[std::string(key.substr(0, key.find('/')))];
    return true;
  }));
  return fmt::format(
      "  sessions {}, subscriptions {}, retained messages {}, dead letters {}, users {}, policies "
      "{}, connections {}, tasks {}, administrators {}\n",
      sessions, subscriptions, retained, letters, documents["user"], documents["policy"],
      documents["connection"], documents["task"], documents["administrator"]);
}

Result<BackupManifest> restore(FileSystem& files, const BackupCommand& command, Pace& pace) {
  SL_TRY_VOID(check_empty(command.data));
  if (is_inside(command.data, command.backup)) {
    return fail(Errc::InvalidArgument, "the data directory cannot lie in the backup");
  }
  SL_TRY(lock, DirectoryLock::acquire(command.data));
  auto restored = store::embedded::restore_backup(files, command.backup, command.data, paced(pace));
  lock.release();
  if (restored) SL_TRY_VOID(keep_name(files, command.data));
  return restored;
}

}  // namespace

int run_backup(const BackupCommand& command) {
  const auto files = posix_file_system();
  if (const auto listed = files->list(command.data + "/log"); !listed) {
    return fail_with("no log: " + listed.error().detail + "; --data names the data directory");
  }
  if (is_inside(command.backup, command.data)) {
    return fail_with("a backup in the data directory would go with it: give another place");
  }
  if (const auto empty = check_empty(command.backup); !empty)
    return fail_with(empty.error().detail);
  raise_descriptor_limit();  // every file of the log is held open at once
  const auto taken = take_snapshot(*files, command.data);
  if (!taken) return fail_with(taken.error().detail);
  const auto room = check_space(*files, command.backup, taken->snapshot.bytes());
  if (!room) return fail_with(room.error().detail);
  Pace pace(command.bytes_per_second);
  const SystemClock clock;
  auto written = store::embedded::write_backup(*files, taken->snapshot, command.backup,
                                               clock.wall_ms(), paced(pace));
  if (written) {
    if (auto kept = keep_name(*files, command.backup); !kept) {
      written = tl::unexpected(std::move(kept).error());
    }
  }
  if (!written) {
    empty_again(command.backup);
    return fail_with(written.error().detail);
  }
  fmt::print("{} is a backup of {} ({})\n{}", command.backup, command.data,
             taken->is_running ? "a server that runs" : "no server runs", summary(*written));
  return 0;
}

int run_restore(const BackupCommand& command) {
  const auto files = posix_file_system();
  Pace pace(command.bytes_per_second);
  if (command.only_check) {
    const auto checked = store::embedded::check_backup(*files, command.backup, paced(pace));
    if (!checked) return fail_with(checked.error().detail);
    fmt::print("{} is whole, made {}\n{}", command.backup, connect::rfc3339(checked->made_ms),
               summary(*checked));
    return 0;
  }
  if (const auto empty = check_empty(command.data); !empty) return fail_with(empty.error().detail);
  const auto restored = restore(*files, command, pace);
  const auto counted = restored ? open_and_count(*files, command.data)
                                : Result<std::string>(tl::unexpected(restored.error()));
  if (!counted) {
    empty_again(command.data);
    return fail_with(counted.error().detail);
  }
  fmt::print("{} holds the backup of {}\n{}{}", command.data, connect::rfc3339(restored->made_ms),
             summary(*restored), *counted);
  return 0;
}

}  // namespace sluice::app
