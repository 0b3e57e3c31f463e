// What no single field can say.
#include <array>
#include <fmt/format.h>
#include <map>

#include <boost/json/serialize.hpp>

#include "app/access_settings.hpp"
#include "app/listener_settings.hpp"
#include "app/settings.hpp"
#include "base/json_text.hpp"

namespace sluice::app {
namespace {

namespace json = boost::json;
using schema::Problem;

// A setting that can be written but has one value that works: refused, never silently ignored.
struct NotServed {
  std::string_view pointer;
  std::string_view only;  // JSON; empty: it must not be given
  std::string_view why;
};

constexpr std::array kNotServed = {
    NotServed{"/store/engine", R"("embedded")", "the rocketmq engine is not in this version"},
};

const json::value* value_at(const json::object& values, std::string_view pointer) {
  const auto* object = &values;
  const json::value* value = nullptr;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const auto name = pointer.substr(0, pointer.find('/'));
    value = object == nullptr ? nullptr : object->if_contains(name);
    if (value == nullptr) return nullptr;
    object = value->if_object();
    pointer.remove_prefix(name.size());
  }
  return value;
}

void check_not_served(const json::object& values, std::vector<Problem>& problems) {
  for (const auto& [pointer, only, why] : kNotServed) {
    const auto* value = value_at(values, pointer);
    if (value == nullptr) continue;
    if (only.empty()) {
      problems.push_back({std::string(pointer), fmt::format("must not be set: {}", why)});
    } else if (json::serialize(*value) != only) {
      problems.push_back({std::string(pointer), fmt::format("must be {}: {}", only, why)});
    }
  }
}

// Two that want the same port: found before either listens.
void check_same_address(const json::object& values, std::vector<Problem>& problems) {
  std::map<std::string, std::string> taken;  // address -> dotted name
  const auto add = [&](const std::string& pointer, const json::object& holder) {
    const auto bind = parse_bind_address(text_at(holder, "bind"));
    const auto* enabled = holder.if_contains("enabled");
    if (!bind || bind->port == 0 || (enabled != nullptr && *enabled != true)) return;
    const auto [it, is_new] = taken.emplace(bind->text(), dotted(pointer));
    if (is_new) return;
    problems.push_back(
        {pointer, fmt::format("must not be {}, which is {} already", it->first, it->second)});
  };
  if (const auto* admin = value_at(values, "/admin"); admin != nullptr && admin->is_object()) {
    add("/admin/bind", admin->get_object());
  }
  const auto* listeners = value_at(values, "/listeners");
  if (listeners == nullptr || !listeners->is_object()) return;
  for (const auto& listener : listeners->get_object()) {
    if (!listener.value().is_object()) continue;
    add(schema::child_pointer("/listeners", listener.key()) + "/bind",
        listener.value().get_object());
  }
}

void check_packet_fits(const json::object& values, std::vector<Problem>& problems) {
  const auto* packet = value_at(values, "/mqtt/maximum_packet_size");
  const auto* segment = value_at(values, "/store/segment_bytes");
  if (packet == nullptr || segment == nullptr || !packet->is_int64() || !segment->is_int64()) {
    return;
  }
  const auto most = segment->get_int64() / 4;
  if (packet->get_int64() <= most) return;
  problems.push_back(
      {"/mqtt/maximum_packet_size",
       fmt::format("must be at most {}, a quarter of store.segment_bytes ({}), not {}",
                   schema::bytes_text(most), schema::bytes_text(segment->get_int64()),
                   schema::bytes_text(packet->get_int64()))});
}

void check_admin(const json::object& values, std::vector<Problem>& problems) {
  const bool has_certificate = value_at(values, "/admin/certificate") != nullptr;
  const bool has_key = value_at(values, "/admin/key") != nullptr;
  if (has_certificate && !has_key)
    problems.push_back({"/admin/key", "is missing: admin.certificate is set"});
  if (has_key && !has_certificate)
    problems.push_back({"/admin/certificate", "is missing: admin.key is set"});
}

// A client of one listener is never promised what the broker does not take from any.
void check_listener_packets_fit(const json::object& values, const json::object& listeners,
                                std::vector<Problem>& problems) {
  const auto* of_all = value_at(values, "/mqtt/maximum_packet_size");
  if (of_all == nullptr || !of_all->is_int64()) return;
  for (const auto& listener : listeners) {
    const auto* settings = listener.value().if_object();
    const auto* own = settings ? settings->if_contains("maximum_packet_size") : nullptr;
    if (own == nullptr || !own->is_int64() || own->get_int64() <= of_all->get_int64()) continue;
    problems.push_back(
        {schema::child_pointer("/listeners", listener.key()) + "/maximum_packet_size",
         fmt::format("must be at most {}, which is mqtt.maximum_packet_size, not {}",
                     schema::bytes_text(of_all->get_int64()),
                     schema::bytes_text(own->get_int64()))});
  }
}

}  // namespace

std::vector<Problem> check_setting_rules(const json::object& values) {
  std::vector<Problem> problems;
  check_not_served(values, problems);
  check_admin(values, problems);
  check_access(values, problems);
  if (const auto* listeners = value_at(values, "/listeners");
      listeners != nullptr && listeners->is_object()) {
    for (const auto& listener : listeners->get_object()) {
      if (!listener.value().is_object()) continue;
      check_listener(listener.key(), listener.value().get_object(), problems);
    }
    check_listener_packets_fit(values, listeners->get_object(), problems);
  }
  check_same_address(values, problems);
  check_packet_fits(values, problems);
  return problems;
}

}  // namespace sluice::app
