// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/removal.h"

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "fusefs/ops/content.h"
#include "fusefs/ops/xattr_set.h"

namespace metaring::fusefs {
namespace {

void UncountInode(Batch& batch, const Inode& inode) {
  batch.Add(keys::InodesUsed(), -1);
  batch.Add(keys::BytesUsed(), -inode.bytes_allocated);
}

}  // namespace

Result<Removed> DropLink(const Context& ctx, Batch& batch, const Stored& file, IfLast if_last,
                         Time now) {
  Removed removed;
  removed.inode = file.inode;
  removed.inode.ctime = now;
  removed.inode.nlink = file.place.own() && file.inode.nlink > 0 ? file.inode.nlink - 1 : 0;
  const Ino ino = file.inode.ino;
  if (file.place.own()) batch.RequireVersion(keys::OwnInode(ino), file.version);
  if (removed.inode.nlink > 0) {
    batch.Put(keys::OwnInode(ino), EncodeInode(removed.inode));
    return removed;
  }
  if (if_last == IfLast::kOrphan) {
    RETURN_IF_ERROR(MoveBeside(ctx, batch, file, ino));
    batch.Put(keys::OwnInode(ino), EncodeInode(removed.inode));
    batch.Put(keys::Orphan(ino), {});
    removed.orphaned = true;
    return removed;
  }
  RETURN_IF_ERROR(EraseBeside(ctx, batch, file));
  if (file.place.own()) batch.Delete(keys::OwnInode(ino));
  UncountInode(batch, file.inode);
  removed.erased = true;
  return removed;
}

Result<ErasedDirectory> EraseDirectory(const Context& ctx, Batch& batch, const Stored& directory,
                                       Time now) {
  const Ino ino = directory.inode.ino;
  ErasedDirectory erased;
  batch.RequireVersion(keys::Header(ino), directory.version);
  erased.empty_compare = batch.RequireEmpty(keys::EntryPrefix(ino));
  RETURN_IF_ERROR(EraseBeside(ctx, batch, directory));
  batch.Delete(keys::Header(ino));
  for (const auto counter : {keys::Counter::kAccessed, keys::Counter::kChanged,
                             keys::Counter::kEntries, keys::Counter::kSubdirectories}) {
    batch.Delete(keys::DirectoryCounter(ino, counter));
  }
  UncountInode(batch, directory.inode);
  erased.removed.inode = directory.inode;
  erased.removed.inode.nlink = 0;
  erased.removed.inode.size = 0;
  erased.removed.inode.ctime = now;
  erased.removed.erased = true;
  return erased;
}

Status EraseOrphan(const Context& ctx, Batch& batch, const Stored& orphan) {
  const Ino ino = orphan.inode.ino;
  batch.RequireVersion(keys::OwnInode(ino), orphan.version);
  RETURN_IF_ERROR(EraseBeside(ctx, batch, orphan));
  batch.Delete(keys::OwnInode(ino));
  batch.Delete(keys::Orphan(ino));
  UncountInode(batch, orphan.inode);
  return {};
}

}  // namespace metaring::fusefs
