// SPDX-License-Identifier: Apache-2.0
//
// What a program holds on the heap, as the allocator rounds it up. A test that links live_bytes.cc
// has its operator new and delete replaced, so it is a program of its own, with one thread, and not
// one of ThreadSanitizer's, which has an operator new that cannot be replaced.
#ifndef METARING_TESTS_UNIT_BASE_LIVE_BYTES_H_
#define METARING_TESTS_UNIT_BASE_LIVE_BYTES_H_

#include <cstddef>

namespace metaring {

size_t LiveBytes();

}  // namespace metaring

#endif  // METARING_TESTS_UNIT_BASE_LIVE_BYTES_H_
