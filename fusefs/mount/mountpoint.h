// SPDX-License-Identifier: Apache-2.0
//
// What must be right about the place of a mount before the store is touched.
#ifndef METARING_FUSEFS_MOUNT_MOUNTPOINT_H_
#define METARING_FUSEFS_MOUNT_MOUNTPOINT_H_

#include <string>

#include "kvnode/base/result.h"

namespace metaring::fusefs::mount {

// The mountpoint as an absolute path without symlinks. The message of an error says what to do:
// it is missing, not a directory, the place of a dead mount, or `fsname` is mounted on it already.
Result<std::string> CheckMountpoint(const std::string& path, const std::string& fsname);

// Whether a mount with this source is in /proc/self/mountinfo (at `mountpoint`, unless it is
// empty).
bool IsMounted(const std::string& fsname, const std::string& mountpoint);

// Whether /dev/fuse can be used: the module is there, and so is the right to open it.
Status CheckFuseDevice();

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_MOUNTPOINT_H_
