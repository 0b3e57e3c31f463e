// Policies as they are decided on: interface.md's document, parsed once.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/json/object.hpp>

#include "base/function_ref.hpp"
#include "base/guarded.hpp"
#include "base/schema.hpp"
#include "broker/access_control.hpp"

namespace sluice::broker {

// A name as policies write it: exact, or a beginning when it ends in `*`.
struct NamePattern {
  std::string text;
  bool is_prefix = false;
  [[nodiscard]] bool matches(std::string_view name) const {
    return is_prefix ? name.starts_with(text) : name == text;
  }
  // Whether some name matches both.
  [[nodiscard]] bool may_meet(const NamePattern& other) const {
    if (!is_prefix) return other.matches(text);
    return matches(other.text) || (other.is_prefix && other.matches(text));
  }
};

// An address or a CIDR range. IPv4 in IPv6's clothes counts as IPv4.
class Network {
 public:
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);
  [[nodiscard]] bool contains(const boost::asio::ip::address& address) const;
  [[nodiscard]] bool may_meet(const Network& other) const;  // one of them lies in the other

 private:
  bool is_v4_ = true;
  boost::asio::ip::network_v4 v4_;
  boost::asio::ip::network_v6 v6_;
};

// A topic filter with variables in it.
//
// A value with `+ # /`, a leading `$` or nothing in it is never put into a filter: an allow then
// matches nothing, and a deny matches all that any value could have made of it.
class ResourceTemplate {
 public:
  // A problem's text when it cannot be read.
  [[nodiscard]] static Result<ResourceTemplate> parse(std::string_view text);

  struct Filled {
    std::string filter;
    bool everything = false;  // beyond what `#` matches: `$`-topics too
  };
  [[nodiscard]] std::optional<Filled> fill_for_allow(const Client& client) const;
  [[nodiscard]] Filled fill_for_deny(const Client& client) const;
  [[nodiscard]] bool has_variables() const;  // false: it is the same filter for every client
  // A filter that covers it for every client: a level with a variable in it is `+`.
  [[nodiscard]] std::string widest() const;

 private:
  enum class Kind : std::uint8_t { Text, ClientId, Username };
  struct Piece {
    Kind kind = Kind::Text;
    std::string text;
  };
  [[nodiscard]] static std::string_view value_of(const Piece& piece, const Client& client);
  [[nodiscard]] static bool is_safe(const Piece& piece, const Client& client);

  std::vector<Piece> pieces_;
};

struct Policy {
  boost::json::object document;  // as it is shown and stored
  std::string id;
  std::string name;
  bool allow = false;
  bool connect = false;
  bool publish = false;
  bool subscribe = false;
  std::vector<ResourceTemplate> resources;
  std::vector<NamePattern> users;
  std::vector<NamePattern> client_ids;
  std::vector<Network> sources;
  std::vector<NamePattern> listeners;
  std::uint8_t qos_mask = 0b111;
  bool retained = true;
  bool general = true;

  // Does it say anything about this client? A deny does when an address cannot be read, or when it
  // is not known through which listener the client came.
  [[nodiscard]] bool concerns(const Client& client) const;
  [[nodiscard]] bool has_variables() const;  // one of its resources has
};
using PolicyPtr = std::shared_ptr<const Policy>;

// Whether there may be a client and something it does on which both speak: rather yes than no.
[[nodiscard]] bool may_meet(const Policy& one, const Policy& other);

// Each name in `listeners` of a document that is none of `known`, nor `admin`.
void check_policy_listeners(const boost::json::object& document,
                            const std::vector<std::string>& known,
                            std::vector<schema::Problem>& problems);

// What schema::check cannot say, added to `problems`. `document` has passed the check.
void check_policy(const boost::json::object& document, std::vector<schema::Problem>& problems);

// Contract: `document` has no problems.
[[nodiscard]] Policy policy_from(const boost::json::object& document);

// All policies of one generation. Immutable, but for what it remembers of them.
//
// Threads: any.
class PolicySet {
 public:
  explicit PolicySet(std::map<std::string, PolicyPtr> by_name);
  [[nodiscard]] const std::map<std::string, PolicyPtr>& by_name() const { return by_name_; }
  [[nodiscard]] PolicyPtr find(std::string_view which) const;  // id or name
  // Those that could concern the client, by name.
  [[nodiscard]] std::vector<const Policy*> candidates(const Client& client) const;
  // What these policies come to for every client whom they concern: made once, then the same
  // object. Very many clients have the same few policies.
  [[nodiscard]] PermissionsPtr shared(const std::vector<const Policy*>& concerning,
                                      FunctionRef<PermissionsPtr()> make) const;

 private:
  static constexpr std::size_t kMaximumShared = 1000;
  std::map<std::string, PolicyPtr> by_name_;
  std::map<std::string, std::vector<const Policy*>, std::less<>> by_user_;  // users named exactly
  std::vector<const Policy*> of_any_user_;
  mutable Guarded<std::map<std::vector<const Policy*>, PermissionsPtr>> shared_;
};

}  // namespace sluice::broker
