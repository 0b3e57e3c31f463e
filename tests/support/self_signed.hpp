// Certificates made for a test, with their keys.
#pragma once
#include <string>

namespace sluice::test {

struct SelfSigned {
  std::string certificate_pem;
  std::string key_pem;
  std::string encrypted_key_pem;  // opened by `password`
  std::string password;
};
// For localhost and 127.0.0.1, valid for a day; another one each time.
[[nodiscard]] SelfSigned make_self_signed();

}  // namespace sluice::test
