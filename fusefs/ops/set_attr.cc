// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/keys.h"
#include "fusefs/ops/attributes.h"
#include "fusefs/ops/content.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/retry.h"

namespace metaring::fusefs {
namespace {

Status CheckSize(const Inode& inode, int64_t size) {
  if (inode.IsDirectory()) return Fail(ErrorCode::kIsDirectory, "a directory has no size to set");
  if (!inode.IsRegular()) return Fail(ErrorCode::kInvalidArgument, "size: not a regular file");
  if (size < 0) return Fail(ErrorCode::kInvalidArgument, "size: negative");
  if (size > kFileBytesMax) return Fail(ErrorCode::kFileTooBig, "a file has at most 2^47 bytes");
  return {};
}

bool ChangesNothing(const SetAttrRequest& request) {
  return !request.mode && !request.uid && !request.gid && !request.atime && !request.mtime &&
         !request.ctime && !request.size && !request.clear_suid_sgid;
}

Status ChangeSize(const Context& ctx, Batch& batch, Stored& stored, int64_t size) {
  Inode& inode = stored.inode;
  const int64_t allocated = inode.bytes_allocated;
  if (size == 0) {
    TruncateToNothing(ctx, batch, stored);
  } else if (size > inode.size) {
    RETURN_IF_ERROR(GrowTo(ctx, batch, stored, size));
  } else if (size < inode.size) {
    RETURN_IF_ERROR(ShrinkTo(ctx, batch, stored, size));
  }
  if (inode.bytes_allocated <= allocated) batch.FreesSpace();
  RETURN_IF_ERROR(CheckSpace(ctx, inode.bytes_allocated - allocated, 0));
  batch.Add(keys::BytesUsed(), inode.bytes_allocated - allocated);
  return {};
}

AttributeChange ToChange(const SetAttrRequest& request, const Inode& inode, Time now) {
  AttributeChange change;
  change.mode = request.mode;
  change.uid = request.uid;
  change.gid = request.gid;
  change.atime = request.atime;
  change.mtime = request.mtime;
  if (request.size && !request.mtime) change.mtime = now;
  change.ctime = request.ctime.value_or(now);
  change.clear_suid_sgid = request.clear_suid_sgid || (request.size && !request.caller.privileged);
  change.may_set_gid_bit =
      request.caller.privileged || request.caller.gid == request.gid.value_or(inode.gid);
  return change;
}

Result<std::optional<Node>> TrySetAttr(const Context& ctx, const SetAttrRequest& request) {
  ASSIGN_OR_RETURN(Stored stored, LoadByRef(ctx, request.ref));
  if (ChangesNothing(request)) return stored.node();
  const Time now = TimeFromNanos(ctx.clock.WallNanos());
  Batch batch;
  if (request.size) {
    RETURN_IF_ERROR(CheckSize(stored.inode, *request.size));
    if (*request.size < stored.inode.size && NeedsSteps(ctx, stored.inode, *request.size)) {
      RETURN_IF_ERROR(ShrinkInSteps(ctx, request.ref, *request.size));
      return kLost;
    }
    RETURN_IF_ERROR(ChangeSize(ctx, batch, stored, *request.size));
  }
  RETURN_IF_ERROR(ApplyAttributes(ctx, batch, stored, ToChange(request, stored.inode, now)));
  PutRecord(ctx, batch, stored);
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (!reply.succeeded) return kLost;
  return stored.node();
}

}  // namespace

Result<Node> SetAttr(const Context& ctx, const SetAttrRequest& request) {
  return Retry<Node>("setattr", [&] { return TrySetAttr(ctx, request); });
}

}  // namespace metaring::fusefs
