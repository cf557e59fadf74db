// SPDX-License-Identifier: Apache-2.0
//
// mknod, mkdir, symlink, link, readlink.
#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

void MakeAndAnswer(fuse_req_t request, MakeRequest make) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  make.caller = CallerOf(reply);
  AnswerEntry(filesystem, reply, Make(filesystem.context, make));
}

void HandleMknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t rdev) {
  MakeRequest make;
  make.parent = ToIno(parent);
  make.name = name;
  make.mode = mode;
  make.rdev = rdev;
  MakeAndAnswer(request, std::move(make));
}

void HandleMkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  MakeRequest make;
  make.parent = ToIno(parent);
  make.name = name;
  make.mode = S_IFDIR | (mode & 07777);
  MakeAndAnswer(request, std::move(make));
}

void HandleSymlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
  MakeRequest make;
  make.parent = ToIno(parent);
  make.name = name;
  make.mode = S_IFLNK | 0777;
  make.symlink_target = target;
  MakeAndAnswer(request, std::move(make));
}

void HandleLink(fuse_req_t request, fuse_ino_t ino, fuse_ino_t new_parent, const char* new_name) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  LinkRequest link;
  link.new_parent = ToIno(new_parent);
  link.new_name = new_name;
  const Result<Node> node = filesystem.WithRef(ToIno(ino), [&](const InodeRef& ref) {
    // Inside: WithRef may wait for moves under way, which must not be this one.
    const MoveGate::Moving moving(filesystem.moves);
    link.target = ref;
    Result<Node> linked = Link(filesystem.context, link);
    if (linked) filesystem.inodes.Move(linked->inode.ino, linked->place);
    return linked;
  });
  AnswerEntry(filesystem, reply, node);
}

void HandleReadlink(fuse_req_t request, fuse_ino_t ino) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const Result<Inode> inode = filesystem.Attributes(ToIno(ino));
  if (!inode) {
    reply.Fail(inode.error());
    return;
  }
  if (!inode->IsSymlink()) {
    reply.Errno(EINVAL);
    return;
  }
  filesystem.NoteAccess(*inode);
  reply.Target(inode->symlink_target);
}

}  // namespace

void AddNamespaceHandlers(fuse_lowlevel_ops& handlers) {
  handlers.mknod = HandleMknod;
  handlers.mkdir = HandleMkdir;
  handlers.symlink = HandleSymlink;
  handlers.link = HandleLink;
  handlers.readlink = HandleReadlink;
}

}  // namespace metaring::fusefs::mount
