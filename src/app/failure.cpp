#include "app/failure.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <string>

#include "base/escape.hpp"

namespace sluice::app {

int fail_with(std::string_view sentence) {
  std::string line;
  append_escaped(line, sentence, EscapeFor::Terminal);
  fmt::print(stderr, "sluice: {}\n", line);
  return 1;
}

}  // namespace sluice::app
