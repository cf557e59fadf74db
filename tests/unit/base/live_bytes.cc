// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/base/live_bytes.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

size_t g_live_bytes = 0;

void Free(void* p) {
  if (p != nullptr) g_live_bytes -= malloc_usable_size(p);
  std::free(p);
}

}  // namespace

void* operator new(size_t size) {
  void* p = std::malloc(size);
  if (p == nullptr) std::abort();
  g_live_bytes += malloc_usable_size(p);
  return p;
}
void operator delete(void* p) noexcept {
  Free(p);
}
void operator delete(void* p, size_t) noexcept {
  Free(p);
}

namespace metaring {

size_t LiveBytes() {
  return g_live_bytes;
}

}  // namespace metaring
