// SPDX-License-Identifier: Apache-2.0
//
// setxattr, getxattr, listxattr, removexattr. ACLs come here as system.posix_acl_access and
// _default.
#include <sys/xattr.h>

#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

// A pending chmod must reach the store before an ACL changes the mode.
Status StorePending(Filesystem& filesystem, Ino ino) {
  const auto file = filesystem.files.Find(ino);
  return file ? file->WriteBack() : Status{};
}

void HandleSetxattr(fuse_req_t request, fuse_ino_t ino, const char* name, const char* value,
                    size_t size, int flags) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  constexpr int kKnown = XATTR_CREATE | XATTR_REPLACE;
  if ((flags & ~kKnown) != 0 || (flags & kKnown) == kKnown) {
    reply.Errno(EINVAL);
    return;
  }
  if (const Status status = StorePending(filesystem, ToIno(ino)); !status) {
    reply.Fail(status.error());
    return;
  }
  SetXattrRequest set;
  set.name = name;
  set.value.assign(value, size);
  set.create = (flags & XATTR_CREATE) != 0;
  set.replace = (flags & XATTR_REPLACE) != 0;
  set.clear_sgid = CurrentRequestExtras().acl_kill_sgid;
  const auto node = filesystem.WithRef(ToIno(ino), [&](const InodeRef& ref) {
    set.ref = ref;
    return SetXattr(filesystem.context, set);
  });
  if (node) {
    reply.Ok();
  } else {
    reply.Fail(node.error());
  }
}

// `size` 0 asks for the length alone.
void AnswerSized(Reply& reply, ByteView data, size_t size) {
  if (size == 0) {
    reply.Size(data.size());
  } else if (data.size() > size) {
    reply.Errno(ERANGE);
  } else {
    reply.Bytes(data);
  }
}

// An access ACL shows the mode, so a pending chmod must reach the store before it is read.
Status StorePendingMode(Filesystem& filesystem, Ino ino, std::string_view name) {
  if (name != "system.posix_acl_access") return {};
  const auto file = filesystem.files.Find(ino);
  return file && file->ModeIsPending() ? file->WriteBack() : Status{};
}

void HandleGetxattr(fuse_req_t request, fuse_ino_t ino, const char* name, size_t size) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  if (const Status status = StorePendingMode(filesystem, ToIno(ino), name); !status) {
    reply.Fail(status.error());
    return;
  }
  const auto value = filesystem.WithRef(
      ToIno(ino), [&](const InodeRef& ref) { return GetXattr(filesystem.context, ref, name); });
  if (value) {
    AnswerSized(reply, *value, size);
  } else {
    reply.Fail(value.error());
  }
}

void HandleListxattr(fuse_req_t request, fuse_ino_t ino, size_t size) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const auto names = filesystem.WithRef(
      ToIno(ino), [&](const InodeRef& ref) { return ListXattr(filesystem.context, ref); });
  if (!names) {
    reply.Fail(names.error());
    return;
  }
  // trusted.* is for the superuser alone, also in lists (xattr(7)).
  const bool sees_trusted = reply.caller().uid == 0;
  Bytes list;
  for (const std::string& name : *names) {
    if (!sees_trusted && name.starts_with("trusted.")) continue;
    list += name;
    list.push_back('\0');
  }
  AnswerSized(reply, list, size);
}

void HandleRemovexattr(fuse_req_t request, fuse_ino_t ino, const char* name) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  if (const Status status = StorePending(filesystem, ToIno(ino)); !status) {
    reply.Fail(status.error());
    return;
  }
  const auto node = filesystem.WithRef(
      ToIno(ino), [&](const InodeRef& ref) { return RemoveXattr(filesystem.context, ref, name); });
  if (node) {
    reply.Ok();
  } else {
    reply.Fail(node.error());
  }
}

}  // namespace

void AddXattrHandlers(fuse_lowlevel_ops& handlers) {
  handlers.setxattr = HandleSetxattr;
  handlers.getxattr = HandleGetxattr;
  handlers.listxattr = HandleListxattr;
  handlers.removexattr = HandleRemovexattr;
}

}  // namespace metaring::fusefs::mount
