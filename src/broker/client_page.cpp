#include "broker/client_page.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::broker {
namespace {

using Row = ClientPage::Row;

auto place_of(const Row& row) {
  return std::pair(std::string_view(row.client_id), std::string_view(row.filter));
}

bool stands_before(const Row& a, const Row& b) {
  return place_of(a) < place_of(b);
}

std::size_t bytes_of(const Row& row) {
  return row.client_id.size() + row.filter.size();
}

}  // namespace

bool ClientPage::add(std::string_view client_id, std::string_view filter,
                     FunctionRef<boost::json::object()> show) {
  if (end_ && std::pair(client_id, filter) >=
                  std::pair(std::string_view(end_->first), std::string_view(end_->second)))
    return false;
  rows_.push_back(
      {.client_id = std::string(client_id), .filter = std::string(filter), .shown = show()});
  bytes_ += bytes_of(rows_.back());
  std::ranges::push_heap(rows_, stands_before);
  while (rows_.size() > limit_ || (bytes_ > most_bytes_ && rows_.size() > 1)) {
    std::ranges::pop_heap(rows_, stands_before);
    bytes_ -= bytes_of(rows_.back());
    end_.emplace(std::move(rows_.back().client_id), std::move(rows_.back().filter));
    rows_.pop_back();
  }
  return true;
}

ClientPage::Whole ClientPage::merge(std::vector<ClientPage> pages, std::size_t limit,
                                    std::size_t most_bytes) {
  // Behind the first that any of them has left out, something may be missing.
  ClientPage all(limit, most_bytes);
  for (auto& page : pages)
    if (page.end_ && (!all.end_ || *page.end_ < *all.end_)) all.end_ = std::move(page.end_);
  for (auto& page : pages)
    for (auto& row : page.rows_)
      all.add(row.client_id, row.filter, [&] { return std::move(row.shown); });
  std::ranges::sort(all.rows_, stands_before);
  return {.rows = std::move(all.rows_), .more = all.end_.has_value()};
}

}  // namespace sluice::broker
