// Lists of records that are kept (kept_records.hpp), newest first: what they are asked for, and a
// page of them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "admin/kept_records.hpp"
#include "admin/page.hpp"
#include "admin/route.hpp"

namespace sluice::admin {

// The answer to a wrong one; nothing when it is right, or not there.
[[nodiscard]] std::optional<Response> read_time(const Call& call, const std::string& name,
                                                std::optional<std::int64_t>& time);
[[nodiscard]] std::optional<std::uint64_t> read_number(std::string_view text);
// `limit`, and where the page before ended.
struct RecordPage {
  std::size_t limit = 50;
  std::uint64_t before = UINT64_MAX;
};
[[nodiscard]] tl::expected<RecordPage, Response> record_page(const Call& call);

[[nodiscard]] Response records_response(Result<KeptRecords::Page> page);
[[nodiscard]] Response store_problem(const Error& error);

}  // namespace sluice::admin
