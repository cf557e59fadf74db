// SPDX-License-Identifier: Apache-2.0
//
// getattr and setattr.
//
// A change by path is in the store before it is answered. A change through a descriptor that is
// open for writing may wait for the content (calling_syscall.h says how the two are told apart).
// Shrinking a file always goes to the store at once, after what was written before it.
#include "fusefs/mount/calling_syscall.h"
#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

void HandleGetattr(fuse_req_t request, fuse_ino_t ino, fuse_file_info* /*file*/) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const Result<Inode> inode = filesystem.Attributes(ToIno(ino));
  if (!inode) {
    reply.Fail(inode.error());
    return;
  }
  reply.Attributes(filesystem.ToStat(*inode), filesystem.options.attr_timeout_seconds);
}

PendingAttributes Requested(const struct stat& attributes, int to_set, Time now) {
  PendingAttributes change;
  if ((to_set & FUSE_SET_ATTR_MODE) != 0) change.mode = attributes.st_mode & 07777;
  if ((to_set & FUSE_SET_ATTR_UID) != 0) change.uid = attributes.st_uid;
  if ((to_set & FUSE_SET_ATTR_GID) != 0) change.gid = attributes.st_gid;
  if ((to_set & FUSE_SET_ATTR_SIZE) != 0) change.size = attributes.st_size;
  if ((to_set & FUSE_SET_ATTR_ATIME) != 0) {
    change.atime =
        Time{attributes.st_atim.tv_sec, static_cast<int32_t>(attributes.st_atim.tv_nsec)};
  }
  if ((to_set & FUSE_SET_ATTR_MTIME) != 0) {
    change.mtime =
        Time{attributes.st_mtim.tv_sec, static_cast<int32_t>(attributes.st_mtim.tv_nsec)};
  }
  if ((to_set & FUSE_SET_ATTR_ATIME_NOW) != 0) change.atime = now;
  if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0) change.mtime = now;
  change.clear_suid_sgid = CurrentRequestExtras().kill_suidgid;
  return change;
}

Result<Node> SetInStore(Filesystem& filesystem, Ino ino, const PendingAttributes& change,
                        const Caller& caller) {
  SetAttrRequest request;
  request.mode = change.mode;
  request.uid = change.uid;
  request.gid = change.gid;
  request.atime = change.atime;
  request.mtime = change.mtime;
  request.size = change.size;
  request.clear_suid_sgid = change.clear_suid_sgid;
  request.caller = caller;
  return filesystem.WithRef(ino, [&](const InodeRef& ref) {
    request.ref = ref;
    return SetAttr(filesystem.context, request);
  });
}

// Makes the change pending, if it may wait. `by_handle`: the request names an open file, which it
// does for ftruncate alone.
bool ChangePending(Filesystem& filesystem, OpenFile& file, PendingAttributes change, bool by_handle,
                   pid_t tid) {
  change.ctime = filesystem.Now();
  if (change.size) {
    if (!by_handle) return false;
    if (!change.mtime) change.mtime = change.ctime;
    if (*change.size == 0) {
      change.size.reset();
      return file.ForgetUnsaved(change);
    }
    if (*change.size < file.Attributes().size) return false;
  } else if (!by_handle && !CallsThroughDescriptor(tid)) {
    return false;
  }
  file.Change(change);
  filesystem.background.Wake();
  return true;
}

// The object was unlinked between the caller's look at its path and this change: what is left of it
// are the attributes in memory, and changing them is what any filesystem would do.
Result<Inode> ChangeErased(Filesystem& filesystem, Ino ino, const PendingAttributes& change,
                           Error error) {
  auto erased = filesystem.inodes.FindErased(ino);
  if (error.code != ErrorCode::kStale || !erased) return Fail(std::move(error));
  change.ApplyTo(*erased);
  erased->ctime = filesystem.Now();
  if (change.size) erased->size = *change.size;
  filesystem.inodes.MarkErased(ino, *erased);
  return *std::move(erased);
}

Result<Inode> Change(Filesystem& filesystem, Ino ino, const PendingAttributes& change,
                     bool by_handle, const Reply& reply) {
  if (change.atime) filesystem.atimes.Drop(ino);
  const auto file = filesystem.files.Find(ino);
  if (file && ChangePending(filesystem, *file, change, by_handle, reply.caller().pid)) {
    return filesystem.Attributes(ino);
  }
  const Caller caller = CallerOf(reply);
  const auto set = [&] { return SetInStore(filesystem, ino, change, caller); };
  Result<Node> node = Fail(ErrorCode::kInternal, "");
  if (file) {
    PendingAttributes stored = change;
    stored.ctime = filesystem.Now();
    const bool write_back_first = change.size || change.mode || change.uid || change.gid;
    node = file->Alter(write_back_first, stored, set);
  } else {
    node = set();
  }
  if (!node) return ChangeErased(filesystem, ino, change, std::move(node).error());
  if (change.size) filesystem.background.Sweep();
  filesystem.Overlay(node->inode);
  return std::move(node->inode);
}

void HandleSetattr(fuse_req_t request, fuse_ino_t ino, struct stat* attributes, int to_set,
                   fuse_file_info* file) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const PendingAttributes change = Requested(*attributes, to_set, filesystem.Now());
  if (change.size && *change.size > kFileBytesMax) {
    reply.Errno(EFBIG);
    return;
  }
  const Result<Inode> inode = Change(filesystem, ToIno(ino), change, file != nullptr, reply);
  if (!inode) {
    reply.Fail(inode.error());
    return;
  }
  reply.Attributes(filesystem.ToStat(*inode), filesystem.options.attr_timeout_seconds);
}

}  // namespace

void AddAttributeHandlers(fuse_lowlevel_ops& handlers) {
  handlers.getattr = HandleGetattr;
  handlers.setattr = HandleSetattr;
}

}  // namespace metaring::fusefs::mount
