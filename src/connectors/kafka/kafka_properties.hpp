// `properties` of a connection: which of the client library's or of Java's may be set, what each
// becomes, and why the others may not.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"
#include "connectors/kafka/kafka_client.hpp"

namespace sluice::connectors::kafka {

// Nothing that names files, runs programs, loads code or weakens verification passes. Pointers are
// under `/settings/properties`.
void check_properties(const boost::json::object& given, std::vector<schema::Problem>& problems);
// In the library's names. Contract: checked.
void add_properties(const boost::json::object& given, Properties& out);
// Hides the secrets that stand in `properties` of these settings.
void mask_properties(boost::json::object& settings);

// User name and password out of `sasl.jaas.config`: password logins only, for a JAAS line can name
// any class, and others have run code by that.
struct Login {
  std::string username, password;
};
[[nodiscard]] std::optional<Login> parse_jaas(std::string_view line);

// PEM as people paste it into one line, with `\n` written out.
[[nodiscard]] std::string real_line_breaks(std::string_view text);

}  // namespace sluice::connectors::kafka
