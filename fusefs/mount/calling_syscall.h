// SPDX-License-Identifier: Apache-2.0
//
// Did an attribute change come through a descriptor?
//
// A change by path (chmod, chown, utimensat) must be on disk when it returns; one through a
// descriptor that is open for writing (fchmod, fchown, futimens) may travel with the file's
// content. For tar or rsync that is the difference between two log writes a file and five. FUSE
// does not tell the two apart: SETATTR names the open file only for ftruncate. But the request
// names the calling thread, which is blocked in the system call until we answer, and
// /proc/TID/syscall says which call that is.
//
// What cannot be read (another user's process, a kernel without the file, a 32-bit or io_uring
// caller) counts as by path, which is always right and only slower.
#ifndef METARING_FUSEFS_MOUNT_CALLING_SYSCALL_H_
#define METARING_FUSEFS_MOUNT_CALLING_SYSCALL_H_

#include <sys/types.h>

#include <string_view>

namespace metaring::fusefs::mount {

// `line` as /proc/TID/syscall has it: the call's number in decimal, six arguments in hex, stack
// pointer and program counter; "running" or "-1 ..." when the thread is not in a call.
bool NamesDescriptorChange(std::string_view line);

// Whether thread `tid` is now in fchmod, fchown or a utimensat without a path.
bool CallsThroughDescriptor(pid_t tid);

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_CALLING_SYSCALL_H_
