// Result<T>: how Sluice reports failures that a correct program must handle.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace sluice {

// What went wrong, coarsely enough to decide on: each boundary maps it once to a reason code, an
// HTTP status or a log level. `Unavailable`, `Timeout` and `Overloaded` are worth a retry.
enum class Errc : std::uint8_t {
  InvalidArgument,  // what was asked can never work as it stands
  NotFound,
  AlreadyExists,
  WrongState,     // would work in another state of the thing
  NotAuthorized,  // who asked may not
  Overloaded,     // a bound of ours is reached; later
  NoSpace,        // the disk is full; service returns when space does
  Closed,         // ended for good, until restart
  Corrupt,        // bytes that are not what was written
  IoFailed,
  Timeout,
  Unavailable,  // the other side is away
  Unsupported,
};

struct Error {
  Errc code = Errc::IoFailed;
  std::string detail;  // For a person. Never parsed, never matched on in tests.
};

template <class T, class E = Error>
using Result = tl::expected<T, E>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string_view detail = {}) {
  return tl::unexpected<Error>(Error{code, std::string(detail)});
}

// Stable, lower-case name of an error code: `no_space`.
[[nodiscard]] std::string_view name_of(Errc code);

}  // namespace sluice

// Bind `var` to the value of `expr`, or return its error from the enclosing function.
#define SL_TRY(var, expr)                                                      \
  auto var##_result_ = (expr);                                                 \
  if (!var##_result_) return tl::unexpected(std::move(var##_result_).error()); \
  auto& var = *var##_result_

// Return the error of `expr`, whose value is void or not wanted, from the enclosing function.
#define SL_TRY_VOID(expr)                                                    \
  do {                                                                       \
    auto try_result_ = (expr);                                               \
    if (!try_result_) return tl::unexpected(std::move(try_result_).error()); \
  } while (false)
