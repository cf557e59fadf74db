// SPDX-License-Identifier: Apache-2.0
//
// unlink, rmdir, rename.
//
// Whether a file that loses its last name must be kept depends on whether it is open, so the name
// is looked up first, the removal announced for that inode (OpenCounts), and the operation told to
// do it only if the name still means that inode.
#include <linux/fs.h>

#include <memory>
#include <utility>

#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

// How often a removal starts again because the name means another inode than it did.
constexpr int kRemovalAttemptsMax = 64;

std::unique_ptr<MoveGate::Moving> Announce(Filesystem& filesystem) {
  return std::make_unique<MoveGate::Moving>(filesystem.moves);
}

// Whether it may be done although it has failed.
template <typename T>
bool IsInDoubt(const Result<T>& result) {
  return !result && result.error().code == ErrorCode::kUnknownOutcome;
}

Result<Removed> UnlinkOnce(Filesystem& filesystem, Ino parent, const char* name) {
  ASSIGN_OR_RETURN(const Node node, Lookup(filesystem.context, parent, name));
  UnlinkRequest unlink;
  unlink.parent = parent;
  unlink.name = name;
  unlink.expected = node.inode.ino;
  ASSIGN_OR_RETURN(unlink.if_last, filesystem.BeginRemoval(node.inode.ino));
  auto moving = Announce(filesystem);
  Result<Removed> removed = Unlink(filesystem.context, unlink);
  if (IsInDoubt(removed)) {
    filesystem.doubts.Add({std::move(moving), {parent, name}, {}, false, node.inode.ino});
    return removed;
  }
  if (removed) filesystem.NoteRemoved(*removed);
  moving.reset();
  filesystem.EndRemoval(node.inode.ino, removed ? &*removed : nullptr);
  return removed;
}

void HandleUnlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  for (int attempt = 1;; ++attempt) {
    const Result<Removed> removed = UnlinkOnce(filesystem, ToIno(parent), name);
    if (removed) {
      reply.Ok();
      return;
    }
    if (removed.error().code != ErrorCode::kStale || attempt == kRemovalAttemptsMax) {
      reply.Fail(removed.error());
      return;
    }
  }
}

void HandleRmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const Result<Removed> removed = Rmdir(filesystem.context, ToIno(parent), name);
  if (!removed) {
    reply.Fail(removed.error());
    return;
  }
  filesystem.NoteRemoved(*removed);
  filesystem.atimes.Forget(removed->inode.ino);
  reply.Ok();
}

// The inode that a rename is about to replace, if there is one.
Result<std::optional<Ino>> ReplacedBy(Filesystem& filesystem, const RenameRequest& rename) {
  if (rename.no_replace || rename.exchange) return std::optional<Ino>{};
  const auto target = Lookup(filesystem.context, rename.new_parent, rename.new_name);
  if (target) return std::optional<Ino>{target->inode.ino};
  if (target.error().code == ErrorCode::kNotFound) return std::optional<Ino>{};
  return Fail(target.error());
}

void NoteRenamed(Filesystem& filesystem, const Result<Renamed>& renamed) {
  if (!renamed) return;
  filesystem.inodes.Move(renamed->moved.inode.ino, renamed->moved.place);
  if (const auto& other = renamed->exchanged) {
    filesystem.inodes.Move(other->inode.ino, other->place);
  }
  if (renamed->replaced) filesystem.NoteRemoved(*renamed->replaced);
}

// The kernel's listing of a directory has the ".." from before.
void DropListing(Filesystem& filesystem, const Inode& moved) {
  if (moved.IsDirectory()) filesystem.invalidator.ListingChanged(moved.ino);
}

Status RenameOnce(Filesystem& filesystem, RenameRequest rename) {
  ASSIGN_OR_RETURN(const std::optional<Ino> target, ReplacedBy(filesystem, rename));
  if (target) {
    ASSIGN_OR_RETURN(rename.if_last, filesystem.BeginRemoval(*target));
    rename.expected_target = target;
  }
  auto moving = Announce(filesystem);
  const Result<Renamed> renamed = Rename(filesystem.context, rename);
  if (IsInDoubt(renamed)) {
    filesystem.doubts.Add({std::move(moving),
                           {rename.old_parent, rename.old_name},
                           Place{rename.new_parent, rename.new_name},
                           rename.exchange,
                           target});
    return Fail(renamed.error());
  }
  NoteRenamed(filesystem, renamed);
  moving.reset();
  if (target) {
    const bool replaced = renamed && renamed->replaced;
    filesystem.EndRemoval(*target, replaced ? &*renamed->replaced : nullptr);
  }
  if (!renamed) return Fail(renamed.error());
  if (rename.old_parent != rename.new_parent) {
    DropListing(filesystem, renamed->moved.inode);
    if (renamed->exchanged) DropListing(filesystem, renamed->exchanged->inode);
  }
  return {};
}

void HandleRename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
                  const char* new_name, unsigned int flags) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  constexpr unsigned int kBoth = RENAME_NOREPLACE | RENAME_EXCHANGE;
  if ((flags & ~kBoth) != 0 || (flags & kBoth) == kBoth) {
    reply.Errno(EINVAL);
    return;
  }
  RenameRequest rename;
  rename.old_parent = ToIno(parent);
  rename.old_name = name;
  rename.new_parent = ToIno(new_parent);
  rename.new_name = new_name;
  rename.no_replace = (flags & RENAME_NOREPLACE) != 0;
  rename.exchange = (flags & RENAME_EXCHANGE) != 0;
  for (int attempt = 1;; ++attempt) {
    const Status status = RenameOnce(filesystem, rename);
    if (status) {
      reply.Ok();
      return;
    }
    if (status.error().code != ErrorCode::kStale || attempt == kRemovalAttemptsMax) {
      reply.Fail(status.error());
      return;
    }
  }
}

}  // namespace

void AddRemovalHandlers(fuse_lowlevel_ops& handlers) {
  handlers.unlink = HandleUnlink;
  handlers.rmdir = HandleRmdir;
  handlers.rename = HandleRename;
}

}  // namespace metaring::fusefs::mount
