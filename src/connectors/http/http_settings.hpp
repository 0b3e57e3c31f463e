#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"
#include "connect/registry.hpp"
#include "io/http_client.hpp"
#include "io/tls_probe.hpp"

namespace sluice::connectors::http {

// `settings` of a connection, understood.
struct Target {
  io::Url url;
  io::TlsIdentity identity;
  io::HttpHeaders headers;           // with the one that says who we are
  std::vector<std::string> secrets;  // of the headers: what no reason may show
  std::chrono::milliseconds timeout{10'000};
};
// Contract: checked.
[[nodiscard]] Target target_of(const boost::json::object& settings);

void check_settings(const boost::json::object& settings, std::vector<schema::Problem>& problems);
void check_change(const boost::json::object& before, const boost::json::object& after,
                  const boost::json::object& given, std::vector<schema::Problem>& problems);
void check_sink(const boost::json::object& sink, std::vector<schema::Problem>& problems);
void mask_headers(boost::json::object& settings);
[[nodiscard]] std::vector<connect::VerifyStep> verify(const boost::json::object& settings,
                                                      std::string_view topic);

}  // namespace sluice::connectors::http
