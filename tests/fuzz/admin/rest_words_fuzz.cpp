// What of a request the API reads itself: the path with its query, and names that stand twice in a
// document. Whatever the bytes: what was decoded means the same when it is encoded again, and no
// path has a part that leads out of the tree.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "admin/duplicate_names.hpp"
#include "admin/target.hpp"

namespace {

using namespace sluice::admin;  // a fuzzer has no other names

void check_target(std::string_view text) {
  const auto target = parse_target(text);
  if (!target) return;
  std::string again;
  for (const auto& part : target->parts) again += "/" + percent_encode(part);
  if (!target->verb.empty()) again += ":" + percent_encode(target->verb);
  if (target->parts.empty()) return;
  const auto second = parse_target(again);
  if (!second || second->parts != target->parts || second->verb != target->verb) std::abort();
  const auto decoded = percent_decode(percent_encode(text));
  if (!decoded || *decoded != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 2 == 0) {
    check_target(input);
  } else if (duplicate_names(input, 32).size() > 10) {
    std::abort();
  }
  return 0;
}
