// SPDX-License-Identifier: Apache-2.0
//
// Which sanitizer this is compiled for: METARING_ASAN and METARING_TSAN are 1 or 0. gcc says so by
// macros, clang by features (before its version 20, by those alone).
#ifndef METARING_KVNODE_BASE_SANITIZERS_H_
#define METARING_KVNODE_BASE_SANITIZERS_H_

#if defined(__has_feature)
#define METARING_HAS_FEATURE(feature) __has_feature(feature)
#else
#define METARING_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || METARING_HAS_FEATURE(address_sanitizer)
#define METARING_ASAN 1
#else
#define METARING_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || METARING_HAS_FEATURE(thread_sanitizer)
#define METARING_TSAN 1
#else
#define METARING_TSAN 0
#endif

#endif  // METARING_KVNODE_BASE_SANITIZERS_H_
