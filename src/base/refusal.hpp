#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/schema.hpp"

namespace sluice {

// Why a request about an entity was refused, with all that problem JSON (RFC 9457) needs to tell.
struct Refusal {
  Errc errc = Errc::InvalidArgument;
  std::string code;  // stable, for programs: `name_taken`, `connection_in_use`, `invalid_document`
  std::string detail;                        // for a person: what is wrong
  std::string hint;                          // for a person: what to do
  std::vector<schema::Problem> fields = {};  // where in the document
};

template <class T>
using Outcome = tl::expected<T, Refusal>;

[[nodiscard]] inline tl::unexpected<Refusal> refuse(Refusal refusal) {
  return tl::unexpected<Refusal>(std::move(refusal));
}

}  // namespace sluice
