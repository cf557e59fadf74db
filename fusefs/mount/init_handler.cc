// SPDX-License-Identifier: Apache-2.0
//
// What is asked of the kernel at INIT.
//
//  - POSIX_ACL, DONT_MASK: the kernel checks ACLs; a default ACL takes the umask's place, so the
//  umask
//    comes with each request and the operations apply it.
//  - READDIRPLUS, adaptive: a listing that is followed by stats brings the attributes with it.
//  - PARALLEL_DIROPS, ASYNC_READ, ASYNC_DIO: nothing here needs the kernel to queue them up.
//  - ATOMIC_O_TRUNC: open truncates; one request instead of two.
//  - CACHE_SYMLINKS: targets never change.
//  - EXPORT_SUPPORT: "." and ".." are looked up by number.
//  - No WRITEBACK_CACHE: with it the kernel keeps the times and the size of a file as its own truth
//  and
//    hands them over when it likes, so a close or an fsync of one file could not promise what this
//    mount does, and one log write at close already gathers all writes.
//  - No AUTO_INVAL_DATA: nobody else changes files, so cached pages are never out of date; of a
//    shared volume they are dropped at each open.
//  - No POSIX_LOCKS, FLOCK_LOCKS: the kernel's own locks are right for a single mounter. Of a
//  shared
//    volume they are asked for, and refused, unless the user wants local locks.
//  - No SPLICE: content is checksummed and merged in memory, so it is copied anyway.
// FUSE_HANDLE_KILLPRIV_V2 and FUSE_SETXATTR_EXT, and PARALLEL_DIROPS, which libfuse loses, are
// added by KernelIo.
#include "fusefs/mount/handlers.h"
#include "fusefs/mount/request_loop.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs::mount {
namespace {

constexpr unsigned kWanted = FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK | FUSE_CAP_READDIRPLUS |
                             FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_PARALLEL_DIROPS |
                             FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_ATOMIC_O_TRUNC |
                             FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPORT_SUPPORT;
constexpr unsigned kReadaheadBytesMax = 1 << 20;
constexpr unsigned kBackgroundRequestsMax = 64;

void HandleInit(void* userdata, fuse_conn_info* connection) {
  const FilesystemOptions& options = static_cast<const Filesystem*>(userdata)->options;
  unsigned wanted = kWanted;
  if (options.shared && !options.local_locks) wanted |= FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS;
  connection->want = wanted & connection->capable;
  connection->max_write = kWriteBytesMax;
  connection->max_readahead = kReadaheadBytesMax;
  connection->max_background = kBackgroundRequestsMax;
  connection->time_gran = 1;
  LogDebug("mount", "kernel protocol {}.{}, capabilities {:#x} of {:#x}", connection->proto_major,
           connection->proto_minor, connection->want, connection->capable);
}

}  // namespace

void AddInit(fuse_lowlevel_ops& handlers) {
  handlers.init = HandleInit;
}

}  // namespace metaring::fusefs::mount
