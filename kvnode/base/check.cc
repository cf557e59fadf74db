// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace metaring {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "metaring: broken invariant at %s:%d: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace metaring
