// SPDX-License-Identifier: Apache-2.0
//
// KernelIo: sits between libfuse and /dev/fuse, for what libfuse 3.14 can neither ask for nor pass
// on.
//
// libfuse lets a program read requests and write replies itself (fuse_session_custom_io). Here this
// is used for three things, all in the protocol of linux/fuse.h:
//  - The INIT reply gets the flags FUSE_HANDLE_KILLPRIV_V2, FUSE_SETXATTR_EXT and
//    FUSE_PARALLEL_DIROPS when the kernel offers them. With the first the kernel leaves the
//    clearing of set-user-ID bits to us and says when; without it, it asks for the file's mode and
//    capabilities around every write. The last libfuse takes, and does not pass on: the kernel then
//    makes the lookups of a directory wait for each other, in a sleep that no kill ends.
//  - Fields of a request that libfuse drops (write_flags, FATTR_KILL_SUIDGID, open_flags,
//    setxattr_flags) are kept for its handler.
//  - Requests are counted by opcode.
#ifndef METARING_FUSEFS_MOUNT_KERNEL_IO_H_
#define METARING_FUSEFS_MOUNT_KERNEL_IO_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace metaring::fusefs::mount {

// What libfuse does not pass on of a request.
struct RequestExtras {
  bool kill_suidgid = false;   // WRITE, SETATTR, OPEN, CREATE: the caller may not keep these bits
  bool acl_kill_sgid = false;  // SETXATTR of an access ACL: the caller is outside the file's group
  uint64_t init_unique = 0;    // INIT: its number
  uint32_t init_offered = 0;   // INIT: the flags in it
};
// Of the request that the calling code answers (request_loop.cc).
const RequestExtras& CurrentRequestExtras();

// Thread-safe. One for a session.
class KernelIo {
 public:
  // Looks at the request in `buffer`, fills in its extras, and returns its length, which differs
  // when a field that libfuse does not know was taken out. Anything too short to be its opcode's
  // request is left alone.
  size_t Inspect(char* buffer, size_t length, RequestExtras& extras);
  // Adds our flags to the reply to INIT, whose extras these are; any other reply is left alone.
  void Amend(const iovec* parts, int count, const RequestExtras& extras);

  // Whether the kernel agreed to FUSE_HANDLE_KILLPRIV_V2 (known after INIT).
  bool handles_killpriv() const { return killpriv_agreed_; }
  // "LOOKUP 12 GETATTR 3 ...", the busiest first: for the debug log at the end of a mount.
  std::string DescribeCounts() const;

 private:
  static constexpr size_t kOpcodesMax = 64;  // larger ones are counted as the last
  size_t InspectSetxattr(char* buffer, size_t length, RequestExtras& extras);

  // Both move once, at INIT, before any other request is served.
  std::atomic<bool> killpriv_agreed_{false};
  std::atomic<bool> setxattr_extended_{false};
  std::array<std::atomic<uint64_t>, kOpcodesMax> counts_{};
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_KERNEL_IO_H_
