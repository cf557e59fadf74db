// SPDX-License-Identifier: Apache-2.0
//
// The names of Clang's thread-safety analysis (clang.llvm.org/docs/ThreadSafetyAnalysis.html).
// They mean nothing to other compilers; the `clang` preset makes every violation an error.
#ifndef METARING_KVNODE_BASE_THREAD_ANNOTATIONS_H_
#define METARING_KVNODE_BASE_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define METARING_ANNOTATION(x) __attribute__((x))
#else
#define METARING_ANNOTATION(x)
#endif

#define CAPABILITY(x) METARING_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY METARING_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) METARING_ANNOTATION(guarded_by(x))
#define PT_GUARDED_BY(x) METARING_ANNOTATION(pt_guarded_by(x))
#define REQUIRES(...) METARING_ANNOTATION(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) METARING_ANNOTATION(requires_shared_capability(__VA_ARGS__))
#define ACQUIRE(...) METARING_ANNOTATION(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) METARING_ANNOTATION(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) METARING_ANNOTATION(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) METARING_ANNOTATION(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) METARING_ANNOTATION(release_generic_capability(__VA_ARGS__))
#define EXCLUDES(...) METARING_ANNOTATION(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS METARING_ANNOTATION(no_thread_safety_analysis)

#endif  // METARING_KVNODE_BASE_THREAD_ANNOTATIONS_H_
