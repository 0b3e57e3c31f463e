#pragma once
#include <cstdio>
#include <cstdlib>

// An invariant: false means Sluice itself is wrong, so stop before more harm is done. Never for
// anything that a peer, a disk or a setting can cause.
#define SL_CHECK(cond)                                                              \
  do {                                                                              \
    if (!(cond)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond); \
      std::abort();                                                                 \
    }                                                                               \
  } while (false)

// Compiled in every build, so that it cannot rot, and evaluated only in debug builds.
#ifdef NDEBUG
#define SL_DCHECK(cond)      \
  do {                       \
    if (false) (void)(cond); \
  } while (false)
#else
#define SL_DCHECK(cond) SL_CHECK(cond)
#endif
