#include "base/result.hpp"

namespace sluice {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::InvalidArgument:
      return "invalid_argument";
    case Errc::NotFound:
      return "not_found";
    case Errc::AlreadyExists:
      return "already_exists";
    case Errc::WrongState:
      return "wrong_state";
    case Errc::NotAuthorized:
      return "not_authorized";
    case Errc::Overloaded:
      return "overloaded";
    case Errc::NoSpace:
      return "no_space";
    case Errc::Closed:
      return "closed";
    case Errc::Corrupt:
      return "corrupt";
    case Errc::IoFailed:
      return "io_failed";
    case Errc::Timeout:
      return "timeout";
    case Errc::Unavailable:
      return "unavailable";
    case Errc::Unsupported:
      return "unsupported";
  }
  return "unknown";
}

}  // namespace sluice
