// SPDX-License-Identifier: Apache-2.0
//
// Session: one libfuse session, from mount to unmount.
#ifndef METARING_FUSEFS_MOUNT_SESSION_H_
#define METARING_FUSEFS_MOUNT_SESSION_H_

#include <functional>
#include <memory>
#include <string>

#include "fusefs/mount/filesystem.h"
#include "fusefs/mount/fuse_api.h"
#include "fusefs/mount/options.h"
#include "fusefs/mount/request_loop.h"

namespace metaring::fusefs::mount {

// Blocks the signals that end a mount, in this thread and those it starts. Call before threads
// start.
void BlockEndingSignals();

// One caller.
class Session {
 public:
  // Mounts `filesystem` on the absolute path `mountpoint`. libfuse's own message goes to the log.
  static Result<std::unique_ptr<Session>> Mount(Filesystem& filesystem, const MountOptions& options,
                                                const std::string& fsname,
                                                const std::string& mountpoint);
  // Unmounts, if nobody else has.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Serves requests until the filesystem is unmounted or SIGTERM, SIGINT or SIGHUP arrives.
  // `threads` 0: as many as the machine suggests.
  Status Serve(ServeOptions options);

  // Makes the kernel ask for what is stale of an inode again. Not from a request handler.
  void Invalidate(Ino ino, Stale what);

 private:
  Session(fuse_session* session, KernelIo& kernel_io) : session_(session), kernel_io_(kernel_io) {}

  fuse_session* const session_;
  KernelIo& kernel_io_;
  bool mounted_ = false;
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_SESSION_H_
