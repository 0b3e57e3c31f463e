#pragma once
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/refusal.hpp"
#include "base/schema.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// What the server adds to every entity (`id`, `created`, `updated`), without which a document is as
// it was sent.
[[nodiscard]] boost::json::object without_additions(const boost::json::object& document);

// What one kind of rules is called, where it is kept and what its documents must be like.
struct DocumentKind {
  std::string_view noun;    // "block rule"
  std::string_view prefix;  // of its keys, "block-rule/"
  const schema::Fields& (*fields)() = nullptr;
  // What the fields cannot say. `document` has passed their check.
  void (*check)(const boost::json::object& document,
                std::vector<schema::Problem>& problems) = nullptr;
  // The same of those that come or change: earlier versions may have kept others.
  void (*check_new)(const boost::json::object& document,
                    std::vector<schema::Problem>& problems) = nullptr;
  std::size_t maximum = 1000;
};

// The fields that every kind begins with.
[[nodiscard]] schema::Field rule_name_field();
[[nodiscard]] schema::Field rule_description_field();

// A list of texts, which the fields' check has seen.
[[nodiscard]] std::vector<std::string> texts_in(const boost::json::value& list);

// Rules of one kind as an administrator makes them: documents with a `name`, kept in the store,
// with `id`, `created` and `updated` added.
//
// Owns:    the documents of its kind under StateKind::Document.
// Threads: every call from any thread; those that change something block until it is durable.
class NamedDocuments {
 public:
  using All = std::vector<boost::json::object>;  // by name
  // Gets all of them, after load() and each change, on the thread that made it.
  using Listener = std::function<void(const All&)>;

  NamedDocuments(store::Store& store, const Clock& clock, const DocumentKind& kind,
                 Listener changed);

  [[nodiscard]] Result<void> load();
  [[nodiscard]] All all() const;
  // `which`: a name or an id.
  [[nodiscard]] Outcome<boost::json::object> find(std::string_view which) const;
  [[nodiscard]] Outcome<boost::json::object> create(const boost::json::object& document);
  // The whole document anew; another name is a rename.
  [[nodiscard]] Outcome<boost::json::object> replace(std::string_view which,
                                                     const boost::json::object& document);
  [[nodiscard]] Outcome<void> remove(std::string_view which);

 private:
  [[nodiscard]] Outcome<boost::json::object> checked(const boost::json::object& document,
                                                     bool is_new) const;
  void publish(All all);

  store::Store& store_;
  const Clock& clock_;
  const DocumentKind kind_;
  const Listener changed_;
  std::mutex changing_;
  Guarded<All> all_;
};

}  // namespace sluice::broker
