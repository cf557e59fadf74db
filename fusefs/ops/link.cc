// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "fusefs/ops/content.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/retry.h"

namespace metaring::fusefs {
namespace {

// Moves the record and what lies beside it to a place of its own, with one more link.
Result<Node> MoveToOwnPlace(const Context& ctx, Batch& batch, const Stored& target, Time now) {
  const Inode& inode = target.inode;
  Node linked{inode, {}};
  linked.inode.nlink = target.inode.nlink + 1;
  linked.inode.ctime = now;
  if (target.place.own()) {
    batch.RequireVersion(keys::OwnInode(inode.ino), target.version);
  } else {
    Bytes old_key = EntryKey(ctx, target.place);
    batch.RequireVersion(old_key, target.version);
    batch.Put(std::move(old_key), EncodeReference(inode.ino, inode.mode & S_IFMT));
    RETURN_IF_ERROR(MoveBeside(ctx, batch, target, inode.ino));
  }
  batch.Put(keys::OwnInode(inode.ino), EncodeInode(linked.inode));
  return linked;
}

Result<std::optional<Node>> TryLink(const Context& ctx, const LinkRequest& request) {
  ASSIGN_OR_RETURN(const Stored target, LoadByRef(ctx, request.target));
  if (target.header) return Fail(ErrorCode::kNotPermitted, "a directory has one name only");
  if (target.inode.nlink == 0) return Fail(ErrorCode::kNotFound, "the object lost its last name");
  if (target.inode.nlink >= kLinksMax) return Fail(ErrorCode::kTooManyLinks, "65000 links at most");

  const int64_t now = ctx.clock.WallNanos();
  Batch batch;
  Bytes new_key = EntryKey(ctx, request.new_parent, request.new_name);
  const size_t parent_compare = batch.RequireExists(keys::Header(request.new_parent));
  const size_t absent_compare = batch.RequireAbsent(new_key);
  ASSIGN_OR_RETURN(Node linked, MoveToOwnPlace(ctx, batch, target, TimeFromNanos(now)));
  batch.Put(std::move(new_key), EncodeReference(target.inode.ino, target.inode.mode & S_IFMT));
  NoteEntryChange(batch, request.new_parent, now, 1, 0);
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (reply.succeeded) return linked;
  if (reply.failed_compare == parent_compare) {
    return Fail(ErrorCode::kNotFound, "the directory is gone");
  }
  if (reply.failed_compare == absent_compare) return Fail(ErrorCode::kExists, "the name exists");
  return kLost;
}

}  // namespace

Result<Node> Link(const Context& ctx, const LinkRequest& request) {
  RETURN_IF_ERROR(CheckName(request.new_name));
  return Retry<Node>("link", [&] { return TryLink(ctx, request); });
}

}  // namespace metaring::fusefs
