// What clients come through: ports and certificates.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "app/doctor.hpp"
#include "connect/text.hpp"
#include "io/tls_context.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNotice = 30LL * 24 * 3600 * 1000;

// The address as the kernel prints it: groups of four bytes, each in the machine's own order.
std::string host_of(std::string_view digits) {
  std::array<unsigned char, 16> bytes{};
  const auto size = digits.size() / 2;
  if (size != 4 && size != 16) return {};
  for (std::size_t i = 0; i < size; i += 4) {
    std::uint32_t group = 0;
    std::from_chars(digits.data() + i * 2, digits.data() + i * 2 + 8, group, 16);
    std::memcpy(bytes.data() + i, &group, sizeof group);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

bool is_any(std::string_view host) {
  return host == "0.0.0.0" || host == "::";
}

// Whose a socket is, among the processes that may be looked into from here.
std::optional<pid_t> process_with(std::uint64_t inode) {
  const auto wanted = fmt::format("socket:[{}]", inode);
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const auto name = it->path().filename().string();
    pid_t pid = 0;
    const auto [parsed, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong != std::errc() || parsed != name.data() + name.size()) continue;
    std::error_code closed;
    for (fs::directory_iterator fd(it->path() / "fd", closed); !closed && fd != end;
         fd.increment(closed)) {
      std::error_code gone;
      if (fs::read_symlink(fd->path(), gone).string() == wanted) return pid;
    }
  }
  return std::nullopt;
}

std::string program_of(pid_t pid) {
  auto name = text_of_file(fmt::format("/proc/{}/comm", pid));
  while (name.ends_with('\n')) name.pop_back();
  return name.empty() ? "a program" : name;
}

bool is_address_of_machine(const std::string& host) {
  if (is_any(host)) return true;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return true;  // nobody can say
  bool found = host.starts_with("127.");
  for (const auto* one = all; one != nullptr && !found; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (one->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address{};
      std::memcpy(&address, one->ifa_addr, sizeof address);
      ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 address{};
      std::memcpy(&address, one->ifa_addr, sizeof address);
      ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    }
    found = host == text.data();
  }
  ::freeifaddrs(all);
  return found;
}

std::uint16_t first_free_for_all() {
  const auto text = text_of_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  std::uint16_t port = 1024;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

Finding taken(const std::string& check, const std::string& setting, const BindAddress& bind,
              const Listening& other, const Holder& holder) {
  const auto pid = process_with(other.inode);
  if (pid && *pid == holder.pid)
    return {check, Health::Ok, fmt::format("{}: the server that runs has it", bind.text())};
  if (!pid && holder.runs())
    return {check, Health::Ok,
            fmt::format("{}: taken, as it seems by the server that runs (process {}); only its "
                        "user and root can tell",
                        bind.text(), holder.pid)};
  const auto who = pid ? fmt::format("{} (process {})", program_of(*pid), *pid)
                       : std::string("a process of another user");
  return {check, Health::Problem,
          fmt::format("{} is taken by {}, which listens on {}", bind.text(), who,
                      BindAddress{other.host, other.port}.text()),
          fmt::format("end it, or move this with {}{}", setting,
                      pid ? "" : "; `ss -ltnp` as root names it")};
}

void look_at_port(const std::string& name, const std::string& setting, const BindAddress& bind,
                  const std::vector<Listening>& all, const Holder& holder, Findings& findings) {
  const auto check = "port " + name;
  if (!is_address_of_machine(bind.host)) {
    findings.push_back({check, Health::Problem,
                        fmt::format("no network interface has the address {}", bind.host),
                        fmt::format("`ip address` lists them; {} chooses", setting)});
    return;
  }
  const auto other = std::ranges::find_if(
      all, [&](const Listening& listening) { return is_taken_by(bind, listening); });
  if (other != all.end()) {
    findings.push_back(taken(check, setting, bind, *other, holder));
  } else if (bind.port == 0) {
    findings.push_back({check, Health::Ok, "any free one of " + bind.host});
  } else if (bind.port < first_free_for_all() && ::geteuid() != 0) {
    findings.push_back(
        {check, Health::Warning,
         fmt::format("{} is free; ports below {} need a right", bind.text(), first_free_for_all()),
         "AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit"});
  } else {
    findings.push_back({check, Health::Ok, bind.text() + " is free"});
  }
}

void look_at_key(const std::string& check, const std::string& key, Findings& findings) {
  struct stat status{};
  if (::stat(key.c_str(), &status) != 0) return;
  const auto mode = static_cast<unsigned>(status.st_mode & 07777);
  if ((mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
    findings.push_back({check, Health::Problem,
                        fmt::format("others may {} the key {} (mode {:04o})",
                                    (mode & S_IROTH) != 0 ? "read" : "change", key, mode),
                        fmt::format("chmod 600 {}, and get another one: it may be known", key)});
}

void look_at_certificate(const std::string& holder, const io::TlsOptions::Certificate& files,
                         std::int64_t now_ms, Findings& findings) {
  const auto check = "certificate " + holder;
  io::TlsOptions options;
  options.certificates.push_back(files);
  const auto loaded = io::TlsContext::load(options);
  if (!loaded) {
    findings.push_back(
        {check, Health::Problem, loaded.error().setting + " " + loaded.error().detail,
         "the certificate, its key and what leads to its authority belong together"});
    return;
  }
  const auto expires_ms = (*loaded)->expires_s() * 1000;
  const auto text = fmt::format("{} {} {}, and its key fits", files.certificate,
                                expires_ms <= now_ms ? "has expired on" : "expires on",
                                connect::rfc3339(expires_ms));
  const std::string advice = "put a new one there, then SIGHUP: no client is dropped";
  if (expires_ms <= now_ms)
    findings.push_back({check, Health::Problem, text, advice});
  else if (expires_ms <= now_ms + kNotice)
    findings.push_back({check, Health::Warning, text, advice});
  else
    findings.push_back({check, Health::Ok, text});
  look_at_key(check, files.key, findings);
}

}  // namespace

// `  0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 12345 ...`
std::vector<Listening> listening_sockets(const std::string& table) {
  constexpr std::string_view kListens = "0A";
  std::vector<Listening> found;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retries, user, timeout;
    Listening socket;
    if (!(words >> number >> local >> remote >> state >> queues >> timer >> retries >> user >>
          timeout >> socket.inode))
      continue;  // the header
    const auto colon = local.find(':');
    if (state != kListens || colon == std::string::npos) continue;
    socket.host = host_of(std::string_view(local).substr(0, colon));
    std::from_chars(local.data() + colon + 1, local.data() + local.size(), socket.port, 16);
    if (!socket.host.empty()) found.push_back(std::move(socket));
  }
  return found;
}

// `::` takes IPv4, too, unless a program has said otherwise: nobody can see that from here.
bool is_taken_by(const BindAddress& wanted, const Listening& other) {
  if (wanted.port == 0 || wanted.port != other.port) return false;
  if (wanted.host == other.host || other.host == "::") return true;
  const bool both_v4 =
      wanted.host.find(':') == std::string::npos && other.host.find(':') == std::string::npos;
  return both_v4 ? is_any(wanted.host) || is_any(other.host) : wanted.host == "::";
}

void look_at_ports(const Settings& settings, const Holder& holder, Findings& findings) {
  auto all = listening_sockets(text_of_file("/proc/net/tcp"));
  for (auto& socket : listening_sockets(text_of_file("/proc/net/tcp6")))
    all.push_back(std::move(socket));
  for (const auto& listener : settings.listeners)
    look_at_port(listener.name, "listeners." + listener.name + ".bind", listener.bind, all, holder,
                 findings);
  look_at_port("admin", "admin.bind", settings.admin.bind, all, holder, findings);
}

void look_at_certificates(const Settings& settings, std::int64_t now_ms, Findings& findings) {
  for (const auto& listener : settings.listeners)
    if (listener.tls)
      for (const auto& files : listener.tls->options.certificates)
        look_at_certificate(listener.name, files, now_ms, findings);
  if (settings.admin.tls)
    for (const auto& files : settings.admin.tls->certificates)
      look_at_certificate("admin", files, now_ms, findings);
}

}  // namespace sluice::app
