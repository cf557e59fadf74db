// SPDX-License-Identifier: Apache-2.0
//
// What the thread that waits for an answer is about to do: go on, run a signal handler, or end.
//
// For any signal the kernel sends one FUSE_INTERRUPT a request, the first time, and does not say
// which signal it was: a timer of a progress bar looks like kill -9, and a kill -9 that follows the
// timer is not told at all. But the request names the thread, which is blocked until we answer, and
// proc(5) shows what is pending for it.
#ifndef METARING_FUSEFS_MOUNT_CALLER_STATE_H_
#define METARING_FUSEFS_MOUNT_CALLER_STATE_H_

#include <sys/types.h>

#include <string_view>

namespace metaring::fusefs::mount {

enum class CallerState {
  kWaits,         // nothing is pending that would do anything now
  kSignalled,     // a handler of its own will run
  kEnds,          // a signal ends it, or has ended it and its files are being closed
  kExits,         // it ends by itself and its files are being closed
  kExitsSomehow,  // one of the two: why cannot be seen
  kUnknown,       // it cannot be seen: of another pid namespace, or /proc is hidden
};

// From the texts of /proc/TID/status and /proc/TID/stat.
CallerState ParseCallerState(std::string_view status, std::string_view stat);

// Of thread `tid`, now.
CallerState CallerStateOf(pid_t tid);

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_CALLER_STATE_H_
