#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "admin/identity.hpp"
#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/refusal.hpp"
#include "base/schema.hpp"
#include "store/store.hpp"

namespace sluice::admin {

// Bearer tokens for programs: named, of one account, with a role, an end and the parts of the API
// that they are for. Of the secret, 256 random bits behind the token's id, only a hash is kept.
//
// Owns:    documents `token/...`.
// Threads: any but an event loop; create() and remove() block until it is durable.
class Tokens {
 public:
  static constexpr std::size_t kMaximum = 1000;
  static constexpr std::string_view kPrefix = "sluice_";
  // How often a token's last use is written down; in between it is known to this process alone.
  static constexpr std::chrono::minutes kNotedEvery{1};

  Tokens(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  [[nodiscard]] Result<void> load();

  // What a token stands for.
  struct Grant {
    std::string name;
    std::string owner;     // as it is shown
    std::string owner_id;  // of the account; empty: made with the token in DATA/run
    Role role = Role::Viewer;
    std::vector<std::string> scope;  // empty: everything
    std::int64_t expires_ms = 0;     // wall time
  };
  // Nothing when it is none, or has expired. Notes that it was used.
  [[nodiscard]] std::optional<Grant> grant_of(std::string_view secret);

  // Documents with `id`, `owner`, `created`, `expires` and `last_used` added; `token`, the secret,
  // in the answer of create() alone. `which` is an id or a name. Tokens that have expired make room
  // for new ones.
  [[nodiscard]] Outcome<boost::json::object> create(const boost::json::object& document,
                                                    const Identity& creator);
  [[nodiscard]] std::vector<boost::json::object> all() const;  // by name
  [[nodiscard]] Outcome<boost::json::object> find(std::string_view which) const;
  // Whose it is.
  [[nodiscard]] std::optional<std::string> owner_id_of(std::string_view which) const;
  // How many that are good for something there are, by the owner's id.
  [[nodiscard]] std::map<std::string, std::size_t> counts() const;
  [[nodiscard]] Outcome<void> remove(std::string_view which);
  [[nodiscard]] Outcome<void> remove_of(std::string_view owner_id);

  [[nodiscard]] static const schema::Fields& fields();

 private:
  static constexpr std::string_view kDocuments = "token/";
  struct Token {
    std::string id;
    std::string hash;  // of the secret, hexadecimal
    std::string description;
    Grant grant;
    std::int64_t created_ms = 0;
    std::int64_t used_ms = 0;   // 0: never
    std::int64_t noted_ms = 0;  // of `used_ms`, as it is stored
  };
  using All = std::map<std::string, Token, std::less<>>;  // by id

  [[nodiscard]] static boost::json::object shown(const Token& token);
  [[nodiscard]] static std::string stored(const Token& token);
  [[nodiscard]] static std::optional<Token> parse(std::string_view text);
  [[nodiscard]] std::optional<Token> token(std::string_view which) const;
  [[nodiscard]] Outcome<Token> checked(const boost::json::object& document,
                                       const Identity& creator) const;
  void note_use(const Token& token);
  // Durable when it returns. With changing_ held.
  [[nodiscard]] Outcome<void> erase(const std::vector<std::string>& ids);

  store::Store& store_;
  const Clock& clock_;
  std::mutex changing_;  // held over the wait for durability
  Guarded<All> all_;
};

}  // namespace sluice::admin
