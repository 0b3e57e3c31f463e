#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "admin/http.hpp"

namespace sluice::admin {

// What the build put into this program (console/tools/pack.mjs); empty: it was built without.
[[nodiscard]] std::string_view console_pack();

// The files of the web console, which begins at `/`.
//
// Owns:    where each file is in the pack; the pack outlives it.
// Threads: any.
// See:     docs/adr/0050-console.md
class Console {
 public:
  explicit Console(std::string_view pack);

  // None: not a path of the console. Each of its own pages has a path of its own, which is asked
  // for by a browser alone: programs get a problem document there.
  [[nodiscard]] std::optional<Response> answer(const Request& request) const;

 private:
  struct File {
    std::string etag;  // with its quotes
    bool is_compressed = false;
    std::string content_type;
    std::string_view body;
  };
  [[nodiscard]] static Response file(const File& file, const Request& request, bool is_hashed);
  [[nodiscard]] Response page(std::string_view path, const Request& request) const;

  std::map<std::string, File, std::less<>> files_;  // by path, without the first slash
};

}  // namespace sluice::admin
