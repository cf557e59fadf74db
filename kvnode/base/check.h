// SPDX-License-Identifier: Apache-2.0
//
// CHECK: the assertion that is always on. For a broken invariant of our own, never for bad input:
// it prints the condition and its place to stderr and aborts, because state that may be wrong must
// not be served.
#ifndef METARING_KVNODE_BASE_CHECK_H_
#define METARING_KVNODE_BASE_CHECK_H_

namespace metaring {

[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace metaring

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) [[unlikely]]                             \
      ::metaring::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)

#endif  // METARING_KVNODE_BASE_CHECK_H_
