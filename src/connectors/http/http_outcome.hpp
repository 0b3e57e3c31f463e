#pragma once
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connect/sink.hpp"

namespace sluice::connectors::http {

// What a status says about the records of a request.
//
// 2xx: delivered. 400, 409, 410, 413, 415, 422: refused for good, as they stand. Everything else
// can pass or be mended on the other side (401 and 404 too: a wrong token is no reason to throw
// messages out), so that the task waits and says why.
[[nodiscard]] connect::Verdict verdict_of(unsigned status);

// The statuses of single records in an answer to a request of many: {"results": [200, 422, ...]},
// as many as there were records. Nothing: it speaks of none.
[[nodiscard]] std::optional<std::vector<unsigned>> results_in(std::string_view body,
                                                              std::size_t records);

// Retry-After in seconds, an hour at most. Dates are not read: the clocks may differ.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after(std::string_view header);

// The beginning of an answer on one line, for a person. What it repeats of our secrets is `***`.
[[nodiscard]] std::string reason_of(unsigned status, std::string_view body,
                                    std::span<const std::string> secrets);

}  // namespace sluice::connectors::http
