// Dead letters are looked for: by a filter, and so that no call goes through all of them.
#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "connect/dead_letters.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostPerPage = 1000;

}  // namespace

Result<DeadLetters::Walked> DeadLetters::walk(std::string_view task_id, std::string_view after,
                                              const LetterFilter& filter, VisitLetter visit) const {
  const auto prefix = letters_prefix(task_id);
  Walked walked{.looked_at = std::string(after)};
  std::size_t bytes = 0;
  SL_TRY_VOID(store_.scan_behind(store::StateKind::DeadLetter, prefix, prefix + std::string(after),
                                 [&](std::string_view key, std::string_view saved) {
                                   const auto digits = key.substr(prefix.size());
                                   walked.at_end = bytes < looks_at_ && (!matches(filter, saved) ||
                                                                         visit(digits, saved));
                                   if (!walked.at_end) return false;
                                   bytes += saved.size();
                                   walked.looked_at = digits;
                                   return true;
                                 }));
  return walked;
}

Result<json::object> DeadLetters::page(std::string_view task_id, std::size_t limit,
                                       std::string_view after, const LetterFilter& filter) const {
  limit = std::clamp<std::size_t>(limit, 1, kMostPerPage);
  json::array items;
  SL_TRY(walked, walk(task_id, after, filter, [&](std::string_view, std::string_view saved) {
           if (items.size() == limit) return false;
           json::error_code error;
           auto item = json::parse(saved, error);
           if (!error) items.push_back(std::move(item));
           return true;
         }));
  json::object page{{"items", std::move(items)}, {"next", nullptr}};
  if (!walked.at_end) page["next"] = walked.looked_at;
  return page;
}

Result<DeadLetters::Found> DeadLetters::search(std::string_view task_id, model::Position after,
                                               std::size_t limit,
                                               const LetterFilter& filter) const {
  Found found;
  const auto behind = letter_key(task_id, after).substr(letters_prefix(task_id).size());
  SL_TRY(walked,
         walk(task_id, behind, filter, [&](std::string_view digits, std::string_view saved) {
           if (found.positions.size() == limit) return false;
           found.positions.push_back(position_in(digits));
           found.bytes += saved.size();
           return true;
         }));
  found.looked_at = position_in(walked.looked_at);
  found.at_end = walked.at_end;
  return found;
}

}  // namespace sluice::connect
