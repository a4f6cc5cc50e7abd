#pragma once

#include <cstdio>
#include <cstdlib>

/// Our own fault: on in every build, ends the process. Never used for what a peer or operator
/// sends.
#define MERIDIAN_CHECK(condition)                                                        \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
