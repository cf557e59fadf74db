// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "fusefs/ops/content.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/posix_acl.h"
#include "fusefs/ops/xattr_set.h"

namespace metaring::fusefs {
namespace {

Status CheckRequest(const MakeRequest& request) {
  RETURN_IF_ERROR(CheckName(request.name));
  switch (request.mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      break;
    case S_IFLNK:
      if (request.symlink_target.empty()) {
        return Fail(ErrorCode::kNotFound, "a symbolic link's target is not empty");
      }
      if (request.symlink_target.size() > kSymlinkBytesMax) {
        return Fail(ErrorCode::kNameTooLong, "a symbolic link's target has at most 4095 bytes");
      }
      if (request.symlink_target.find('\0') != Bytes::npos) {
        return Fail(ErrorCode::kInvalidArgument, "a symbolic link's target has no NUL");
      }
      break;
    default:
      return Fail(ErrorCode::kInvalidArgument, "mode: an unknown type of file");
  }
  if ((request.mode & ~uint32_t{S_IFMT | 07777}) != 0) {
    return Fail(ErrorCode::kInvalidArgument, "mode: bits outside of type and permissions");
  }
  return {};
}

// The parent as making needs it: its header, and for a directory its number of subdirectories.
Result<Stored> LoadParent(const Context& ctx, Ino parent, bool for_directory) {
  Stored stored;
  if (!for_directory) {
    ASSIGN_OR_RETURN(const auto record, ctx.kv.Get(keys::Header(parent)));
    if (!record) return Fail(ErrorCode::kNotFound, "the directory is gone");
    ASSIGN_OR_RETURN(stored.header, DecodeDirectory(record->value));
  } else {
    const Bytes wanted[] = {keys::Header(parent),
                            keys::DirectoryCounter(parent, keys::Counter::kSubdirectories)};
    ASSIGN_OR_RETURN(const auto records, ctx.kv.MultiGet(wanted));
    if (!records[0]) return Fail(ErrorCode::kNotFound, "the directory is gone");
    ASSIGN_OR_RETURN(stored.header, DecodeDirectory(records[0]->value));
    const auto count = records[1] ? state::DecodeI64(records[1]->value) : 0;
    if (!count) return Fail(ErrorCode::kCorrupt, "a directory's counter is not 8 bytes");
    stored.counters.subdirectories = *count;
  }
  stored.inode = DirectoryInode(parent, *stored.header, stored.counters);
  return stored;
}

// Mode, group and ACLs of the new object: setgid directories (inode(7)) and default ACLs (acl(5)).
Status Inherit(const Context& ctx, const Stored& parent, const MakeRequest& request, Inode& inode,
               XattrSet& xattrs) {
  inode.uid = request.caller.uid;
  inode.gid = request.caller.gid;
  inode.mode = request.mode;
  if ((parent.inode.mode & S_ISGID) != 0) {
    inode.gid = parent.inode.gid;
    if (inode.IsDirectory()) {
      inode.mode |= S_ISGID;
    } else if (!request.caller.privileged && inode.gid != request.caller.gid &&
               (inode.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) {
      inode.mode &= ~uint32_t{S_ISGID};
    }
  }
  if (inode.IsSymlink()) {
    inode.mode = S_IFLNK | 0777;
    return {};
  }
  ASSIGN_OR_RETURN(const auto default_acl, LoadXattr(ctx, parent, kDefaultAclName));
  if (!default_acl) {
    inode.mode &= ~(request.caller.umask & 0777);
    return {};
  }
  ASSIGN_OR_RETURN(Acl acl, ParseAcl(*default_acl));
  inode.mode = InheritAcl(acl, inode.mode);
  if (!IsMinimal(acl)) {
    RETURN_IF_ERROR(xattrs.Set(std::string(kAccessAclName), FormatAcl(acl)));
  }
  if (inode.IsDirectory()) {
    RETURN_IF_ERROR(xattrs.Set(std::string(kDefaultAclName), *default_acl));
  }
  return {};
}

DirectoryHeader NewHeader(const Inode& inode, const MakeRequest& request) {
  DirectoryHeader header;
  header.parent = request.parent;
  header.name = request.name;
  header.mode = inode.mode;
  header.uid = inode.uid;
  header.gid = inode.gid;
  header.ctime = header.mtime = header.atime = inode.ctime;
  header.xattrs = inode.xattrs;
  header.has_large_xattrs = inode.has_large_xattrs;
  return header;
}

}  // namespace

Result<Node> Make(const Context& ctx, const MakeRequest& request) {
  RETURN_IF_ERROR(CheckRequest(request));
  const bool is_directory = S_ISDIR(request.mode);
  ASSIGN_OR_RETURN(const Stored parent, LoadParent(ctx, request.parent, is_directory));
  if (is_directory && parent.inode.nlink >= kLinksMax) {
    return Fail(ErrorCode::kTooManyLinks, "65000 links at most");
  }
  RETURN_IF_ERROR(CheckSpace(ctx, 0, 1));

  const int64_t now = ctx.clock.WallNanos();
  Node made{{}, {request.parent, request.name}};
  Inode& inode = made.inode;
  XattrSet xattrs;
  RETURN_IF_ERROR(Inherit(ctx, parent, request, inode, xattrs));
  ASSIGN_OR_RETURN(inode.ino, ctx.inos.Next());
  inode.atime = inode.mtime = inode.ctime = TimeFromNanos(now);
  if (S_ISCHR(inode.mode) || S_ISBLK(inode.mode)) inode.rdev = request.rdev;
  if (inode.IsSymlink()) {
    inode.symlink_target = request.symlink_target;
    inode.size = static_cast<int64_t>(request.symlink_target.size());
  }

  Batch batch;
  Bytes key = EntryKey(ctx, made.place);
  batch.RequireExists(keys::Header(request.parent));
  const size_t absent_compare = batch.RequireAbsent(key);
  xattrs.Store(batch, is_directory ? inode.ino : request.parent, inode);
  if (is_directory) {
    inode.nlink = 2;
    batch.Put(keys::Header(inode.ino), EncodeDirectory(NewHeader(inode, request)));
    batch.Put(std::move(key), EncodeReference(inode.ino, S_IFDIR));
  } else {
    batch.Put(std::move(key), EncodeEntry(inode));
  }
  NoteEntryChange(batch, request.parent, now, 1, is_directory ? 1 : 0);
  batch.Add(keys::InodesUsed(), 1);
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (reply.succeeded) return made;
  if (reply.failed_compare == absent_compare) return Fail(ErrorCode::kExists, "the name exists");
  return Fail(ErrorCode::kNotFound, "the directory is gone");
}

}  // namespace metaring::fusefs
