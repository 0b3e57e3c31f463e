// `sluice doctor`: looks at the machine, the data directory and the settings before a person has to
// find out why nothing starts. It changes nothing but a file of its own without a name, and asks a
// server that runs nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "app/rest_commands.hpp"
#include "app/settings.hpp"

namespace sluice::app {

enum class Health : std::uint8_t { Ok, Warning, Problem };

// One line: what was looked at, what it is like, and what to do about it; nothing when it is well.
struct Finding {
  std::string check;  // "data directory", "port tcp"
  Health health = Health::Ok;
  std::string detail;
  std::string advice = {};
};
using Findings = std::vector<Finding>;

// The server that holds the data directory, as the system's table of locks says.
struct Holder {
  pid_t pid = 0;
  [[nodiscard]] bool runs() const { return pid != 0; }
};

// As far as it can be read.
[[nodiscard]] std::string text_of_file(const std::string& path);

// --- parts of it (doctor_data.cpp, doctor_machine.cpp, doctor_listeners.cpp)
[[nodiscard]] Holder holder_of(const std::string& data);
void look_at_data(const Settings& settings, const Holder& holder, Findings& findings);
void look_at_sync_speed(const Settings& settings, Findings& findings);
void look_at_limits(const EffectiveSettings& effective, const Holder& holder, Findings& findings);
void look_at_clock(const std::string& data, Findings& findings);
void look_at_core_dumps(const Holder& holder, Findings& findings);
void look_at_ports(const Settings& settings, const Holder& holder, Findings& findings);
void look_at_certificates(const Settings& settings, std::int64_t now_ms, Findings& findings);

// --- what the system's tables say; pure
// Whose lock (flock) the file has, in the text of /proc/locks; 0: nobody's, or one of who is not
// seen from here.
[[nodiscard]] pid_t lock_holder(const std::string& locks, std::uint64_t inode);
// A socket that listens, in the text of /proc/net/tcp or tcp6.
struct Listening {
  std::string host;  // as inet_ntop writes it
  std::uint16_t port = 0;
  std::uint64_t inode = 0;
};
[[nodiscard]] std::vector<Listening> listening_sockets(const std::string& table);
// Would both be refused side by side? Port 0 never is.
[[nodiscard]] bool is_taken_by(const BindAddress& wanted, const Listening& other);

// Of who may write a core file of at most `limit` bytes (nothing: it is not known), which goes
// where `pattern` of the kernel says.
[[nodiscard]] Finding core_dump_finding(std::optional<std::uint64_t> limit,
                                        std::string_view pattern);

// All of it, or what can be looked at without settings that can be read.
[[nodiscard]] Findings examine(const SettingSources& sources);
// Prints the findings. Exit code 1 when one of them is a problem.
int run_doctor(const SettingSources& sources, OutputFormat format);

}  // namespace sluice::app
