// SPDX-License-Identifier: Apache-2.0
//
// The request handlers, by theme. Each answers its request exactly once, by libfuse's contracts in
// fuse_lowlevel.h; permission has been checked by the kernel (default_permissions).
#ifndef METARING_FUSEFS_MOUNT_HANDLERS_H_
#define METARING_FUSEFS_MOUNT_HANDLERS_H_

#include "fusefs/mount/filesystem.h"
#include "fusefs/mount/fuse_api.h"

namespace metaring::fusefs::mount {

// Each sets the handlers of its theme.
void AddLookupHandlers(fuse_lowlevel_ops& handlers);     // lookup, forget, forget_multi, statfs
void AddAttributeHandlers(fuse_lowlevel_ops& handlers);  // getattr, setattr
void AddNamespaceHandlers(fuse_lowlevel_ops& handlers);  // mknod, mkdir, symlink, link, readlink
void AddRemovalHandlers(fuse_lowlevel_ops& handlers);    // unlink, rmdir, rename
void AddDirectoryHandlers(fuse_lowlevel_ops& handlers);  // opendir, readdir, readdirplus, fsyncdir
void AddXattrHandlers(fuse_lowlevel_ops& handlers);
void AddOpenHandlers(fuse_lowlevel_ops& handlers);     // create, open, flush, fsync, release
void AddContentHandlers(fuse_lowlevel_ops& handlers);  // read, write, lseek, fallocate, copy
void AddLockHandlers(fuse_lowlevel_ops& handlers);     // getlk, setlk, flock: refused
void AddInit(fuse_lowlevel_ops& handlers);             // init: what is asked of the kernel

// Who made the request.
Caller CallerOf(const Reply& reply);
// Answers with an entry, and takes it back if the answer did not arrive.
void AnswerEntry(Filesystem& filesystem, Reply& reply, const Result<Node>& node);

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_HANDLERS_H_
