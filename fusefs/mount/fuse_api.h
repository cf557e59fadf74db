// SPDX-License-Identifier: Apache-2.0
//
// libfuse's low-level API in the version that the mount is written for. The only includer.
#ifndef METARING_FUSEFS_MOUNT_FUSE_API_H_
#define METARING_FUSEFS_MOUNT_FUSE_API_H_

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#endif  // METARING_FUSEFS_MOUNT_FUSE_API_H_
