// SPDX-License-Identifier: Apache-2.0
//
// Sleeping on a word, by futex(2). std::atomic::wait is not used: the standard library of GCC spins
// with sched_yield before it sleeps, and under a scheduler with deadlines a thread that yields on a
// busy machine comes back a whole turn late (measured: about one yield a commit, 1 ms each).
#ifndef METARING_KVNODE_BASE_FUTEX_H_
#define METARING_KVNODE_BASE_FUTEX_H_

#include <atomic>
#include <cstdint>

namespace metaring {

// Sleeps until `word` is not `expected`, or without cause; so callers loop.
void FutexWait(const std::atomic<uint32_t>& word, uint32_t expected);

// Wakes one sleeper. Uses nothing of the word but its address, so the word may be gone by now: then
// whoever sleeps on that address wakes without cause.
void FutexWakeOne(const std::atomic<uint32_t>& word);

}  // namespace metaring

#endif  // METARING_KVNODE_BASE_FUTEX_H_
