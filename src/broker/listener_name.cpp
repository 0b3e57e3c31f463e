#include "broker/listener_name.hpp"

#include <functional>
#include <set>

#include "base/guarded.hpp"

namespace sluice::broker {

ListenerName::ListenerName(std::string_view text) {
  if (text.empty()) return;
  using Texts = std::set<std::string, std::less<>>;
  static Guarded<Texts> all;
  text_ = all.with([&](Texts& texts) {
    const auto found = texts.find(text);
    return &(found == texts.end() ? *texts.emplace(text).first : *found);
  });
}

}  // namespace sluice::broker
