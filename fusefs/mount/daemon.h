// SPDX-License-Identifier: Apache-2.0
//
// Going into the background so that the command returns when the mount can be used.
//
// The process forks before it has threads or files. The parent waits for the child's word that it
// serves, then asks the mount for its root, which answers only after the kernel and the child have
// agreed (INIT), and exits. An error of the child is on stderr, which both share until then.
#ifndef METARING_FUSEFS_MOUNT_DAEMON_H_
#define METARING_FUSEFS_MOUNT_DAEMON_H_

#include <string>

#include "kvnode/base/result.h"

namespace metaring::fusefs::mount {

// One caller.
class Daemon {
 public:
  // Forks. In the child it returns; in the parent it does not: the parent exits, with status 0 when
  // `mountpoint` is mounted and readable.
  static Result<Daemon> Start(const std::string& mountpoint);

  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  Daemon(Daemon&& other) noexcept;
  Daemon& operator=(Daemon&&) = delete;
  ~Daemon();

  // The mount is made and requests are about to be served. From here on standard input and output
  // are /dev/null, and what is written to stderr goes to the system's log if there is one.
  void Ready();

 private:
  explicit Daemon(int ready_fd) : ready_fd_(ready_fd) {}
  int ready_fd_;  // -1: told or moved
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_DAEMON_H_
