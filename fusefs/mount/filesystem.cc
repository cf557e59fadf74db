// SPDX-License-Identifier: Apache-2.0
//
// What the handlers share. See the header.
#include "fusefs/mount/filesystem.h"

namespace metaring::fusefs::mount {

Filesystem::Filesystem(const Context& ctx, FilesystemOptions opts)
    : context(ctx),
      options(std::move(opts)),
      opens(options.wait_max),
      files(*this, ctx.clock, ctx.volume.options.block_bytes, options.wait_max),
      background(*this),
      doubts(*this) {}

Filesystem& FilesystemOf(fuse_req_t request) {
  return *static_cast<Filesystem*>(fuse_req_userdata(request));
}

// --- finding
// ---------------------------------------------------------------------------------------

Result<bool> Filesystem::MayHaveMoved(Ino ino, uint64_t moves_before) {
  if (inodes.FindErased(ino)) return false;
  if (moves.ended() != moves_before) return true;
  RETURN_IF_ERROR(moves.AwaitMoves(options.wait_max));
  return moves.ended() != moves_before;
}

Result<Node> Filesystem::Stored(Ino ino) {
  return WithRef(ino, [this](const InodeRef& ref) { return GetAttr(context, ref); });
}

Result<Inode> Filesystem::Attributes(Ino ino) {
  Result<Node> node = Stored(ino);
  if (!node) {
    if (auto erased = inodes.FindErased(ino)) return *std::move(erased);
    return Fail(std::move(node).error());
  }
  Overlay(node->inode);
  return std::move(node->inode);
}

bool Filesystem::MayBePending() const {
  return files.AnyKnown() || !atimes.empty();
}

void Filesystem::Overlay(Inode& inode) const {
  files.Overlay(inode);
  atimes.Overlay(inode);
}

// --- replies
// ---------------------------------------------------------------------------------------

struct stat Filesystem::ToStat(const Inode& inode) const {
  struct stat st {};
  st.st_ino = inode.ino.value();
  st.st_mode = inode.mode;
  st.st_nlink = inode.nlink;
  st.st_uid = inode.uid;
  st.st_gid = inode.gid;
  st.st_rdev = inode.rdev;
  st.st_size = inode.size;
  st.st_blksize = static_cast<blksize_t>(context.volume.options.block_bytes);
  st.st_blocks = (inode.bytes_allocated + 511) / 512;
  st.st_atim = {inode.atime.seconds, inode.atime.nanos};
  st.st_mtim = {inode.mtime.seconds, inode.mtime.nanos};
  st.st_ctim = {inode.ctime.seconds, inode.ctime.nanos};
  return st;
}

fuse_entry_param Filesystem::GiveEntry(const Node& node) {
  inodes.Remember(node.ref());
  fuse_entry_param entry{};
  entry.ino = node.inode.ino.value();
  entry.generation = 1;  // numbers are never reused
  if (MayBePending()) {
    Inode inode = node.inode;
    Overlay(inode);
    entry.attr = ToStat(inode);
  } else {
    entry.attr = ToStat(node.inode);
  }
  entry.attr_timeout = options.attr_timeout_seconds;
  entry.entry_timeout = options.entry_timeout_seconds;
  return entry;
}

// --- removal
// ---------------------------------------------------------------------------------------

Result<IfLast> Filesystem::BeginRemoval(Ino ino) {
  ASSIGN_OR_RETURN(const bool open, opens.BeginRemoval(ino));
  return open ? IfLast::kOrphan : IfLast::kErase;
}

void Filesystem::NoteRemoved(const Removed& removed) {
  const Ino ino = removed.inode.ino;
  if (removed.erased) {
    inodes.MarkErased(ino, removed.inode);
  } else {
    inodes.Move(ino, removed.place);
  }
}

void Filesystem::EndRemoval(Ino ino, const Removed* removed) {
  if (removed != nullptr && removed->erased) {
    atimes.Forget(ino);
    if (const auto file = files.Find(ino)) file->Discard();
    if (removed->inode.IsRegular() && removed->inode.bytes_allocated > 0) background.Sweep();
  }
  const bool orphaned = removed != nullptr && removed->orphaned;
  if (opens.EndRemoval(ino, orphaned)) background.Reclaim(ino);
}

void Filesystem::NoteAccess(const Inode& inode) {
  if (!options.atime || options.read_only) return;
  const Time now = Now();
  if (!AtimeIsDue(inode, now)) return;
  const auto ref = inodes.Find(inode.ino);
  if (!ref) return;
  atimes.Note(*ref, now);
  background.Wake();
}

// --- the store below the write-back cache
// ----------------------------------------------------------

Result<std::vector<Block>> Filesystem::ReadBlocks(const Node& node, uint64_t first,
                                                  uint64_t count) {
  auto blocks = fusefs::ReadBlocks(context, node, first, count);
  for (int attempt = 1; attempt < kPlaceAttemptsMax; ++attempt) {
    if (blocks || blocks.error().code != ErrorCode::kStale) break;
    ASSIGN_OR_RETURN(const Node fresh, Stored(node.inode.ino));
    blocks = fusefs::ReadBlocks(context, fresh, first, count);
  }
  return blocks;
}

Result<Node> Filesystem::WriteBack(WriteBackRequest& request) {
  const InodeRef given = request.ref;
  return WithRef(given.ino, [&](const InodeRef& ref) {
    request.ref = inodes.Find(given.ino) ? ref : given;
    return fusefs::WriteBack(context, request);
  });
}

}  // namespace metaring::fusefs::mount
